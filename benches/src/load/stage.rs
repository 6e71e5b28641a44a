//! Members, a publisher, and the loop between them: what all broadcast workloads stand on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Plan,
    connection::Connection,
    histogram::Histogram,
    open_requests::OpenRequests,
    plan::Due,
    poller::{Poller, Wait},
    publication::Publication,
    transport::{BUFFER_BYTES, Received, Transport},
    virtual_request,
};

/// Connections opened at once during set-up: less than any server's backlog.
pub(crate) const OPEN_AT_ONCE: usize = 128;
/// The publisher's token; members have their index.
const PUBLISHER: usize = usize::MAX;
/// Longest time without any delivery while some are due.
pub(crate) const STALL: Duration = Duration::from_secs(20);
/// How long to look for messages that nobody sent, at the end of a run.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// All members of a plan, in their rooms, and one publisher that is in none.
pub(crate) struct Stage<T> {
    poller: Poller,
    dialect: Dialect,
    members: Vec<Member<T>>,
    publisher: Connection,
    publication: Publication,
    rooms: u32,
    fan_out: u64,
    buffer: Vec<u8>,
    requests: Vec<u8>,
    unfinished: Vec<usize>,
    published: u32,
    /// Publications whose answers have to say what they answer.
    open: OpenRequests,
    answered: u32,
    delivered: u64,
    latency: Option<Latency>,
}

#[derive(Debug)]
struct Member<T> {
    transport: T,
    due: Due,
    reads: bool,
}

/// When each message was sent, and how long its deliveries took.
#[derive(Debug)]
struct Latency {
    sent_at: Vec<Instant>,
    taken: Histogram,
}

impl<T: Transport> Stage<T> {
    /// Connects the members of `plan`, joins them to their rooms, and connects the publisher of messages
    /// with `bytes` of data.
    pub(crate) fn set(address: SocketAddr, dialect: Dialect, plan: &Plan, bytes: usize) -> Result<Self, Fault> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let rooms_of = plan.rooms_of_members();
        let mut members = Vec::<Member<T>>::with_capacity(rooms_of.len());
        for some in rooms_of.chunks(OPEN_AT_ONCE) {
            members.extend(seat(address, dialect, some, plan.rooms(), &mut buffer)?);
        }
        let mut publisher = Connection::open(address, dialect.of_publisher())?;
        publisher.expect_greeting(&mut buffer)?;
        let poller = Poller::new()?;
        for (token, transport) in members.iter().map(|member| &member.transport).enumerate() {
            transport.set_nonblocking()?;
            poller.add(transport.stream(), token)?;
        }
        publisher.set_nonblocking()?;
        poller.add(publisher.stream(), PUBLISHER)?;
        Ok(Self {
            poller,
            dialect,
            members,
            publisher,
            publication: Publication::new(dialect, bytes),
            rooms: plan.rooms() as u32,
            fan_out: plan.fan_out() as u64,
            buffer,
            requests: Vec::new(),
            unfinished: Vec::new(),
            published: 0,
            open: OpenRequests::default(),
            answered: 0,
            delivered: 0,
            latency: None,
        })
    }

    /// Deliveries so far, to all members that read.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Messages published so far.
    pub(crate) fn published(&self) -> u32 {
        self.published
    }

    /// Time the poller waited for nothing.
    pub(crate) fn idle(&self) -> Duration {
        self.poller.idle()
    }

    /// Messages on their way: what is published and not delivered, divided by the members of a room.
    pub(crate) fn in_flight(&self) -> u64 {
        let due = u64::from(self.published) * self.fan_out;
        (due - self.delivered).div_ceil(self.fan_out)
    }

    /// Publishes `count` messages in one write, each to the room after the last one's.
    pub(crate) fn publish(&mut self, count: u32) -> Result<(), Fault> {
        self.requests.clear();
        let now = Instant::now();
        for number in self.published..self.published + count {
            self.put_request(number % self.rooms, number, now);
        }
        self.published += count;
        if let Some(latency) = &mut self.latency {
            latency.sent_at.resize(self.published as usize, now);
        }
        Ok(self.publisher.send(&self.requests)?)
    }

    /// Publishes one message to `room`, where all members are, instead of to the room whose turn it is. Only for plans of
    /// one room.
    pub(crate) fn publish_to(&mut self, room: u32) -> Result<(), Fault> {
        self.requests.clear();
        self.put_request(room, self.published, Instant::now());
        self.published += 1;
        Ok(self.publisher.send(&self.requests)?)
    }

    fn put_request(&mut self, room: u32, number: u32, now: Instant) {
        self.publication.put_request(&mut self.requests, room, number);
        if self.dialect == Dialect::Sails {
            self.open.ask(Publication::answer_number(number), now);
        }
    }

    /// One look at the sockets: each that has something is received from once, and what came is checked.
    pub(crate) fn turn(&mut self, wait: Wait) -> Result<(), Fault> {
        let wait = if self.unfinished.is_empty() { wait } else { Wait::Spin };
        let events = self.poller.wait(wait)?;
        let unfinished = std::mem::take(&mut self.unfinished);
        for token in unfinished {
            self.receive(token)?;
        }
        for index in 0..events {
            let token = self.poller.token(index);
            self.receive(token)?;
        }
        Ok(())
    }

    /// See [`Poller::gather`].
    pub(crate) fn gather(&mut self, time: Duration) {
        self.poller.gather(time);
    }

    /// Waits until everything published is delivered and answered, then looks whether more comes.
    ///
    /// # Errors
    /// [`Fault::Missing`] if nothing comes for 20 seconds while something is due.
    pub(crate) fn drain(&mut self) -> Result<(), Fault> {
        let due = u64::from(self.published) * self.fan_out + u64::from(self.answers_due());
        let mut progress = (0, Instant::now());
        loop {
            self.turn(Wait::Sleep(Duration::from_millis(10)))?;
            let came = self.delivered + u64::from(self.answered);
            if came >= due {
                break;
            }
            if came > progress.0 {
                progress = (came, Instant::now());
            } else if progress.1.elapsed() > STALL {
                return Err(Fault::Missing { due, came });
            }
        }
        let end = Instant::now();
        while end.elapsed() < AFTERWARDS {
            self.turn(Wait::Sleep(Duration::from_millis(10)))?;
        }
        self.check_counts()
    }

    /// The last `count` members stop reading; they stay connected, and nothing more is due at them.
    /// Only for plans of one room, and while nothing is in flight.
    pub(crate) fn stop_reading(&mut self, count: usize) -> Result<(), Fault> {
        let from = self.members.len().saturating_sub(count);
        for member in &mut self.members[from..] {
            self.poller.remove(member.transport.stream())?;
            member.reads = false;
        }
        self.fan_out = from as u64;
        self.delivered = u64::from(self.published) * self.fan_out;
        Ok(())
    }

    /// Latencies from here on; those recorded before are forgotten.
    pub(crate) fn start_latency(&mut self) {
        let sent_at = vec![Instant::now(); self.published as usize];
        self.latency = Some(Latency { sent_at, taken: Histogram::new() });
    }

    /// The latencies recorded since [`Stage::start_latency`].
    pub(crate) fn take_latency(&mut self) -> Histogram {
        self.latency.take().map_or_else(Histogram::new, |latency| latency.taken)
    }

    fn receive(&mut self, token: usize) -> Result<(), Fault> {
        let received = if token == PUBLISHER { self.receive_answers()? } else { self.receive_deliveries(token)? };
        if received == Received::Full {
            self.unfinished.push(token);
        }
        Ok(())
    }

    fn receive_answers(&mut self) -> Result<Received, Fault> {
        self.publisher.flush()?;
        let (dialect, open, answered) = (self.dialect, &mut self.open, &mut self.answered);
        self.publisher.receive(&mut self.buffer, |text| {
            *answered += 1;
            dialect.check_granted(text)?;
            match virtual_request::answer(text) {
                Some((number, _)) if open.answer(number).is_none() => Err(Fault::unexpected(text)),
                _ => Ok(()),
            }
        })
    }

    fn answers_due(&self) -> u32 {
        self.published * self.dialect.answers_a_publication()
    }

    #[inline]
    fn receive_deliveries(&mut self, index: usize) -> Result<Received, Fault> {
        let Member { transport, due, .. } = &mut self.members[index];
        let (publication, before) = (&self.publication, self.delivered);
        let (delivered, latency) = (&mut self.delivered, &mut self.latency);
        let mut now = None;
        let received = transport.receive(&mut self.buffer, |text| {
            let number = publication.number(text).ok_or_else(|| Fault::unexpected(text))?;
            if number != due.next() {
                return Err(Fault::Sequence { member: index, due: due.next(), came: number });
            }
            due.advance();
            *delivered += 1;
            if let Some(latency) = latency {
                let sent_at = latency.sent_at.get(number as usize).ok_or_else(|| Fault::unexpected(text))?;
                let now = now.get_or_insert_with(Instant::now);
                latency.taken.record(now.saturating_duration_since(*sent_at));
            }
            Ok(())
        })?;
        if self.delivered != before { Ok(received) } else { self.spurious(index, received) }
    }

    /// An event that brought no message: room to write, most likely.
    #[cold]
    fn spurious(&mut self, index: usize, received: Received) -> Result<Received, Fault> {
        self.members[index].transport.flush()?;
        Ok(received)
    }

    /// Each member is past the last message, and no message came that was never published.
    fn check_counts(&self) -> Result<(), Fault> {
        for (member, at) in self.members.iter().zip(0..).filter(|(member, _)| member.reads) {
            if member.due.next() < self.published {
                return Err(Fault::Sequence { member: at, due: member.due.next(), came: self.published });
            }
        }
        let due = self.answers_due();
        if self.answered != due {
            return Err(Fault::Missing { due: u64::from(due), came: u64::from(self.answered) });
        }
        Ok(())
    }
}

impl Stage<Connection> {
    /// The ids of the members.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.transport.id())
    }
}

/// Connects one member for each list of rooms and joins it to them.
fn seat<T: Transport>(
    address: SocketAddr,
    dialect: Dialect,
    lists: &[Vec<u32>],
    rooms: usize,
    buffer: &mut [u8],
) -> Result<Vec<Member<T>>, Fault> {
    let mut transports: Vec<T> = lists.iter().map(|_| T::open(address, dialect)).collect::<Result<_, _>>()?;
    let joins: Vec<Vec<String>> = lists.iter().map(|own| dialect.joins(own)).collect();
    for (transport, joins) in transports.iter_mut().zip(&joins) {
        transport.expect_greeting(buffer)?;
        transport.say(joins)?;
    }
    for (transport, joins) in transports.iter_mut().zip(&joins) {
        transport.expect(buffer, joins.len(), |text| dialect.check_granted(text))?;
    }
    let seats = transports.into_iter().zip(lists);
    Ok(seats.map(|(transport, own)| Member { transport, due: Due::new(own, rooms), reads: true }).collect())
}
