//! What the server's process takes.

use crate::Server;
use std::fs;

/// Resident memory of a process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// The most since it started.
    pub most: u64,
}

impl Memory {
    /// That of a server, from `/proc`.
    ///
    /// # Panics
    /// If it does not run, or the system has no `/proc`.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let path = format!("/proc/{}/status", server.pid());
        let status = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { now: kib(&status, "VmRSS:"), most: kib(&status, "VmHWM:") }
    }
}

fn kib(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.unwrap_or_else(|| panic!("no {key} in {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_status() {
        let status = "Name:\tserver\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!((kib(status, "VmRSS:"), kib(status, "VmHWM:")), (1024, 2048));
    }
}
