//! `load`: puts one workload on one server and prints its figures.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Puts load on a server that speaks the JSON room protocol, Socket.IO or virtual requests, checks every byte that
/// comes back, and prints one figure a line. Pin it to a core of its own, away from the server's: `taskset -c 1 load ..`
#[cfg(target_os = "linux")]
#[derive(clap::Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    target: roomcast_benches::load::Target,
    #[command(subcommand)]
    workload: roomcast_benches::load::Workload,
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let Options { target, workload } = clap::Parser::parse();
    match roomcast_benches::load::run(&target, &workload) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("load: {fault}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("load: reads /proc and epoll, so it runs on Linux only");
    ExitCode::FAILURE
}
