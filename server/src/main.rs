//! The program: settings, logs, runtime, and the server.

#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use roomcast_server::{Asked, Settings, run};
use tracing_subscriber::EnvFilter;

/// A setting that cannot be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::read(std::env::args_os()) {
        Ok(Asked::Serve(settings)) => settings,
        Ok(Asked::Print(text)) => {
            // Whoever closes the pipe has read enough.
            let _read_enough = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("{why}");
            return ExitCode::from(USAGE);
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.log))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start threads: {error}")),
    };
    match runtime.block_on(run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
