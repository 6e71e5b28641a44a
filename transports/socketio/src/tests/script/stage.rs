//! The endpoint, its clients, and the steps on both.

use std::time::Duration;

use roomcast::Message;

use super::bytes::Bytes;
use super::house::{self, Decision, Expected, House, ROOMS, Record, Verb};
use super::past::{Class, FEW, Sent, Ticket, Whom};
use super::player::Player;
use crate::Recovery;
use crate::tests::flavor::Flavor;
use crate::tests::requests::Upload;
use crate::tests::websocket::{BINARY, CLOSE, TEXT};
use crate::tests::world::World;

const PLAYERS_MAX: usize = 6;
const LINES_MAX: usize = 8;
/// So long nothing can have run out, in ms.
const SAFE: u64 = 9_000;

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) players: Vec<Player>,
    house: House,
    /// The last number that something had.
    number: u32,
    now: u64,
    turns: u64,
    pub(super) is_draining: bool,
    /// Little may wait for a client, so that sessions end for it.
    is_narrow: bool,
    /// Whoever loses its connection may come back.
    pub(super) is_recovering: bool,
}

impl Stage {
    pub(super) fn new(bytes: &mut Bytes<'_>) -> Self {
        let settings = bytes.byte();
        let (is_narrow, is_recovering) = (settings % 8 == 7, settings & 8 != 0);
        let world = World::with(|mut builder| {
            if is_narrow {
                builder = builder.outbox_bytes_max(600);
            }
            if is_recovering { builder.recovery(recovery(settings)) } else { builder }
        });
        let house = House::default();
        house.with_past(|past| (past.is_narrow, past.is_short) = (is_narrow, settings & 32 != 0));
        world.io.namespace("/", house.clone());
        let (players, number, now, turns, is_draining) = (Vec::new(), 0, 0, 0, false);
        let mut stage = Self { world, players, house, number, now, turns, is_draining, is_narrow, is_recovering };
        stage.open(bytes.byte());
        stage
    }

    pub(super) fn apply(&mut self, step: u8, bytes: &mut Bytes<'_>) {
        match step % 36 {
            0 | 1 => self.turn(),
            2..4 => self.run(),
            4 => self.read(),
            5..8 => self.broadcast(bytes.byte()),
            8 => self.open(bytes.byte()),
            9 => self.advance(1 + 16 * u64::from(bytes.byte())),
            10 => self.rare(bytes),
            step => self.act(step, bytes),
        }
    }

    fn turn(&mut self) {
        self.world.lane.turn();
        self.turns += 1;
    }

    fn run(&mut self) {
        self.world.run();
        self.turns += 10;
    }

    fn read(&mut self) {
        for player in &mut self.players {
            player.read();
        }
    }

    fn advance(&mut self, ms: u64) {
        self.world.lane.advance(Duration::from_millis(ms));
        self.now += ms;
        if self.now > SAFE {
            self.players.iter_mut().for_each(|player| player.may_end = true);
        }
    }

    /// A new client.
    fn open(&mut self, how: u8) {
        let present = self.players.iter().filter(|player| player.next.is_none()).count();
        if present < PLAYERS_MAX && !self.is_draining {
            let way_in = (how & 0x48 == 0x48).then_some(if how & 0x80 == 0 { 1 << 20 } else { 100 });
            // Only clients of the newer revision can come back.
            let is_newer = self.is_recovering && how & 0x10 == 0;
            self.enter(Flavor::numbered(if is_newer { how & !1 } else { how }), way_in, how, None);
        }
    }

    /// A client comes: by polls, or on a WebSocket that takes so many bytes before it is read.
    pub(super) fn enter(&mut self, flavor: Flavor, websocket: Option<usize>, how: u8, claim: Option<Ticket>) {
        let decision = if how & 0x30 == 0x30 { Decision::Wait } else { Decision::Admit };
        let can_return = self.is_recovering && !flavor.is_v3();
        let record = Record { decision, claim, can_return, ..Record::default() };
        let name = format!("&who={}", self.players.len());
        let known = self.house.introduce(&name["&who=".len()..], record);
        let mut player = Player::new(flavor, known);
        if let Some(room) = websocket {
            let socket = self.world.websocket_with(flavor, &name, room);
            player.add_line(socket, self.now, true);
            player.speak(0, Verb::Note, &mut self.number);
        } else {
            player.poller = Some(self.world.poller_with(flavor, &name));
            player.begin_post(0, Verb::Note, true, &mut self.number, &self.world);
            player.get = player.poller.as_ref().map(|poller| self.world.get(poller));
        }
        player.may_end = self.is_narrow || self.now > SAFE;
        self.players.push(player);
        if how & 0x80 == 0 {
            self.world.run();
            self.read();
        }
    }

    /// A message for everybody, or where clients come back also for those in a room, or not in it.
    fn broadcast(&mut self, how: u8) {
        let (message, number, class) = self.message(how);
        let (engine, room) = (&self.world.engine, ROOMS[usize::from(how >> 5) % 2]);
        let (to, selection) = match how >> 3 & 3 {
            2 if self.is_recovering => (Whom::In(room), engine.to(room)),
            3 if self.is_recovering => (Whom::NotIn(room), engine.everyone().except(room)),
            _ => (Whom::Everyone, engine.everyone()),
        };
        let mut matched = 0;
        for player in &self.players {
            let mut record = player.known.lock();
            let is_here = record.socket.as_ref().is_some_and(|socket| socket.is_connected());
            if is_here && to.names("", &record.rooms) {
                record.expected.push(Expected::new(number, class));
                matched += 1;
            }
        }
        let sent = selection.broadcast(&message);
        assert_eq!((sent.matched, sent.overloaded), (matched, false));
        self.note(Sent { number, class, to });
    }

    fn note(&self, sent: Sent) {
        let held = self.world.engine.journal().map_or(0, |journal| journal.stats().entries);
        self.house.with_past(|past| past.note(sent, held));
    }

    fn message(&mut self, how: u8) -> (Message, u32, Class) {
        self.number += 1;
        let (json, count, attachments) = house::args(self.number);
        let message = Message::from_parts("told", &json, count as u32, attachments);
        let (message, class) = match how % 8 {
            6 => (message.volatile(), Class::Volatile),
            7 => (message.latest(1_u64), Class::Latest),
            _ => (message, Class::Reliable),
        };
        (message, self.number, class)
    }

    /// What one client does, or what is done to it.
    fn act(&mut self, step: u8, bytes: &mut Bytes<'_>) {
        let (who, how) = (self.life_of(bytes.below(self.players.len())), bytes.byte());
        let verb = Verb::ALL[usize::from(how >> 6) % 3];
        // Seldom more than may be in work.
        let count = if how & 7 == 7 { 90 } else { usize::from(how & 7) };
        match step {
            30 => return self.emit(who, how),
            14 | 34 if self.is_recovering => return self.come_back(who, how),
            35 if self.is_recovering => return self.join_or_leave(who, how),
            _ => {}
        }
        let Self { world, players, number, now, turns, .. } = self;
        let player = &mut players[who];
        match step {
            31 => drop(answer(player)),
            32 => decide(player, how),
            _ if player.is_away => {}
            11..15 if player.get.is_none() => {
                player.get = player.poller.as_ref().map(|poller| world.get(poller));
            }
            15 => player.lose_get(),
            16..19 if player.post.is_none() => player.begin_post(count, verb, true, number, world),
            19 if player.post.is_none() => player.begin_post(count, verb, false, number, world),
            20 | 21 => player.end_post(),
            22 if how % 8 == 0 => player.lose_post(how >= 128),
            23..28 => climb(world, player, how, (*now, *turns), number),
            28 => trouble(player, how, *turns),
            29 => player.speak(count, verb, number),
            33 => drop(player.read()),
            _ => {}
        }
    }

    /// A message for one, whom it may find gone.
    fn emit(&mut self, who: usize, how: u8) {
        let (message, number, class) = self.message(how);
        let known = &self.players[who].known;
        let Some(socket) = known.lock().socket.clone() else { return };
        if socket.send(&message).matched == 1 {
            known.lock().expected.push(Expected::new(number, class));
        }
        self.note(Sent { number, class, to: Whom::Socket(socket.id().as_str().into()) });
    }

    /// What ends most clients, so it is done rarely.
    fn rare(&mut self, bytes: &mut Bytes<'_>) {
        let (what, who) = (bytes.byte(), bytes.below(self.players.len()));
        let Self { world, players, number, .. } = self;
        let player = &mut players[who];
        match what {
            0..32 | 54..90 if player.is_away => {}
            0..8 => {
                player.may_end |= player.get.is_some();
                let another = player.poller.as_ref().map(|poller| world.get(poller));
                let former = another.and_then(|another| player.get.replace(another));
                player.former_gets.extend(former);
            }
            8..16 => {
                player.may_end |= player.post.is_some();
                player.begin_post(2, Verb::Note, true, number, world);
            }
            16..24 => {
                if let (None, Some(poller)) = (&player.post, &player.poller) {
                    (player.may_end, player.is_wild) = (true, true);
                    let body = Upload::whole(bytes.take(40).to_vec());
                    player.strays.push(world.post_slowly(poller, &body));
                }
            }
            24..32 => {
                if let Some(line) = player.lines.last() {
                    (player.may_end, player.is_wild) = (true, true);
                    line.socket.stream.send(bytes.take(40));
                }
            }
            32..48 => {
                let socket = player.known.lock().socket.clone();
                if socket.is_some_and(|socket| socket.disconnect()) {
                    player.is_dropped = true;
                    player.is_cut |= !player.is_connected;
                    let mut record = player.known.lock();
                    (record.is_thrown_out, record.is_void) = (true, true);
                }
            }
            48..52 => self.drain(),
            52..54 => self.advance(50_000),
            54..70 => {
                // A second candidate.
                if player.lines.len() < LINES_MAX
                    && let Some(poller) = player.poller.clone()
                    && let Some(socket) = world.candidate(&poller)
                {
                    player.add_line(socket, self.now, false);
                }
            }
            70..90 if self.is_recovering => player.leave(world),
            _ => {}
        }
    }

    fn drain(&mut self) {
        self.is_draining = true;
        self.players.iter_mut().for_each(|player| player.may_end = true);
        self.world.lane.drain(Duration::from_millis(500));
    }

    /// What must hold at any time.
    pub(super) fn check_now(&self) {
        assert!(self.world.io.sessions() <= self.players.len());
        let stats = self.world.lane.stats();
        assert_eq!((stats.protocol_panics, stats.handler_panics), (0, 0));
    }
}

/// How clients are recovered: with a journal of some messages or of many, for few lost sockets or for all.
fn recovery(settings: u8) -> Recovery {
    let mut recovery = Recovery::new(Duration::from_secs(3_600));
    if settings & 16 != 0 {
        recovery = recovery.journal_bytes_max(1_500);
    }
    if settings & 32 != 0 { recovery.sockets_max(FEW) } else { recovery }
}

/// The next step of an upgrade.
fn climb(world: &mut World, player: &mut Player, how: u8, when: (u64, u64), number: &mut u32) {
    let candidate = player.lines.iter().position(|line| line.five.is_none() && line.is_up());
    match candidate {
        Some(at) if !player.lines[at].is_probing => {
            player.lines[at].is_probing = true;
            player.lines[at].socket.text("2probe");
        }
        Some(at) => {
            let count = if how.is_multiple_of(2) { 0 } else { usize::from(how >> 1) % 8 };
            player.say_five(at, count, when, number);
        }
        None if player.own_line().is_none() && player.lines.len() < LINES_MAX => {
            let Some(poller) = player.poller.clone() else { return };
            let room = if how % 4 == 3 { 100 } else { 1 << 20 };
            if let Some(socket) = world.candidate_with(&poller, room) {
                player.add_line(socket, when.0, false);
            }
        }
        None => {}
    }
    if how >= 128 {
        world.run();
        player.read();
    }
}

/// Something happens to the last WebSocket.
fn trouble(player: &mut Player, how: u8, turns: u64) {
    let Some(line) = player.lines.last_mut().filter(|line| line.is_up()) else { return };
    // Once it is the session's it is rarely harmed.
    if line.five.as_ref().is_some_and(|five| turns - five.turn > 2) && how % 32 >= 5 {
        return;
    }
    player.may_end |= line.five.is_some();
    player.is_wild |= line.five.is_some();
    line.is_faulty = true;
    match how % 5 {
        0 => {
            line.is_broken = true;
            line.socket.stream.break_off();
        }
        1 => {
            line.is_broken = true;
            line.socket.stream.end();
        }
        2 => line.socket.frame(TEXT, b"4wrong"),
        3 => line.socket.frame(BINARY, b"\x04wrong"),
        _ => line.socket.frame(CLOSE, &1000_u16.to_be_bytes()),
    }
}

/// The application answers what it kept longest; false if there is nothing.
pub(super) fn answer(player: &Player) -> bool {
    let kept = {
        let mut record = player.known.lock();
        (!record.kept.is_empty()).then(|| record.kept.remove(0))
    };
    let Some((number, reply)) = kept else { return false };
    reply.send(&number).unwrap();
    true
}

/// The application makes up its mind.
fn decide(player: &mut Player, how: u8) {
    let mut record = player.known.lock();
    if record.decision == Decision::Wait {
        let refuses = how >= 200;
        record.decision = if refuses { Decision::Refuse } else { Decision::Admit };
        player.is_dropped |= refuses;
        player.is_cut |= refuses;
    }
}
