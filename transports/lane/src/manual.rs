//! A lane that is driven by hand: for testing protocols and applications without threads, network or clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast::{Codec, Engine};

use crate::application::BoxFuture;
use crate::lane::budget::Budget;
use crate::lane::ports::Ports;
use crate::lane::{Lane, Limits};
use crate::lanes::Lanes;
use crate::lanes::codecs::{CodecId, Codecs};
use crate::lanes::counters::LaneStats;
use crate::lanes::order::{Adoption, Order};
use crate::lanes::shared::LaneShared;
use crate::lanes::tasks::Tasks;
use crate::link::stream::Stream;
use crate::link::{Far, Link, MemoryLink};
use crate::protocol::Protocol;
use crate::protocol::wire::Wire;

/// Turns without an end in which nothing can be left to do.
const TURNS_MAX: usize = 1_000_000;

/// A lane without a thread: it works when [`Self::run`] is called, and its clock goes when [`Self::advance`] is called.
///
/// Futures of the application are polled by `run` too; those that wait for something outside stay pending.
pub struct ManualLane {
    lane: Lane,
    shared: Arc<LaneShared>,
    tasks: Arc<Mutex<Vec<BoxFuture<()>>>>,
    now: Instant,
}

/// A client of a [`ManualLane`]: the other side of a stream in memory.
#[derive(Clone)]
pub struct ManualConnection(Far);

impl ManualLane {
    /// A lane of the engine, with the limits of [`LanesBuilder`](crate::LanesBuilder)'s defaults.
    pub fn new(engine: &Engine) -> Self {
        Self::with_limits(engine, 1 << 20, 64 << 20)
    }

    /// The same with other limits: [`LanesBuilder::outbox_bytes_max`](crate::LanesBuilder::outbox_bytes_max) and
    /// [`LanesBuilder::inbox_bytes_max`](crate::LanesBuilder::inbox_bytes_max).
    pub fn with_limits(engine: &Engine, outbox_bytes_max: usize, inbox_bytes_max: u64) -> Self {
        Self::with_budget(engine, outbox_bytes_max, inbox_bytes_max, u64::MAX)
    }

    pub(crate) fn with_budget(engine: &Engine, outbox_bytes_max: usize, inbox_bytes_max: u64, budget: u64) -> Self {
        Self::of(engine, 0, outbox_bytes_max, inbox_bytes_max, &Arc::new(Budget::new(budget, 1)))
    }

    /// Two lanes with one budget.
    #[cfg(test)]
    pub(crate) fn pair(engine: &Engine, outbox_bytes_max: usize, budget: u64) -> [Self; 2] {
        let budget = Arc::new(Budget::new(budget, 2));
        let lanes = [0, 1].map(|index| Self::of(engine, index, outbox_bytes_max, 64 << 20, &budget));
        budget.introduce(&[Arc::clone(&lanes[0].shared), Arc::clone(&lanes[1].shared)]);
        lanes
    }

    fn of(engine: &Engine, index: usize, outbox_bytes_max: usize, inbox_bytes_max: u64, budget: &Arc<Budget>) -> Self {
        let shared = Arc::new(LaneShared::new(index, inbox_bytes_max, &Arc::default(), budget));
        let port = engine.attach(Arc::clone(&shared) as Arc<dyn roomcast::Lane>);
        let (tasks, now) = (Arc::default(), Instant::now());
        let limits = Limits { outbox_bytes_max, outbox_age_max: Duration::from_secs(10) };
        let lane = Lane::new(Arc::clone(&shared), Ports::new(port), limits, Tasks::Manual(Arc::clone(&tasks)), now);
        Self { lane, shared, tasks, now }
    }

    /// Makes a codec known.
    ///
    /// # Panics
    /// If there are 256 already.
    pub fn register(&self, codec: impl Codec) -> CodecId {
        self.shared.codecs.register(codec).unwrap_or_else(|| panic!("there are {} codecs", Codecs::MAX))
    }

    /// The lane as transports are given lanes, so that a whole endpoint can be driven by hand. As with other [`Lanes`] it ends
    /// when the last clone is dropped.
    pub fn lanes(&self) -> Lanes {
        Lanes::of(self.lane.ports.engine(), &self.shared)
    }

    /// Connects a client whose side takes `room` bytes before it is read.
    pub fn connect<P: Protocol>(
        &mut self,
        wire: &Wire,
        room: usize,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) -> ManualConnection {
        let (link, far) = MemoryLink::new(room);
        self.adopt(link, wire, protocol);
        ManualConnection(far)
    }

    pub(crate) fn adopt<P: Protocol>(
        &mut self,
        link: impl Link + Send + 'static,
        wire: &Wire,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) {
        self.adopt_stream(Stream::link(link), Bytes::new(), wire, protocol);
    }

    /// Adopts any stream, as [`Lanes::adopt`](crate::Lanes::adopt) does; TCP needs a tokio runtime.
    pub fn adopt_stream<P: Protocol>(
        &mut self,
        stream: Stream,
        early: Bytes,
        wire: &Wire,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) {
        let adoption = Adoption::new(&self.shared, stream, early, wire, protocol);
        self.shared.push(Order::Adopt(Box::new(adoption)));
    }

    /// Works until nothing is left to do.
    ///
    /// # Panics
    /// If that never happens.
    pub fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            let more = self.turn();
            if !self.poll_tasks() && !more && self.is_parked() {
                return;
            }
        }
        panic!("the lane is still busy after {TURNS_MAX} turns");
    }

    /// One turn; true if there is more to do.
    pub fn turn(&mut self) -> bool {
        let tasks = self.lane.tasks.clone();
        let _entered = tasks.enter(&self.shared);
        self.lane.turn(self.now)
    }

    /// Lets time go on, and works.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.lane.deadline().filter(|next| *next <= end) {
            // A deadline that stays in the past is looked at again a tick later.
            self.now = next.max(self.now + Duration::from_millis(1)).min(end);
            self.run();
            if self.now >= end {
                break;
            }
        }
        self.now = end;
        self.run();
    }

    /// The time of the lane's clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Begins to end, as [`Lanes::drain`](crate::Lanes::drain) does.
    pub fn drain(&mut self, over: Duration) {
        self.shared.push(Order::Drain { over });
        self.run();
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.lane.is_ended()
    }

    /// How many connections it cut off because they did not end in the time of a drain.
    pub fn forced(&self) -> usize {
        self.lane.drain.as_ref().map_or(0, |drain| drain.forced)
    }

    /// What it did and holds.
    pub fn stats(&self) -> LaneStats {
        self.shared.stats()
    }

    /// Bytes that wait for the connection for which most is waiting. Looks at all connections.
    pub fn largest_outbox_bytes(&self) -> usize {
        self.lane.largest_outboxes().0.map_or(0, |(bytes, _)| bytes)
    }

    /// Lets time go on, without work.
    #[cfg(test)]
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Whether nobody is to be told anything that a lane that has ended left behind.
    #[cfg(test)]
    pub(crate) fn has_no_byes(&self) -> bool {
        self.shared.byes().is_empty()
    }

    /// Whether a connection is there.
    #[cfg(test)]
    pub(crate) fn has(&mut self, port: &crate::Port) -> bool {
        self.lane.connection(port.key).is_some()
    }

    /// Orders that it has taken and not obeyed yet.
    #[cfg(test)]
    pub(crate) fn orders(&self) -> usize {
        self.lane.orders.len()
    }

    /// A turn as a lane with a thread has it.
    #[cfg(test)]
    pub(crate) fn turn_and_survive(&mut self) -> bool {
        let tasks = self.lane.tasks.clone();
        let _entered = tasks.enter(&self.shared);
        self.lane.turn_and_survive(self.now)
    }

    /// Makes the next turn panic.
    #[cfg(test)]
    pub(crate) fn fail_next_turn(&self) {
        self.shared.push(Order::Fail);
    }

    #[cfg(test)]
    pub(crate) fn log_bytes(&self) -> usize {
        self.lane.log.bytes()
    }

    fn is_parked(&self) -> bool {
        self.shared.inbox.park(Waker::noop()) && self.shared.ready.park(Waker::noop())
    }

    /// Polls all futures once; true if one is finished.
    fn poll_tasks(&mut self) -> bool {
        let lock = || self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks = std::mem::take(&mut *lock());
        let before = tasks.len();
        let entered = self.lane.tasks.enter(&self.shared);
        tasks.retain_mut(|task| match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => false,
            Poll::Pending => true,
        });
        drop(entered);
        let finished = tasks.len() < before;
        lock().extend(tasks);
        finished
    }
}

impl ManualConnection {
    /// Sends bytes to the lane.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes.as_ref());
    }

    /// Takes what came, and makes room for as much again.
    pub fn receive(&self) -> Vec<u8> {
        self.0.take()
    }

    /// The same as text.
    ///
    /// # Panics
    /// If it is no UTF-8.
    pub fn receive_text(&self) -> String {
        match String::from_utf8(self.0.take()) {
            Ok(text) => text,
            Err(error) => panic!("received what is no UTF-8: {error}"),
        }
    }

    /// Ends the client's writing side.
    pub fn end(&self) {
        self.0.end();
    }

    /// Breaks the connection off: whatever the lane does with it fails.
    pub fn break_off(&self) {
        self.0.break_off();
    }

    /// Whether the lane has ended its writing side, or dropped the stream.
    pub fn is_ended(&self) -> bool {
        self.0.is_ended()
    }

    /// Whether the lane reset the stream.
    pub fn is_reset(&self) -> bool {
        self.0.is_reset()
    }
}
