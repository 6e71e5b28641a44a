//! What a figure was measured on, since it means nothing elsewhere.

use std::{fmt, fs, process::Command, thread};

use super::servers::Seat;

/// The machine and the moment.
#[derive(Debug)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    cores: usize,
    kernel: String,
    load_average: String,
    realtime: bool,
}

impl Machine {
    /// Looks at this machine, now.
    pub(crate) fn look(seat: &Seat) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|parts| parts.1));
        Self {
            date: said("date", &["-u", "+%F %R UTC"]),
            processor: model.unwrap_or("unknown processor").to_owned(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: said("uname", &["-sr"]),
            load_average: fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned(),
            realtime: seat.realtime,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, cores, kernel, load_average, realtime } = self;
        let scheduling = if *realtime { "SCHED_RR 1" } else { "ordinary scheduling" };
        write!(
            f,
            "{date}; {processor}, {cores} cores; {kernel}; {scheduling}; load average at the start {load_average}"
        )
    }
}

/// What a command prints, or "unknown".
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
