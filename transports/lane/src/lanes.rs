//! All lanes of a program.

pub(crate) mod accept;
pub(crate) mod codecs;
pub(crate) mod counters;
pub(crate) mod driver;
pub(crate) mod ids;
pub(crate) mod order;
pub(crate) mod shared;
pub(crate) mod tasks;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast::{Codec, Engine};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use crate::application::Application;
use crate::lane::budget::Budget;
use crate::lane::ports::Ports;
use crate::lane::{Lane, Limits};
use crate::lanes::codecs::{CodecId, Codecs};
use crate::lanes::counters::LaneStats;
use crate::lanes::order::{Adoption, Order};
use crate::lanes::shared::LaneShared;
use crate::lanes::tasks::Tasks;
use crate::link::stream::Stream;
use crate::protocol::Protocol;
use crate::protocol::port::Port;
use crate::protocol::wire::Wire;

/// The lanes of a program: a thread each, which own all connections. Cheap to clone; the threads end when the last clone is
/// dropped, and with them, at once, the connections.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// let engine = roomcast::Engine::new();
/// let lanes = roomcast_lane::Lanes::start(&engine)?;
/// // ... give them to transports ...
/// lanes.drain(std::time::Duration::from_secs(3)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lanes(Arc<Inner>);

struct Inner {
    engine: Engine,
    lanes: Vec<Arc<LaneShared>>,
    codecs: Arc<Codecs>,
    connections_max: usize,
    draining: AtomicBool,
    /// Told when draining begins.
    drain: Notify,
    /// How each lane tells its end.
    ends: Mutex<Vec<oneshot::Receiver<usize>>>,
}

/// Settings of [`Lanes`].
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `start`"]
pub struct LanesBuilder {
    threads: Option<usize>,
    outbox_bytes_max: usize,
    outbox_age_max: Duration,
    outboxes_bytes_max: u64,
    inbox_bytes_max: u64,
    connections_max: usize,
}

impl Default for LanesBuilder {
    fn default() -> Self {
        Self {
            threads: None,
            outbox_bytes_max: 1 << 20,
            outbox_age_max: Duration::from_secs(10),
            outboxes_bytes_max: 1 << 30,
            inbox_bytes_max: 64 << 20,
            connections_max: usize::MAX,
        }
    }
}

impl LanesBuilder {
    /// How many lanes there are, at least one. By default as many as the process may use cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Bytes that may wait for one connection that does not read, 1 MiB by default. A message is taken while less than this
    /// waits, so one message may exceed it; with the next one the connection is cut off.
    pub fn outbox_bytes_max(mut self, bytes: usize) -> Self {
        self.outbox_bytes_max = bytes;
        self
    }

    /// How long a connection may take nothing while something waits for it, 10 s by default; then it is cut off.
    pub fn outbox_age_max(mut self, age: Duration) -> Self {
        self.outbox_age_max = age;
        self
    }

    /// Bytes that may wait for all connections together, 1 GiB by default. Beyond it the connections for which most is
    /// waiting are cut off, on whatever lane they are. While the lane of such a connection is held by a handler, the others
    /// may exceed it by an eighth.
    pub fn outboxes_bytes_max(mut self, bytes: u64) -> Self {
        self.outboxes_bytes_max = bytes;
        self
    }

    /// Bytes that may wait in the inbox of one lane, 64 MiB by default. Beyond it broadcasts are refused
    /// ([`Sent::overloaded`](roomcast::Sent)); above a quarter of it the lane reads only a few
    /// connections a turn.
    pub fn inbox_bytes_max(mut self, bytes: u64) -> Self {
        self.inbox_bytes_max = bytes;
        self
    }

    /// How many connections with a stream there may be, without limit by default. Further ones are closed as soon as they are
    /// accepted.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Starts the threads. The application's futures will run on the tokio runtime from which this is called.
    ///
    /// # Errors
    /// Outside a tokio runtime, or if the system refuses a thread or a reactor.
    pub fn start(self, engine: &Engine) -> io::Result<Lanes> {
        let runtime = Handle::try_current().map_err(|_| {
            io::Error::other("lanes need the application's tokio runtime: call it inside #[tokio::main]")
        })?;
        let threads = match self.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (codecs, budget) = (Arc::new(Codecs::default()), Arc::new(Budget::new(self.outboxes_bytes_max, threads)));
        let limits = Limits { outbox_bytes_max: self.outbox_bytes_max, outbox_age_max: self.outbox_age_max };
        let (mut lanes, mut ends) = (Vec::with_capacity(threads), Vec::with_capacity(threads));
        for index in 0..threads {
            let shared = Arc::new(LaneShared::new(index, self.inbox_bytes_max, &codecs, &budget));
            let tasks = Tasks::Runtime(runtime.clone());
            let (here, engine) = (Arc::clone(&shared), engine.clone());
            let make = move || {
                let port = engine.attach(Arc::clone(&here) as Arc<dyn roomcast::Lane>);
                Lane::new(here, Ports::new(port), limits, tasks, Instant::now())
            };
            match driver::start(&shared, make) {
                Ok(end) => {
                    lanes.push(shared);
                    ends.push(end);
                }
                Err(error) => {
                    stop(&lanes);
                    return Err(error);
                }
            }
        }
        budget.introduce(&lanes);
        Ok(Lanes(Arc::new(Inner {
            engine: engine.clone(),
            lanes,
            codecs,
            connections_max: self.connections_max,
            draining: AtomicBool::new(false),
            drain: Notify::new(),
            ends: Mutex::new(ends),
        })))
    }
}

impl Lanes {
    /// Starts a lane for each core that the process may use, with all settings at their defaults.
    ///
    /// # Errors
    /// As [`LanesBuilder::start`].
    pub fn start(engine: &Engine) -> io::Result<Self> {
        Self::builder().start(engine)
    }

    /// Settings.
    pub fn builder() -> LanesBuilder {
        LanesBuilder::default()
    }

    /// A lane that somebody else drives.
    pub(crate) fn of(engine: &Engine, lane: &Arc<LaneShared>) -> Self {
        Self(Arc::new(Inner {
            engine: engine.clone(),
            lanes: vec![Arc::clone(lane)],
            codecs: Arc::clone(&lane.codecs),
            connections_max: usize::MAX,
            draining: AtomicBool::new(false),
            drain: Notify::new(),
            ends: Mutex::default(),
        }))
    }

    /// The engine whose sockets live here, in its first namespace.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// How many lanes there are.
    pub fn threads(&self) -> usize {
        self.0.lanes.len()
    }

    /// Makes a codec known. Each message is encoded at most once for each codec, so a transport registers one once, not for
    /// each connection. A type without fields is registered only once, and gets the same id again: places that speak it share
    /// what is encoded.
    ///
    /// # Panics
    /// If there are 256 already: a mistake of the program.
    pub fn register(&self, codec: impl Codec) -> CodecId {
        let id = self.0.codecs.register(codec);
        id.unwrap_or_else(|| {
            panic!("a program may register {} codecs; register each once, not per connection", Codecs::MAX)
        })
    }

    /// Accepts connections until the lanes drain, and speaks a protocol on them, which `protocol` makes for each. The future
    /// does the accepting: it has to be awaited, or spawned.
    ///
    /// # Errors
    /// Those of the listener that do not pass: not that files ran out, which it waits for.
    pub async fn serve<P: Protocol>(
        &self,
        listener: TcpListener,
        codec: impl Codec,
        protocol: impl Fn() -> P + Send + Sync + 'static,
        application: impl Application,
    ) -> io::Result<()> {
        let wire = Wire::new(self.register(codec), application);
        let protocol = Arc::new(protocol);
        let here = self.clone();
        let take = move |stream: std::net::TcpStream| {
            let protocol = Arc::clone(&protocol);
            if let Err(error) = here.adopt(Stream::from(stream), Bytes::new(), &wire, move || protocol()) {
                tracing::debug!("a connection was turned away: {error}");
            }
        };
        self.accept(listener, take, self.draining()).await
    }

    /// Gives a stream to the lane with the fewest connections. `early` are bytes that were read from it already, as after an
    /// upgrade; `protocol` makes its protocol there.
    ///
    /// # Errors
    /// When there are too many connections, or the lanes end. The stream is dropped, and so closed. Without a stream only the
    /// latter: how many such sessions there may be is their transport's to say.
    pub fn adopt<P: Protocol>(
        &self,
        stream: Stream,
        early: Bytes,
        wire: &Wire,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) -> Result<(), AdoptError> {
        if self.0.draining.load(Ordering::Relaxed) {
            return Err(AdoptError::Draining);
        }
        let mut open = 0;
        let mut least: Option<(usize, &Arc<LaneShared>)> = None;
        for lane in self.0.lanes.iter().filter(|lane| !lane.has_ended()) {
            let connections = lane.open_connections();
            open += lane.open_streams();
            if least.is_none_or(|(least, _)| connections < least) {
                least = Some((connections, lane));
            }
        }
        let (_, lane) = least.ok_or(AdoptError::Draining)?;
        if !stream.is_none() && open >= self.0.connections_max {
            return Err(AdoptError::Connections { max: self.0.connections_max });
        }
        adopt_on(lane, stream, early, wire, protocol)
    }

    /// Gives a stream to the lane of another connection: to be handed over to that one later
    /// ([`Context::hand_over`](crate::Context::hand_over)). It counts as a connection, but not against `connections_max`, since
    /// it is meant to replace something.
    ///
    /// # Errors
    /// When the lanes end. The stream is dropped, and so closed.
    pub fn adopt_beside<P: Protocol>(
        &self,
        other: &Port,
        stream: Stream,
        early: Bytes,
        wire: &Wire,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) -> Result<(), AdoptError> {
        if self.0.draining.load(Ordering::Relaxed) {
            return Err(AdoptError::Draining);
        }
        adopt_on(&other.lane, stream, early, wire, protocol)
    }

    /// Waits until no lane is far behind: until all inboxes are below a quarter of their limit. For publishers that can wait.
    pub async fn ready(&self) {
        for lane in &self.0.lanes {
            loop {
                let relief = lane.relief.notified();
                if !lane.is_behind() {
                    break;
                }
                relief.await;
            }
        }
    }

    /// Resolves when draining begins.
    pub async fn draining(&self) {
        let drain = self.0.drain.notified();
        if !self.0.draining.load(Ordering::SeqCst) {
            drain.await;
        }
    }

    /// Ends everything in good order: accepts nothing more, tells each client at a random time within `over`, a year at most,
    /// waits at most a second longer, and ends the threads. Returns how many connections had to be cut off; 0 when it was
    /// called before.
    pub async fn drain(&self, over: Duration) -> usize {
        self.0.draining.store(true, Ordering::SeqCst);
        self.0.drain.notify_waiters();
        let ends = std::mem::take(&mut *self.0.ends.lock().unwrap_or_else(PoisonError::into_inner));
        for lane in &self.0.lanes {
            lane.push(Order::Drain { over });
        }
        let mut forced = 0;
        for end in ends {
            forced += end.await.unwrap_or_default();
        }
        forced
    }

    /// What the lanes did and hold, summed.
    pub fn stats(&self) -> LaneStats {
        self.each_stats().fold(LaneStats::default(), |mut sum, lane| {
            sum += lane;
            sum
        })
    }

    /// The same for each lane, by number.
    pub fn lane_stats(&self) -> Vec<LaneStats> {
        self.each_stats().collect()
    }

    fn each_stats(&self) -> impl Iterator<Item = LaneStats> {
        self.0.lanes.iter().map(|lane| lane.stats())
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        stop(&self.lanes);
    }
}

fn adopt_on<P: Protocol>(
    lane: &Arc<LaneShared>,
    stream: Stream,
    early: Bytes,
    wire: &Wire,
    protocol: impl FnOnce() -> P + Send + 'static,
) -> Result<(), AdoptError> {
    let adoption = Adoption::new(lane, stream, early, wire, protocol);
    if lane.push(Order::Adopt(Box::new(adoption))) { Ok(()) } else { Err(AdoptError::Draining) }
}

fn stop(lanes: &[Arc<LaneShared>]) {
    for lane in lanes {
        lane.push(Order::Stop);
    }
}

/// Why a stream was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdoptError {
    /// The lanes are draining, or have ended.
    Draining,
    /// There are as many connections as `connections_max` allows.
    Connections {
        /// The limit in connections.
        max: usize,
    },
}

impl fmt::Display for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining => f.write_str("the lanes are ending"),
            Self::Connections { max } => write!(f, "there are {max} connections already, connections_max is {max}"),
        }
    }
}

impl Error for AdoptError {}
