//! Flood: as many messages as are delivered, with a number of them always in flight.

use std::{net::SocketAddr, time::Duration};

use super::{
    Dialect, Fault, Plan, Process, Report, connection::Connection, measure::Measure, poller::Wait, polling::Polling,
    stage::Stage, transport::Transport,
};

/// How long to wait for more when few members have something: see `Poller::gather`.
const GATHER: Duration = Duration::from_micros(20);

/// One publisher, N members, a number of messages always in flight.
#[derive(Debug, Clone, clap::Args)]
pub struct Flood {
    /// What is spoken with the server
    #[arg(long, value_enum, default_value_t = Dialect::Rooms)]
    pub dialect: Dialect,
    /// Members
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Rooms; message n goes to room n % rooms
    #[arg(long, default_value_t = 1)]
    pub rooms: usize,
    /// Rooms of each member
    #[arg(long, default_value_t = 1)]
    pub rooms_per_member: usize,
    /// Characters of the data of each message, 8 at least
    #[arg(long, default_value_t = 64)]
    pub bytes: usize,
    /// Messages in flight: topped up in one write when half of them are delivered
    #[arg(long, default_value_t = 64)]
    pub window: u32,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// Seconds of the measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

impl Flood {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        match self.dialect {
            Dialect::SioPolling => self.run_over::<Polling>(address, server),
            _ => self.run_over::<Connection>(address, server),
        }
    }

    fn run_over<T: Transport>(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let plan = Plan::new(self.members, self.rooms, self.rooms_per_member)?;
        let mut stage = Stage::<T>::set(address, self.dialect, &plan, self.bytes)?;
        let warm_up = Measure::start(server, stage.idle())?;
        while warm_up.elapsed().as_secs_f64() < self.warm_up {
            step(&mut stage, self.window)?;
        }
        let before = (stage.published(), stage.delivered());
        let measure = Measure::start(server, stage.idle())?;
        while measure.elapsed().as_secs_f64() < self.seconds {
            step(&mut stage, self.window)?;
        }
        let bill = measure.finish(stage.idle())?;
        let delivered = stage.delivered() - before.1;
        let mut report = Report::new();
        report.put("deliveries_per_s", delivered as f64 / bill.seconds);
        report.put("server_us_per_delivery", bill.server_micros_per(delivered));
        report.put("messages_per_s", f64::from(stage.published() - before.0) / bill.seconds);
        report.put("server_resident_kib", server.resident_bytes()? as f64 / 1024.0);
        bill.put_conditions(&mut report);
        stage.drain()?;
        Ok(report)
    }
}

/// Tops up to `window` messages in flight once half of them are delivered, and looks at the sockets.
pub(super) fn step<T: Transport>(stage: &mut Stage<T>, window: u32) -> Result<(), Fault> {
    let in_flight = stage.in_flight() as u32;
    if in_flight <= window / 2 {
        stage.publish(window - in_flight)?;
    }
    stage.turn(Wait::Spin)?;
    stage.gather(GATHER);
    Ok(())
}
