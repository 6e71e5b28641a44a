//! Idle: connections that do nothing, and the memory of each.

use std::{net::SocketAddr, thread::sleep, time::Duration};

use super::{
    Fault, Process, Report,
    connection::{BUFFER_BYTES, Connection},
    stage::OPEN_AT_ONCE,
};

/// How long the server may tidy up before its memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// Open connections that do nothing: memory of each.
#[derive(Debug, Clone, clap::Args)]
pub struct Idle {
    /// Connections; the slope is taken between a tenth and nine tenths of them
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
}

impl Idle {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let resident = || {
            sleep(SETTLE);
            server.resident_bytes()
        };
        let mut crowd = Crowd { address, connections: Vec::new(), buffer: vec![0; BUFFER_BYTES] };
        let (low, high) = (self.connections / 10, self.connections / 10 * 9);
        let base = resident()?;
        crowd.grow(low)?;
        let at_low = resident()?;
        crowd.grow(high)?;
        let at_high = resident()?;
        crowd.grow(self.connections)?;
        let at_all = resident()?;
        let mut report = Report::new();
        report.put("base_mib", base as f64 / 1_048_576.0);
        report.put("slope_bytes_per_connection", growth(at_low, at_high) / (high - low).max(1) as f64);
        report.put("kib_per_connection", growth(base, at_all) / self.connections.max(1) as f64 / 1024.0);
        report.put("connections", crowd.connections.len() as f64);
        Ok(report)
    }
}

fn growth(from: u64, to: u64) -> f64 {
    to as f64 - from as f64
}

/// Connections that were greeted and are left alone.
struct Crowd {
    address: SocketAddr,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

impl Crowd {
    fn grow(&mut self, to: usize) -> Result<(), Fault> {
        while self.connections.len() < to {
            let count = OPEN_AT_ONCE.min(to - self.connections.len());
            let from = self.connections.len();
            for _ in 0..count {
                self.connections.push(Connection::open(self.address, "/ws")?);
            }
            for connection in &mut self.connections[from..] {
                connection.expect_hello(&mut self.buffer)?;
            }
        }
        Ok(())
    }
}
