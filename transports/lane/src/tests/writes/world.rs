//! A lane, its clients, and the steps on both.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use roomcast::{Engine, Sent};
use roomcast_lane::{Close, CodecId, LaneStats, ManualLane, Stream, Wire};

use super::client::{Client, End, Tally};
use super::decode::{Class, Config, Connect, Message, Step};
use super::peer::{self, CODECS, FrameCodec, HEAD, Peer, Switch};
use super::pipe::{Pipe, pipe};
use super::record::{Decision, Record};

const LIVE_MAX: usize = 8;
const CLIENTS_MAX: usize = 48;
/// How long a connection may take for its last words, in ms.
const FAREWELL: u64 = 2_000;

pub(super) struct World {
    config: Config,
    engine: Engine,
    lane: ManualLane,
    codecs: [CodecId; 2],
    clients: Vec<Client>,
    now: u64,
    ids: u32,
    spent: usize,
    largest_frame: usize,
    selected: usize,
    overloaded: u64,
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        let engine = Engine::new();
        let lane = ManualLane::with_limits(&engine, config.outbox_bytes_max, config.inbox_bytes_max);
        let codecs = CODECS.map(|tag| lane.register(FrameCodec(tag)));
        let (now, ids, spent, largest_frame, selected, overloaded) = (0, 0, 0, 0, 0, 0);
        Self { config, engine, lane, codecs, clients: Vec::new(), now, ids, spent, largest_frame, selected, overloaded }
    }

    pub(super) fn apply(&mut self, step: Step) {
        let began = self.now;
        match step {
            Step::Connect(connect) => self.connect(connect),
            Step::Broadcast { room, message } => self.broadcast(room, message),
            Step::Turn => drop(self.lane.turn()),
            Step::Run => self.run(Duration::ZERO),
            Step::Advance { ms } => {
                self.run(Duration::from_millis(ms));
                self.now += ms;
            }
            Step::Join { who, .. }
            | Step::Leave { who, .. }
            | Step::Emit { who, .. }
            | Step::Command { who, .. }
            | Step::Answer { who }
            | Step::Grant { who, .. }
            | Step::Bite { who, .. }
            | Step::Balk { who, .. }
            | Step::Break { who, .. }
            | Step::End { who }
            | Step::SwitchCodec { who }
            | Step::Decide { who, .. }
            | Step::Close { who, .. } => {
                // The younger ones, some of whom may be gone.
                let choice = usize::from(who) % self.clients.len().clamp(1, LIVE_MAX + 2);
                if let Some(at) = self.clients.len().checked_sub(1 + choice) {
                    self.apply_to(at, step);
                }
            }
        }
        for client in &mut self.clients {
            if client.ended_at.is_none() && client.peer.record().has_ended() {
                client.ended_at = Some(began);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        self.lane.advance(time);
        self.clients.iter_mut().for_each(Client::leave_out);
    }

    fn apply_to(&mut self, at: usize, step: Step) {
        match step {
            Step::Emit { message, .. } => return self.emit(at, message),
            Step::Command { verb, frame, .. } => {
                let (id, frame) = (self.next_id(), self.afford(frame));
                return self.clients[at].send(&peer::command(verb, id, frame));
            }
            Step::SwitchCodec { .. } => return self.switch_codec(at),
            Step::Join { room, .. } => return self.join(at, room),
            _ => {}
        }
        let client = &mut self.clients[at];
        match step {
            Step::Leave { room, .. } => {
                client.rooms.remove(&room);
                if let Some(socket) = client.peer.record().socket.clone() {
                    socket.leave(name(room));
                }
            }
            Step::Answer { .. } => {
                let kept = client.peer.record().kept.pop();
                kept.into_iter().for_each(|kept| client.peer.answer(kept));
            }
            Step::Decide { refuse, .. } => {
                let mut record = client.peer.record();
                if record.decision == Decision::Wait {
                    record.decision = if refuse { Decision::Refuse } else { Decision::Admit };
                }
            }
            Step::Close { by_port, .. } => close(client, by_port),
            step => meddle(client, step),
        }
    }

    fn connect(&mut self, connect: Connect) {
        let live = self.clients.iter().filter(|client| !client.is_over()).count();
        if live >= LIVE_MAX || self.clients.len() >= CLIENTS_MAX {
            return;
        }
        let Connect { plain, waits, codec, room } = connect;
        let decision = if waits { Decision::Wait } else { Decision::Admit };
        let peer = Peer(Arc::new(Mutex::new(Record::new(decision, usize::from(codec)))));
        let wire = Wire::new(self.codecs[usize::from(codec)], peer.clone());
        let protocol = peer.clone();
        let end = if plain {
            // Without any room it would never take anything: its room is what is read.
            let room = room.max(1);
            let connection = self.lane.connect(&wire, room, move || protocol);
            End::Plain { connection, was_slow: room < usize::MAX, was_broken: false }
        } else {
            let (near, far) = pipe(room);
            self.lane.adopt_stream(Stream::boxed(near, None), Bytes::new(), &wire, move || protocol);
            End::Pipe(far)
        };
        self.clients.push(Client::new(peer, end));
    }

    fn join(&mut self, at: usize, room: u8) {
        let client = &mut self.clients[at];
        let socket = client.peer.record().socket.clone();
        if socket.is_some_and(|socket| socket.join(name(room)).is_ok()) {
            client.rooms.insert(room);
        }
    }

    fn broadcast(&mut self, room: u8, message: Message) {
        let (id, frame) = (self.next_id(), self.afford(message.frame));
        let (to_send, filling) = encode(message, id, frame);
        let sent = self.engine.to(name(room)).broadcast(&to_send);
        self.note(sent);
        let mut matched = 0;
        for client in self.clients.iter_mut().filter(|client| client.rooms.contains(&room)) {
            if client.peer.record().is_connected() && !sent.overloaded {
                matched += 1;
                client.expect(id, filling, message.class, message.fails);
            }
        }
        assert_eq!(sent.matched, matched);
        self.spent += frame * matched;
    }

    fn emit(&mut self, at: usize, message: Message) {
        let (id, frame) = (self.next_id(), self.afford(message.frame));
        let (to_send, filling) = encode(message, id, frame);
        let Some(socket) = self.clients[at].peer.record().socket.clone() else { return };
        let sent = socket.send(&to_send);
        self.note(sent);
        if sent.matched == 1 {
            self.clients[at].expect(id, filling, message.class, message.fails);
        }
        self.spent += frame * sent.matched;
    }

    fn note(&mut self, sent: Sent) {
        self.selected += sent.matched;
        self.overloaded += u64::from(sent.overloaded);
        assert!(!sent.overloaded || sent.backlog_bytes >= self.config.inbox_bytes_max);
    }

    fn switch_codec(&mut self, at: usize) {
        let mut record = self.clients[at].peer.record();
        if let Some(port) = record.port.clone() {
            let codec = record.switch_codec();
            port.send(Switch(self.codecs[codec]));
        }
    }

    fn next_id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    /// The size of a frame, smaller once much was written.
    fn afford(&mut self, frame: usize) -> usize {
        let frame = if self.spent > self.config.scale.total { frame.min(64) } else { frame }.max(HEAD);
        self.largest_frame = self.largest_frame.max(frame);
        frame
    }

    /// What must hold at any time.
    pub(super) fn check_bounds(&self) {
        let control: usize = self.clients.iter().map(|client| client.peer.record().control.len()).max().unwrap_or(0);
        let max = self.config.outbox_bytes_max + self.largest_frame + HEAD * control;
        let largest = self.lane.largest_outbox_bytes();
        assert!(largest <= max, "{largest} bytes wait for one connection, {max} may");
    }

    /// Lets everybody read all, and checks what they got.
    pub(super) fn end(mut self) {
        loop {
            for client in &self.clients {
                admit(client);
                if let End::Pipe(far) = &client.end {
                    far.change(|pipe| (pipe.room, pipe.bite, pipe.balk) = (usize::MAX, usize::MAX, (0, false)));
                }
            }
            self.lane.run();
            self.check_bounds();
            if !self.clients.iter_mut().fold(false, |any, client| client.read() | any) {
                break;
            }
        }
        let tallies: Vec<Tally> = self.clients.iter().map(|client| self.check(client)).collect();
        self.check_sums(&tallies, &self.lane.stats());
        let connected = self.clients.iter().filter(|client| client.peer.record().is_connected()).count();
        assert_eq!(self.engine.stats().sockets, connected, "no ghosts");
    }

    fn check(&self, client: &Client) -> Tally {
        let may_have_timed_out = client.ended_at.is_some_and(|at| self.now - at >= FAREWELL);
        let tally = client.check(self.config.scale, may_have_timed_out);
        let record = client.peer.record();
        let told = usize::from(record.was_admitted && !record.is_connected());
        assert_eq!(record.byes.len(), told, "an end is told once, of who was let in");
        tally
    }

    fn check_sums(&self, tallies: &[Tally], stats: &LaneStats) {
        assert_eq!((stats.inbox_bytes, stats.outbox_bytes), (0, 0));
        assert_eq!((stats.deliveries, stats.overloaded), (self.selected as u64, self.overloaded));
        let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>() as u64;
        let accounted = sum(|tally| tally.received) + stats.dropped_volatile + stats.replaced_latest + stats.lost;
        let (least, most) = (stats.deliveries, stats.deliveries + sum(|tally| tally.uncertain));
        assert!((least..=most).contains(&accounted), "{accounted} of {least} to {most}: {stats:?}");
        let (dropped, replaced) = (sum(|tally| tally.dropped), sum(|tally| tally.replaced));
        assert!(stats.dropped_volatile >= dropped && stats.replaced_latest >= replaced, "{stats:?}");
        let slow = stats.slow_over_limit + stats.slow_stalled + stats.slow_over_budget;
        assert_eq!(stats.slow_consumers, slow);
        let cut_off = sum(|tally| tally.was_cut_off.into())..=sum(|tally| tally.may_be_cut_off.into());
        assert!(cut_off.contains(&slow), "{slow} of {cut_off:?}");
        let was_held = |client: &Client| client.peer.record().was_held;
        if !tallies.iter().any(|tally| tally.was_cut) && !self.clients.iter().any(was_held) {
            assert_eq!((stats.dropped_volatile, stats.replaced_latest), (dropped, replaced));
        }
    }
}

fn name(room: u8) -> String {
    format!("room{room}")
}

fn encode(message: Message, id: u32, frame: usize) -> (roomcast::Message, usize) {
    let (encoded, filling) = peer::message(message.fails, id, frame);
    let encoded = match message.class {
        Class::Reliable => encoded,
        Class::Volatile => encoded.volatile(),
        Class::Latest(key) => encoded.latest(u64::from(key)),
    };
    (encoded, filling)
}

/// The application lets it in, if it has said nothing yet.
fn admit(client: &Client) {
    let mut record = client.peer.record();
    if record.decision == Decision::Wait {
        record.decision = Decision::Admit;
    }
}

/// The program ends a connection.
fn close(client: &Client, by_port: bool) {
    let (socket, port) = {
        let record = client.peer.record();
        (record.socket.clone(), record.port.clone())
    };
    if by_port && let Some(port) = port {
        client.peer.record().end();
        port.close(Close::policy("as told"));
    } else if let Some(socket) = socket
        && socket.disconnect()
    {
        client.peer.record().end();
    }
}

/// Does something to a client's stream.
fn meddle(client: &mut Client, step: Step) {
    if let Step::Grant { .. } = step {
        client.read();
        client.too_late.clear();
    }
    match (&mut client.end, step) {
        (End::Pipe(far), step) => far.change(|pipe| meddle_with_pipe(pipe, step)),
        (End::Plain { connection, was_broken, .. }, Step::Break { .. }) => {
            *was_broken = true;
            connection.break_off();
        }
        (End::Plain { connection, .. }, Step::End { .. }) => connection.end(),
        (End::Plain { .. }, _) => {}
    }
}

fn meddle_with_pipe(pipe: &mut Pipe, step: Step) {
    match step {
        Step::Grant { bytes, .. } => pipe.room = pipe.room.saturating_add(bytes),
        Step::Bite { bytes, .. } => pipe.bite = bytes,
        Step::Balk { writes, interrupted, .. } => pipe.balk = (writes, interrupted),
        Step::Break { after, .. } => pipe.fail_after(after),
        Step::End { .. } => pipe.end(),
        _ => {}
    }
}
