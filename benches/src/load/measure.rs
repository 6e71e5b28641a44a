//! A stretch of time and who used the processors during it.

use std::time::{Duration, Instant};

use super::{Fault, Process, Report, process::Machine};

/// Readings at the beginning of a measured stretch.
#[derive(Debug)]
pub(crate) struct Measure<'a> {
    server: &'a Process,
    start: Instant,
    server_cpu: Duration,
    own_cpu: Duration,
    machine: Machine,
    idle: Duration,
}

/// A finished stretch.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) seconds: f64,
    server_cpu: Duration,
    client_busy: f64,
    others: f64,
    stolen: f64,
}

impl<'a> Measure<'a> {
    /// Starts; `idle` is what the poller has waited for nothing so far.
    pub(crate) fn start(server: &'a Process, idle: Duration) -> Result<Self, Fault> {
        let own_cpu = own().cpu()?;
        let (server_cpu, machine) = (server.cpu()?, Machine::now()?);
        Ok(Self { server, start: Instant::now(), server_cpu, own_cpu, machine, idle })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Ends the stretch.
    pub(crate) fn finish(&self, idle: Duration) -> Result<Bill, Fault> {
        let seconds = self.start.elapsed().as_secs_f64();
        let server_cpu = self.server.cpu()?.saturating_sub(self.server_cpu);
        let own_cpu = own().cpu()?.saturating_sub(self.own_cpu);
        let machine = Machine::now()?;
        let busy = machine.busy.saturating_sub(self.machine.busy);
        let others = busy.saturating_sub(server_cpu).saturating_sub(own_cpu);
        let idle = idle.saturating_sub(self.idle).as_secs_f64();
        Ok(Bill {
            seconds,
            server_cpu,
            client_busy: (1.0 - idle / seconds).max(0.0),
            others: others.as_secs_f64() / seconds,
            stolen: machine.stolen.saturating_sub(self.machine.stolen).as_secs_f64() / seconds,
        })
    }
}

impl Bill {
    /// Server CPU time for each of `count` things, in microseconds.
    pub(crate) fn server_micros_per(&self, count: u64) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// Adds what tells whether the run can be trusted: the share of its core the client was busy, and
    /// how many cores other processes and the host of the machine took.
    pub(crate) fn put_conditions(&self, report: &mut Report) {
        report.put("server_cores", self.server_cpu.as_secs_f64() / self.seconds);
        report.put("client_busy", self.client_busy);
        report.put("others_cores", self.others);
        report.put("stolen_cores", self.stolen);
    }
}

fn own() -> Process {
    Process::new(std::process::id())
}
