//! What memberships, connected sockets and namespaces cost in memory.
//!
//! `cargo bench -p roomcast-benches --bench memory -- [--quick] [FILE.csv]`. Every figure comes from a process of its own, which
//! this program starts from itself, so that nobody gets what another one freed. A program apart from `threads`, since here
//! each allocation is counted: that would cost the systems which allocate in a join, and their threads would meet there.

#![forbid(unsafe_code)]

mod growth;
#[path = "../report/mod.rs"]
#[allow(dead_code, reason = "memory is only a cost; in other benches more can be better")]
mod report;
#[path = "../systems/mod.rs"]
#[allow(dead_code, reason = "memberships are joined and counted; other benches use the other verbs")]
mod systems;
mod workloads;

use std::{
    env,
    error::Error,
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;

use growth::Growth;
use report::{Findings, Options, exit};
use systems::{System, engine::Roomcast, on_every_system};
use workloads::Workload;

/// Measures bytes a membership, a socket and a namespace, beside other room structures.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Measures this alone and prints what it found: what the program starts itself with
    #[arg(long, hide = true, requires = "system")]
    workload: Option<Workload>,
    /// The system that does so
    #[arg(long, hide = true)]
    system: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match (arguments.workload, &arguments.system) {
        (Some(workload), Some(system)) => one(workload, system, arguments.options.quick),
        _ => all(&arguments.options),
    };
    exit("memory", result)
}

/// Each workload on each system, one process after the other.
fn all(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut findings = Findings::default();
    let mut result = Ok(());
    for workload in [Workload::Sparse, Workload::Dense] {
        on_every_system!(ask(workload, options, &mut findings, &mut result));
    }
    for workload in [Workload::Sockets, Workload::Namespaces] {
        ask::<Roomcast>(workload, options, &mut findings, &mut result);
    }
    result.and_then(|()| findings.publish(options))
}

/// Starts a process for one figure; not if there was an error before.
fn ask<S: System>(
    workload: Workload,
    options: &Options,
    findings: &mut Findings,
    result: &mut Result<(), Box<dyn Error>>,
) {
    if result.is_ok() {
        match child(workload, S::NAME, options.quick) {
            Ok(growth) => growth.add_to(findings, workload.name(), S::NAME),
            Err(error) => *result = Err(format!("{} on {}: {error}", workload.name(), S::NAME).into()),
        }
    }
}

fn child(workload: Workload, system: &str, quick: bool) -> Result<Growth, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--workload", workload.name(), "--system", system]).args(quick.then_some("--quick"));
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(output.status.to_string().into());
    }
    String::from_utf8_lossy(&output.stdout).parse()
}

/// The child's side.
fn one(workload: Workload, system: &str, quick: bool) -> Result<(), Box<dyn Error>> {
    let mut found = None;
    on_every_system!(measure_if(workload, system, quick, &mut found));
    let growth = found.ok_or_else(|| format!("no system is called {system:?}"))?;
    print!("{growth}");
    Ok(())
}

fn measure_if<S: System>(workload: Workload, system: &str, quick: bool, found: &mut Option<Growth>) {
    if S::NAME == system {
        *found = Some(workload.measure::<S>(quick));
    }
}
