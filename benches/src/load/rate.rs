//! Rate: broadcasts at a fixed rate, and how long each delivery takes.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Plan, Process, Report, connection::Connection, histogram::Histogram, measure::Measure,
    poller::Wait, stage::Stage,
};

/// Broadcasts at a fixed rate: latency of each delivery.
#[derive(Debug, Clone, clap::Args)]
pub struct Rate {
    /// Members of the one room
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Broadcasts a second
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// Characters of the data of each message, 8 at least
    #[arg(long, default_value_t = 64)]
    pub bytes: usize,
    /// Sleep between events instead of spinning, so that the server pays for waking the client
    #[arg(long)]
    pub sleep: bool,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// Seconds of the measurement
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
}

impl Rate {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut stage = Stage::set(address, Dialect::Rooms, &Plan::new(self.members, 1, 1)?, self.bytes)?;
        self.pace(&mut stage, self.warm_up)?;
        stage.start_latency();
        let before = stage.delivered();
        let measure = Measure::start(server, stage.idle())?;
        self.pace(&mut stage, self.seconds)?;
        let bill = measure.finish(stage.idle())?;
        let delivered = stage.delivered() - before;
        stage.drain()?;
        let mut report = Report::new();
        put_latency(&mut report, &stage.take_latency());
        report.put("server_us_per_delivery", bill.server_micros_per(delivered));
        bill.put_conditions(&mut report);
        Ok(report)
    }

    /// Publishes by the clock, not by the last delivery: a late server does not get fewer messages, and
    /// what it is late with counts.
    fn pace(&self, stage: &mut Stage<Connection>, seconds: f64) -> Result<(), Fault> {
        let start = Instant::now();
        for message in 0..(seconds * self.rate) as u32 {
            let due = start + Duration::from_secs_f64(f64::from(message) / self.rate);
            loop {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                stage.turn(if self.sleep { Wait::Sleep(left) } else { Wait::Spin })?;
            }
            stage.publish(1)?;
        }
        Ok(())
    }
}

/// The figures of a set of latencies.
pub(super) fn put_latency(report: &mut Report, taken: &Histogram) {
    report.put_micros("p50_us", taken.quantile(0.5));
    report.put_micros("p99_us", taken.quantile(0.99));
    report.put_micros("max_us", taken.longest());
}
