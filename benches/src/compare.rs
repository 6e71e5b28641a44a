//! The runner: servers side by side, each alone on its core, in interleaved rounds.
//!
//! Round by round and workload by workload every server is started afresh, loaded, and ended, one after
//! the other: what else the machine does meanwhile hits all of them alike, and medians over the rounds
//! take out the rest. The table goes to standard output as Markdown, every single figure to a CSV.

mod machine;
mod results;
mod servers;
mod workloads;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use machine::Machine;
use results::{Outcome, Results};
pub use servers::Server;
use servers::{Running, Seat};
use workloads::{WORKLOADS, Workload};

/// Longest time of one run of the load generator.
const RUN_SECONDS_MAX: &str = "240";

/// What to compare.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Servers. Each runs the workloads it can: ours all; bun, ws and send (the bare-send limit) those of raw WebSockets;
    /// socketioxide those of Socket.IO and of virtual requests; socket.io and sails those of either
    #[arg(long, value_delimiter = ',', default_value = "ours,bun,ws,send,socketioxide,socket.io,sails")]
    pub servers: Vec<Server>,
    /// Workloads whose name begins so; all if none is given
    #[arg(value_name = "WORKLOAD")]
    pub workloads: Vec<String>,
    /// Lists the workloads, and measures nothing
    #[arg(long)]
    pub list: bool,
    /// Rounds; the table has their medians
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// File for every figure of every run
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// Folder of the workspace
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."), hide_default_value = true)]
    pub root: PathBuf,
    /// The servers' core
    #[arg(long, default_value_t = 0)]
    pub server_cpu: usize,
    /// The load generator's core
    #[arg(long, default_value_t = 1)]
    pub load_cpu: usize,
    /// Ordinary scheduling, instead of SCHED_RR where that is permitted. On a busy machine SCHED_RR keeps
    /// other processes out of a run; on a quiet one it takes 5 % from a saturated core, in one piece a second
    #[arg(long)]
    pub no_realtime: bool,
}

/// Measures, prints the table and writes the CSV.
///
/// Returns whether every run of every server passed the load generator's checks.
///
/// # Errors
/// If the CSV cannot be written or a program cannot be started. A server that fails a run is a result,
/// not an error.
pub fn run(options: &Options) -> io::Result<bool> {
    let chosen: Vec<&Workload> = WORKLOADS.iter().filter(|workload| is_chosen(workload, &options.workloads)).collect();
    if options.list {
        chosen.iter().for_each(|workload| println!("{:28} load {}", workload.name, workload.load.join(" ")));
        return Ok(true);
    }
    if chosen.is_empty() {
        return Err(io::Error::other("no workload has such a name; --list shows them"));
    }
    let seat = Seat::find(options.server_cpu, options.load_cpu, !options.no_realtime);
    let machine = Machine::look(&seat);
    let mut results = Results::new(machine);
    for round in 1..=options.rounds {
        for workload in &chosen {
            for server in options.servers.iter().filter(|server| workload.suits(**server)) {
                eprintln!("round {round} of {}: {} {}", options.rounds, workload.name, server.name());
                let outcome = measure(options, &seat, *server, workload, &mut results.banners)?;
                results.add(workload, *server, round, outcome);
            }
        }
    }
    print!("{}", results.table(&chosen, &options.servers));
    if let Some(path) = &options.csv {
        let mut csv = BufWriter::new(File::create(path)?);
        results.write_csv(&mut csv)?;
        csv.flush()?;
        eprintln!("every figure is in {}", path.display());
    }
    Ok(results.all_passed())
}

fn is_chosen(workload: &Workload, prefixes: &[String]) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| workload.name.starts_with(prefix.as_str()))
}

/// One run: a fresh server, the load beside it.
fn measure(
    options: &Options,
    seat: &Seat,
    server: Server,
    workload: &Workload,
    banners: &mut results::Banners,
) -> io::Result<Outcome> {
    let Some(program) = server.program(workload.application) else {
        let arguments = workload.limit.iter().map(|argument| (*argument).to_owned());
        let cpus = [format!("--sender-cpu={}", options.server_cpu), format!("--sink-cpu={}", options.load_cpu)];
        return load(seat.anywhere("timeout"), "sendlimit", arguments.chain(cpus));
    };
    let running = Running::start(program, seat, &options.root)?;
    banners.insert(running.version().to_owned());
    let target = [format!("--address={}", running.address()), format!("--pid={}", running.pid())];
    let arguments = target.into_iter().chain(workload.load.iter().map(|argument| (*argument).to_owned()));
    load(seat.beside("timeout"), "load", arguments)
}

/// Runs a program that lies beside this one, and reads its figures.
fn load(mut command: Command, program: &str, arguments: impl Iterator<Item = String>) -> io::Result<Outcome> {
    let path = std::env::current_exe()?.with_file_name(program);
    let output = command.arg(RUN_SECONDS_MAX).arg(path).args(arguments).stdin(Stdio::null()).output()?;
    Ok(Outcome::read(output.status, &output.stdout, &output.stderr))
}
