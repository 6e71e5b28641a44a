//! Requests: each connection asks, waits for the answer, and asks again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Process, Report,
    connection::Connection,
    histogram::Histogram,
    measure::Measure,
    poller::{Poller, Wait},
    publication::Publication,
    rate::put_latency,
    stage::OPEN_AT_ONCE,
    transport::{BUFFER_BYTES, Received, Transport},
    wire::{TEXT, put_frame},
};

/// Each connection asks, waits for the answer and asks again.
#[derive(Debug, Clone, clap::Args)]
pub struct Requests {
    /// Connections, each with one request open
    #[arg(long, default_value_t = 100)]
    pub connections: usize,
    /// Texts echoed by `/ws/echo` instead of `getId` answered by `/ws`
    #[arg(long)]
    pub echo: bool,
    /// Characters of the data of each echoed text, 8 at least
    #[arg(long, default_value_t = 64)]
    pub bytes: usize,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// Seconds of the measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

/// All connections that ask.
struct Askers {
    poller: Poller,
    askers: Vec<Asker>,
    questions: Questions,
    buffer: Vec<u8>,
    answers: u64,
    taken: Histogram,
}

struct Asker {
    connection: Connection,
    number: u32,
    asked_at: Instant,
}

/// The two kinds of requests.
enum Questions {
    GetId,
    Echo(Publication),
}

impl Requests {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut askers = Askers::open(address, self)?;
        let warm_up = Measure::start(server, Duration::ZERO)?;
        while warm_up.elapsed().as_secs_f64() < self.warm_up {
            askers.turn()?;
        }
        askers.taken = Histogram::new();
        let before = askers.answers;
        let measure = Measure::start(server, askers.poller.idle())?;
        while measure.elapsed().as_secs_f64() < self.seconds {
            askers.turn()?;
        }
        let bill = measure.finish(askers.poller.idle())?;
        let answers = askers.answers - before;
        let mut report = Report::new();
        report.put("requests_per_s", answers as f64 / bill.seconds);
        report.put("server_us_per_request", bill.server_micros_per(answers));
        put_latency(&mut report, &askers.taken);
        bill.put_conditions(&mut report);
        Ok(report)
    }
}

impl Askers {
    fn open(address: SocketAddr, workload: &Requests) -> Result<Self, Fault> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let dialect = if workload.echo { Dialect::Echo } else { Dialect::Rooms };
        let mut askers = Vec::with_capacity(workload.connections);
        while askers.len() < workload.connections {
            let count = OPEN_AT_ONCE.min(workload.connections - askers.len());
            let mut some: Vec<Connection> =
                (0..count).map(|_| Connection::open(address, dialect)).collect::<Result<_, _>>()?;
            for connection in &mut some {
                connection.expect_greeting(&mut buffer)?;
            }
            askers.extend(some.into_iter().map(|connection| Asker { connection, number: 0, asked_at: Instant::now() }));
        }
        let questions =
            if workload.echo { Questions::Echo(Publication::new(dialect, workload.bytes)) } else { Questions::GetId };
        let poller = Poller::new()?;
        for (token, asker) in askers.iter_mut().enumerate() {
            asker.connection.set_nonblocking()?;
            poller.add(asker.connection.stream(), token)?;
            asker.ask(&questions)?;
        }
        Ok(Self { poller, askers, questions, buffer, answers: 0, taken: Histogram::new() })
    }

    fn turn(&mut self) -> Result<(), Fault> {
        for index in 0..self.poller.wait(Wait::Spin)? {
            let Asker { connection, number, asked_at } = &mut self.askers[self.poller.token(index)];
            let mut answered = 0;
            let received = connection.receive(&mut self.buffer, |text| {
                answered += 1;
                self.questions.check(text, *number)
            })?;
            if received == Received::Full || answered > 1 {
                return Err(Fault::Frame("more answers than requests"));
            }
            if answered == 1 {
                self.taken.record(asked_at.elapsed());
                self.answers += 1;
                self.askers[self.poller.token(index)].ask(&self.questions)?;
            }
        }
        Ok(())
    }
}

impl Asker {
    fn ask(&mut self, questions: &Questions) -> Result<(), Fault> {
        self.number = (self.number + 1) % 100_000_000;
        let mut frame = Vec::with_capacity(128);
        questions.put(&mut frame, self.number);
        self.asked_at = Instant::now();
        Ok(self.connection.send(&frame)?)
    }
}

impl Questions {
    fn put(&self, out: &mut Vec<u8>, number: u32) {
        match self {
            Self::GetId => put_frame(out, TEXT, format!(r#"{{"id":{number},"op":"getId"}}"#).as_bytes()),
            Self::Echo(publication) => {
                let mut text = Vec::new();
                publication.put_delivery(&mut text, number);
                put_frame(out, TEXT, &text);
            }
        }
    }

    fn check(&self, text: &[u8], number: u32) -> Result<(), Fault> {
        let answered = match self {
            Self::GetId => text.starts_with(format!(r#"{{"reply":{number},"ok":true,"socket":""#).as_bytes()),
            Self::Echo(publication) => publication.number(text) == Some(number),
        };
        if answered { Ok(()) } else { Err(Fault::unexpected(text)) }
    }
}
