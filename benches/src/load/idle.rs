//! Idle: connections that do nothing, and the memory of each.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Process, Report,
    connection::Connection,
    poller::{Poller, Wait},
    polling::Polling,
    stage::OPEN_AT_ONCE,
    transport::{BUFFER_BYTES, Transport},
};

/// How long the server may tidy up before its memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// Open connections that do nothing: memory of each.
#[derive(Debug, Clone, clap::Args)]
pub struct Idle {
    /// What is spoken with the server
    #[arg(long, value_enum, default_value_t = Dialect::Rooms)]
    pub dialect: Dialect,
    /// Connections; the slope is taken between a tenth and nine tenths of them
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
}

impl Idle {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        match self.dialect {
            Dialect::SioPolling => self.run_over::<Polling>(address, server),
            _ => self.run_over::<Connection>(address, server),
        }
    }

    fn run_over<T: Transport>(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut crowd = Crowd::<T>::new(address, self.dialect)?;
        let mut resident = |connections| {
            crowd.grow(connections)?;
            crowd.stay()?;
            server.resident_bytes()
        };
        let (low, high) = (self.connections / 10, self.connections / 10 * 9);
        let (base, at_low, at_high) = (resident(0)?, resident(low)?, resident(high)?);
        let at_all = resident(self.connections)?;
        let mut report = Report::new();
        report.put("base_mib", base as f64 / 1_048_576.0);
        report.put("slope_bytes_per_connection", growth(at_low, at_high) / (high - low).max(1) as f64);
        report.put("kib_per_connection", growth(base, at_all) / self.connections.max(1) as f64 / 1024.0);
        report.put("connections", crowd.members.len() as f64);
        Ok(report)
    }
}

fn growth(from: u64, to: u64) -> f64 {
    to as f64 - from as f64
}

/// Connections that were greeted and say nothing but pongs.
struct Crowd<T> {
    address: SocketAddr,
    dialect: Dialect,
    poller: Poller,
    members: Vec<T>,
    buffer: Vec<u8>,
}

impl<T: Transport> Crowd<T> {
    fn new(address: SocketAddr, dialect: Dialect) -> Result<Self, Fault> {
        let (members, buffer) = (Vec::new(), vec![0; BUFFER_BYTES]);
        Ok(Self { address, dialect, poller: Poller::new()?, members, buffer })
    }

    fn grow(&mut self, to: usize) -> Result<(), Fault> {
        while self.members.len() < to {
            let from = self.members.len();
            for _ in 0..OPEN_AT_ONCE.min(to - from) {
                self.members.push(T::open(self.address, self.dialect)?);
            }
            for (member, token) in self.members[from..].iter_mut().zip(from..) {
                member.expect_greeting(&mut self.buffer)?;
                member.listen()?;
                member.set_nonblocking()?;
                self.poller.add(member.stream(), token)?;
            }
            self.turn(Wait::Spin)?;
        }
        Ok(())
    }

    /// Lets the server tidy up before its memory is read.
    fn stay(&mut self) -> Result<(), Fault> {
        let start = Instant::now();
        while start.elapsed() < SETTLE {
            self.turn(Wait::Sleep(Duration::from_millis(100)))?;
        }
        Ok(())
    }

    fn turn(&mut self, wait: Wait) -> Result<(), Fault> {
        for index in 0..self.poller.wait(wait)? {
            let member = &mut self.members[self.poller.token(index)];
            member.receive(&mut self.buffer, |text| Err(Fault::unexpected(text)))?;
        }
        Ok(())
    }
}
