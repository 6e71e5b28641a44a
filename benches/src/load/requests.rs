//! Requests: each connection asks, waits for the answer, and asks again; or has several open always.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Process, Report,
    connection::Connection,
    histogram::Histogram,
    measure::Measure,
    open_requests::OpenRequests,
    poller::{Poller, Wait},
    publication::Publication,
    rate::put_latency,
    stage::OPEN_AT_ONCE,
    transport::{BUFFER_BYTES, Received, Transport},
    virtual_request::{self, leading_number},
    wire::{TEXT, put_frame},
};

/// Each connection asks, waits for the answer and asks again.
#[derive(Debug, Clone, clap::Args)]
pub struct Requests {
    /// Connections
    #[arg(long, default_value_t = 100)]
    pub connections: usize,
    /// Requests that each connection has open
    #[arg(long, default_value_t = 1)]
    pub open: usize,
    /// `GET /me` as virtual requests instead of `getId` answered by `/ws`
    #[arg(long, conflicts_with = "echo")]
    pub sails: bool,
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
    /// Seconds without an answer, at the end, after which those that are due are missing
    #[arg(long, default_value_t = 20.0)]
    pub patience: f64,
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
    id: String,
    asked: u32,
    open: OpenRequests,
}

/// The kinds of requests.
enum Questions {
    GetId,
    Me,
    Echo(Publication),
}

impl Requests {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut askers = Askers::open(address, self)?;
        let warm_up = Measure::start(server, Duration::ZERO)?;
        while warm_up.elapsed().as_secs_f64() < self.warm_up {
            askers.turn(Wait::Spin, true)?;
        }
        askers.taken = Histogram::new();
        let before = askers.answers;
        let measure = Measure::start(server, askers.poller.idle())?;
        while measure.elapsed().as_secs_f64() < self.seconds {
            askers.turn(Wait::Spin, true)?;
        }
        let bill = measure.finish(askers.poller.idle())?;
        let answers = askers.answers - before;
        let mut report = Report::new();
        report.put("requests_per_s", answers as f64 / bill.seconds);
        report.put("server_us_per_request", bill.server_micros_per(answers));
        put_latency(&mut report, &askers.taken);
        bill.put_conditions(&mut report);
        askers.drain(Duration::try_from_secs_f64(self.patience).unwrap_or_default())?;
        Ok(report)
    }
}

impl Askers {
    fn open(address: SocketAddr, workload: &Requests) -> Result<Self, Fault> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let (dialect, questions) = match (workload.sails, workload.echo) {
            (true, _) => (Dialect::Sails, Questions::Me),
            (_, true) => (Dialect::Echo, Questions::Echo(Publication::new(Dialect::Echo, workload.bytes))),
            _ => (Dialect::Rooms, Questions::GetId),
        };
        let mut askers = Vec::with_capacity(workload.connections);
        while askers.len() < workload.connections {
            let count = OPEN_AT_ONCE.min(workload.connections - askers.len());
            let mut some: Vec<Connection> =
                (0..count).map(|_| Connection::open(address, dialect)).collect::<Result<_, _>>()?;
            for connection in &mut some {
                connection.expect_greeting(&mut buffer)?;
            }
            let new = |connection: Connection| {
                let id = connection.id().to_owned();
                Asker { connection, id, asked: 0, open: OpenRequests::default() }
            };
            askers.extend(some.into_iter().map(new));
        }
        let poller = Poller::new()?;
        for (token, asker) in askers.iter_mut().enumerate() {
            asker.connection.set_nonblocking()?;
            poller.add(asker.connection.stream(), token)?;
            asker.ask(&questions, workload.open)?;
        }
        Ok(Self { poller, askers, questions, buffer, answers: 0, taken: Histogram::new() })
    }

    /// Takes the answers there are. If it `goes_on`, each makes room for another request.
    fn turn(&mut self, wait: Wait, goes_on: bool) -> Result<(), Fault> {
        for index in 0..self.poller.wait(wait)? {
            let asker = &mut self.askers[self.poller.token(index)];
            let answered = asker.receive(&self.questions, &mut self.buffer, &mut self.taken)?;
            self.answers += answered as u64;
            if goes_on && answered > 0 {
                asker.ask(&self.questions, answered)?;
            }
        }
        Ok(())
    }

    /// Waits for the answers that are due.
    ///
    /// # Errors
    /// [`Fault::Missing`] if none comes for so long.
    fn drain(&mut self, patience: Duration) -> Result<(), Fault> {
        let mut progress = (self.answers, Instant::now());
        loop {
            let open: usize = self.askers.iter().map(|asker| asker.open.len()).sum();
            if open == 0 {
                return Ok(());
            }
            if self.answers > progress.0 {
                progress = (self.answers, Instant::now());
            } else if progress.1.elapsed() > patience {
                return Err(Fault::Missing { due: self.answers + open as u64, came: self.answers });
            }
            self.turn(Wait::Sleep(Duration::from_millis(10)), false)?;
        }
    }
}

impl Asker {
    /// Asks `count` questions in one write.
    fn ask(&mut self, questions: &Questions, count: usize) -> Result<(), Fault> {
        let mut frames = Vec::with_capacity(128 * count);
        let now = Instant::now();
        for _ in 0..count {
            self.asked = (self.asked + 1) % 100_000_000;
            questions.put(&mut frames, self.asked);
            self.open.ask(self.asked, now);
        }
        Ok(self.connection.send(&frames)?)
    }

    /// Takes the answers that came, and returns how many.
    fn receive(&mut self, questions: &Questions, buffer: &mut [u8], taken: &mut Histogram) -> Result<usize, Fault> {
        self.connection.flush()?;
        let (id, open, mut answered) = (&self.id, &mut self.open, 0);
        let received = self.connection.receive(buffer, |text| {
            let asked_at = questions.answered(text, id).and_then(|number| open.answer(number));
            taken.record(asked_at.ok_or_else(|| Fault::unexpected(text))?.elapsed());
            answered += 1;
            Ok(())
        })?;
        if received == Received::Full {
            return Err(Fault::Frame("more answers than requests"));
        }
        Ok(answered)
    }
}

impl Questions {
    fn put(&self, out: &mut Vec<u8>, number: u32) {
        match self {
            Self::GetId => put_frame(out, TEXT, format!(r#"{{"id":{number},"op":"getId"}}"#).as_bytes()),
            Self::Me => put_frame(out, TEXT, virtual_request::request(number, "get", "/me", "{}").as_bytes()),
            Self::Echo(publication) => {
                let mut text = Vec::new();
                publication.put_delivery(&mut text, number);
                put_frame(out, TEXT, &text);
            }
        }
    }

    /// The number of the question that `text` answers to the socket `id`; `None` if it is no answer.
    fn answered(&self, text: &[u8], id: &str) -> Option<u32> {
        match self {
            Self::GetId => {
                let (number, rest) = leading_number(text.strip_prefix(br#"{"reply":"#)?)?;
                rest.starts_with(br#","ok":true,"socket":""#).then_some(number)
            }
            Self::Me => {
                let (number, body) = virtual_request::answer(text)?;
                let said = body.strip_prefix(br#"{"id":""#)?.strip_suffix(br#""}"#)?;
                (said == id.as_bytes()).then_some(number)
            }
            Self::Echo(publication) => publication.number(text),
        }
    }
}
