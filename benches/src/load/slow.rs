//! Slow readers: some members never read while megabytes are offered to each. What the others notice,
//! when the slow ones are dropped, and what they cost the server.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Plan, PlanError, Process, Report,
    connection::Connection,
    flood::step,
    histogram::Histogram,
    measure::{Bill, Measure},
    stage::Stage,
};

/// How often the server is asked how many sockets it holds, and how much memory.
const SAMPLING: Duration = Duration::from_millis(100);

/// A flood in which some members never read: what the others notice.
#[derive(Debug, Clone, clap::Args)]
pub struct Slow {
    /// Members of the one room
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Members that stop reading after the first half
    #[arg(long, default_value_t = 10)]
    pub stuck: usize,
    /// Characters of the data of each message, 8 at least
    #[arg(long, default_value_t = 1_024)]
    pub bytes: usize,
    /// Messages in flight
    #[arg(long, default_value_t = 16)]
    pub window: u32,
    /// Megabytes offered to each member in each half
    #[arg(long, default_value_t = 10.0)]
    pub megabytes: f64,
    /// Longest time of each half in seconds, for servers that take longer over the megabytes
    #[arg(long, default_value_t = 30.0)]
    pub seconds_max: f64,
    /// Seconds to wait for the stuck members to be dropped
    #[arg(long, default_value_t = 20.0)]
    pub patience: f64,
}

/// One half of the run.
#[derive(Debug)]
struct Half {
    bill: Bill,
    delivered: u64,
    offered_bytes: f64,
    taken: Histogram,
    resident_peak: u64,
    dropped_after: Option<Duration>,
}

impl Slow {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        if self.stuck >= self.members {
            return Err(PlanError::Empty.into());
        }
        let mut stage = Stage::set(address, Dialect::Rooms, &Plan::new(self.members, 1, 1)?, self.bytes)?;
        let healthy = self.half(&mut stage, server, 0)?;
        let resident = server.resident_bytes()?;
        stage.stop_reading(self.stuck)?;
        let stuck = self.half(&mut stage, server, self.stuck)?;
        let mut report = Report::new();
        report.put("healthy_deliveries_per_s", healthy.rate());
        report.put("stuck_deliveries_per_s", stuck.rate());
        report.put("stuck_rate_ratio", stuck.rate() / healthy.rate());
        report.put_micros("healthy_p50_us", healthy.taken.quantile(0.5));
        report.put_micros("healthy_p99_us", healthy.taken.quantile(0.99));
        report.put_micros("p50_us", stuck.taken.quantile(0.5));
        report.put_micros("p99_us", stuck.taken.quantile(0.99));
        report.put_micros("max_us", stuck.taken.longest());
        report.put("offered_mb", stuck.offered_bytes / 1e6);
        report.put("grown_mib", stuck.resident_peak.saturating_sub(resident) as f64 / 1_048_576.0);
        if let Some(after) = stuck.dropped_after {
            report.put("dropped_after_s", after.as_secs_f64());
        }
        stuck.bill.put_conditions(&mut report);
        Ok(report)
    }

    /// Floods until each member was offered its megabytes, then waits until the server has let `stuck`
    /// sockets go.
    fn half(&self, stage: &mut Stage<Connection>, server: &Process, stuck: usize) -> Result<Half, Fault> {
        let messages = (self.megabytes * 1e6 / self.bytes as f64).ceil() as u32;
        let from = stage.published();
        let mut sentry = Sentry::new(server, stuck)?;
        stage.start_latency();
        let before = stage.delivered();
        let measure = Measure::start(server, stage.idle())?;
        while stage.published() < from + messages && measure.elapsed().as_secs_f64() < self.seconds_max {
            step(stage, self.window)?;
            sentry.look()?;
        }
        let bill = measure.finish(stage.idle())?;
        let delivered = stage.delivered() - before;
        let offered_bytes = f64::from(stage.published() - from) * self.bytes as f64;
        stage.drain()?;
        let taken = stage.take_latency();
        while sentry.waits() && sentry.start.elapsed().as_secs_f64() < self.patience {
            std::thread::sleep(SAMPLING);
            sentry.look()?;
        }
        let Sentry { resident_peak, dropped_after, .. } = sentry;
        Ok(Half { bill, delivered, offered_bytes, taken, resident_peak, dropped_after })
    }
}

impl Half {
    fn rate(&self) -> f64 {
        self.delivered as f64 / self.bill.seconds
    }
}

/// Watches the server's sockets and memory. A client that does not read cannot see that it was dropped:
/// the end of the stream queues behind what it did not read.
#[derive(Debug)]
struct Sentry<'a> {
    server: &'a Process,
    start: Instant,
    looked: Instant,
    files: usize,
    stuck: usize,
    resident_peak: u64,
    dropped_after: Option<Duration>,
}

impl<'a> Sentry<'a> {
    fn new(server: &'a Process, stuck: usize) -> Result<Self, Fault> {
        let (now, files) = (Instant::now(), server.open_files()?);
        Ok(Self { server, start: now, looked: now, files, stuck, resident_peak: 0, dropped_after: None })
    }

    fn waits(&self) -> bool {
        self.stuck > 0 && self.dropped_after.is_none()
    }

    fn look(&mut self) -> Result<(), Fault> {
        if self.looked.elapsed() < SAMPLING {
            return Ok(());
        }
        self.looked = Instant::now();
        self.resident_peak = self.resident_peak.max(self.server.resident_bytes()?);
        if self.waits() && self.server.open_files()? + self.stuck <= self.files {
            self.dropped_after = Some(self.start.elapsed());
        }
        Ok(())
    }
}
