//! `compare`: measures room servers side by side. `benches/run` builds all that it needs and starts it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Starts each server alone on its core, loads it from another, and prints medians over interleaved
/// rounds as a Markdown table.
#[cfg(target_os = "linux")]
#[derive(clap::Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    compare: roomcast_benches::compare::Options,
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let Options { compare } = clap::Parser::parse();
    match roomcast_benches::compare::run(&compare) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("compare: reads /proc and pins processes, so it runs on Linux only");
    ExitCode::FAILURE
}
