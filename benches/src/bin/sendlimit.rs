//! `sendlimit`: the physical limit of sending to many sockets from one core.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Sends to many loopback sockets from one core while another drains them, and prints what it cost.
#[cfg(target_os = "linux")]
#[derive(clap::Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    limit: roomcast_benches::sendlimit::SendLimit,
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let Options { limit } = clap::Parser::parse();
    match limit.run() {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("sendlimit: {fault}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("sendlimit: uses epoll and CPU affinity, so it runs on Linux only");
    ExitCode::FAILURE
}
