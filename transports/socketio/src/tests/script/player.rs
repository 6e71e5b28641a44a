//! A client, what it was told and said, and what must come of that.

use roomcast_socketio_protocol::engineio::{PacketKind, Revision};
use roomcast_socketio_protocol::socketio::{Args, Body, Packet};

use super::house::{self, Known, Verb};
use super::past::Ticket;
use crate::tests::flavor::{Ear, Flavor, Heard, Message};
use crate::tests::requests::{Asked, Upload};
use crate::tests::websocket::{self, CLOSE, WebSocket};
use crate::tests::world::{Poller, World};

/// Packets that an answer may carry: python-engineio refuses more.
const PACKETS_MAX: usize = 16;

pub(super) struct Player {
    pub(super) flavor: Flavor,
    pub(super) known: Known,
    /// Unless it began on a WebSocket.
    pub(super) poller: Option<Poller>,
    pub(super) get: Option<Asked>,
    /// Polls that were not answered when the next one came.
    pub(super) former_gets: Vec<Asked>,
    pub(super) post: Option<Posting>,
    /// Other requests that should not have been.
    pub(super) strays: Vec<Asked>,
    /// Bodies of those, which come at the end.
    late: Vec<(Upload, bytes::Bytes)>,
    pub(super) lines: Vec<Line>,
    ear: Ear,
    is_greeted: bool,
    pub(super) is_connected: bool,
    pong_is_due: bool,
    /// What came from the server.
    pub(super) got: Vec<u32>,
    pub(super) acks: Vec<u64>,
    pub(super) said: Vec<Said>,
    /// There is a reason for its session to end.
    pub(super) may_end: bool,
    /// It sent what no client sends: nothing is known of what it hears.
    pub(super) is_wild: bool,
    /// Its socket ended: what it says is heard up to some point; and what it is told, if it was not let in yet.
    pub(super) is_dropped: bool,
    pub(super) is_cut: bool,
    /// Its client said that it leaves.
    pub(super) has_left: bool,
    /// Its client has lost the connection.
    pub(super) is_away: bool,
    /// With which its client may come back.
    pub(super) ticket: Option<Ticket>,
    /// As whom of the players its client came back.
    pub(super) next: Option<usize>,
}

/// A POST on its way.
pub(super) struct Posting {
    asked: Asked,
    upload: Upload,
    body: bytes::Bytes,
    events: std::ops::Range<usize>,
    pub(super) is_complete: bool,
}

/// A WebSocket.
pub(super) struct Line {
    pub(super) socket: WebSocket,
    pub(super) joined_at: u64,
    pub(super) is_probing: bool,
    /// It heard the answer to its probe.
    is_probed: bool,
    pub(super) five: Option<Five>,
    /// It said what no candidate says.
    pub(super) is_faulty: bool,
    /// By the server.
    pub(super) is_closed: bool,
    /// By the client.
    pub(super) is_broken: bool,
}

/// It said the word: from here on it takes itself for the session's.
pub(super) struct Five {
    /// Nothing stands against it.
    pub(super) is_sure: bool,
    /// What the client had handed in by POST before.
    pub(super) before: Vec<u32>,
    /// When it did, in turns.
    pub(super) turn: u64,
}

pub(super) struct Said {
    pub(super) number: u32,
    pub(super) verb: Verb,
    pub(super) way: Way,
    pub(super) fate: Fate,
    /// Its request began before there was any talk of a WebSocket.
    pub(super) is_early: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Post,
    Line(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its body is not there yet.
    Unsent,
    Sent,
    /// It was answered with `ok`.
    Taken,
    /// Its request was refused.
    Refused,
    /// Nobody knows, since the client left before the answer.
    Left,
}

impl Player {
    pub(super) fn new(flavor: Flavor, known: Known) -> Self {
        let ticket = known.lock().claim.clone();
        Self {
            flavor,
            known,
            ticket,
            poller: None,
            get: None,
            former_gets: Vec::new(),
            post: None,
            strays: Vec::new(),
            late: Vec::new(),
            lines: Vec::new(),
            ear: Ear::new(flavor),
            // The others have to say that they want in.
            is_greeted: flavor.revision == Revision::V3,
            is_connected: false,
            pong_is_due: false,
            got: Vec::new(),
            acks: Vec::new(),
            said: Vec::new(),
            may_end: false,
            is_wild: false,
            is_dropped: false,
            is_cut: false,
            has_left: false,
            is_away: false,
            next: None,
        }
    }

    /// Reads what came; true if there was something. Of one who is away only requests that should not have been.
    pub(super) fn read(&mut self) -> bool {
        self.see_claim();
        let mut any = !self.is_away && self.read_gets();
        any |= !self.is_away && self.read_post();
        let before = self.strays.len();
        self.strays.retain_mut(|asked| match asked.answer() {
            Some(answered) => {
                assert!([200, 400].contains(&answered.status));
                false
            }
            None => true,
        });
        any |= self.strays.len() < before;
        for at in 0..if self.is_away { 0 } else { self.lines.len() } {
            any |= self.read_line(at);
        }
        any
    }

    fn read_gets(&mut self) -> bool {
        let mut any = false;
        for mut former in std::mem::take(&mut self.former_gets) {
            match former.answer() {
                Some(_) => any |= self.answered(&mut former),
                None => self.former_gets.push(former),
            }
        }
        if let Some(mut get) = self.get.take() {
            if get.answer().is_some() {
                any |= self.answered(&mut get);
            } else {
                self.get = Some(get);
            }
        }
        any
    }

    /// A poll was answered.
    fn answered(&mut self, get: &mut Asked) -> bool {
        let Some(answered) = get.answer().cloned() else { return false };
        if answered.status != 200 {
            assert_eq!(answered.status, 400);
            return true;
        }
        let packets = self.flavor.packets(&answered.content_type, &answered.body);
        assert!((1..=PACKETS_MAX).contains(&packets.len()), "{} packets", packets.len());
        for packet in &packets {
            self.hear(packet);
        }
        true
    }

    fn hear(&mut self, Heard { kind, message }: &Heard) {
        if self.is_wild {
            return;
        }
        match kind {
            PacketKind::Message => {
                if let Some(packet) = self.ear.hear(message) {
                    self.hear_packet(&packet);
                }
            }
            PacketKind::Ping => self.pong_is_due = true,
            PacketKind::Pong | PacketKind::Noop | PacketKind::Close => {}
            PacketKind::Open | PacketKind::Upgrade => panic!("{kind:?}"),
        }
    }

    fn hear_packet(&mut self, packet: &Packet<'_>) {
        self.see_claim();
        match &packet.body {
            Body::Connect { data, .. } => {
                assert!(!std::mem::replace(&mut self.is_connected, true), "connected twice");
                self.come_in(data.as_deref());
            }
            Body::Event { args, .. } => {
                let number = house::number(&args.json, &args.attachments).expect("a message as it was sent");
                assert!(self.is_connected, "{number} came before CONNECT");
                self.got.push(number);
                self.keep_offset(house::offset(&args.json, number), number);
            }
            Body::Ack { id, args } => {
                assert_eq!(args.json, id.unwrap().to_string());
                self.acks.push(id.unwrap());
            }
            Body::Disconnect => assert!(self.is_dropped),
            Body::ConnectError { .. } => assert!(self.is_cut),
        }
    }

    /// Leaves a poll. What was answered by then counts as come.
    pub(super) fn lose_get(&mut self) {
        self.read_gets();
        self.get = None;
    }

    // --- saying something

    /// Some events, if it is connected; and before them what has to be said first.
    fn messages(
        &mut self,
        count: usize,
        verb: Verb,
        way: Way,
        next: &mut u32,
    ) -> (Vec<Message>, std::ops::Range<usize>) {
        let mut messages = Vec::new();
        if !std::mem::replace(&mut self.is_greeted, true) {
            let auth = self.ticket.as_ref().map(Ticket::auth);
            messages.extend(self.flavor.messages(&Packet::connect("/", auth.as_deref())));
        }
        let (start, is_early) =
            (self.said.len(), way == Way::Post && self.lines.iter().all(|line| line.five.is_none()));
        for _ in 0..if self.is_connected && !self.has_left { count } else { 0 } {
            *next += 1;
            let (number, (json, count, attachments)) = (*next, house::args(*next));
            let ack = (verb != Verb::Note).then_some(u64::from(number));
            let args = Args::new(&json, count, &attachments);
            messages.extend(self.flavor.messages(&Packet::event("/", verb.name(), args, ack)));
            let fate = if way == Way::Post { Fate::Unsent } else { Fate::Sent };
            self.said.push(Said { number, verb, way, fate, is_early });
        }
        (messages, start..self.said.len())
    }

    /// Begins a POST, and gives its body at once unless that is to come later.
    pub(super) fn begin_post(&mut self, count: usize, verb: Verb, at_once: bool, next: &mut u32, world: &World) {
        let Some(poller) = self.poller.clone() else { return };
        let others: &[(PacketKind, &str)] = match self.flavor.revision {
            Revision::V4 if std::mem::take(&mut self.pong_is_due) => &[(PacketKind::Pong, "")],
            Revision::V4 => &[],
            Revision::V3 => &[(PacketKind::Ping, "")],
        };
        let (messages, events) = self.messages(count, verb, Way::Post, next);
        if messages.is_empty() && others.is_empty() {
            return;
        }
        let (content_type, body) = self.flavor.body(&messages, others);
        let upload = Upload::default();
        let asked = world.ask(http::Method::POST, &poller.query(), content_type, &upload);
        let posting = Posting { asked, upload, body, events, is_complete: false };
        // The former one, if there is one, still awaits its answer.
        if let Some(former) = self.post.replace(posting) {
            if former.is_complete {
                self.said[former.events].iter_mut().for_each(|said| said.fate = Fate::Left);
            }
            self.strays.push(former.asked);
            self.late.push((former.upload, former.body));
        }
        if at_once {
            self.end_post();
        }
    }

    pub(super) fn end_post(&mut self) {
        let Some(post) = self.post.as_mut().filter(|post| !post.is_complete) else { return };
        post.is_complete = true;
        post.upload.finish(post.body.clone());
        self.said[post.events.clone()].iter_mut().for_each(|said| said.fate = Fate::Sent);
        post.asked.answer();
    }

    /// All bodies come that have not.
    pub(super) fn end_posts(&mut self) {
        self.end_post();
        self.late.drain(..).for_each(|(upload, body)| upload.finish(body));
    }

    /// Leaves a POST. Without a body that ends the session; else the next one may be one too many.
    pub(super) fn lose_post(&mut self, breaks_off: bool) {
        let Some(mut post) = self.post.take() else { return };
        self.may_end = true;
        if post.is_complete {
            self.said[post.events.clone()].iter_mut().for_each(|said| said.fate = Fate::Left);
        }
        if breaks_off && !post.is_complete {
            post.upload.break_off();
            post.asked.answer();
            self.strays.push(post.asked);
        }
    }

    fn read_post(&mut self) -> bool {
        let Some(mut post) = self.post.take() else { return false };
        let Some(answered) = post.asked.answer() else {
            self.post = Some(post);
            return false;
        };
        assert!([200, 400].contains(&answered.status));
        let (is_ok, record) = (answered.status == 200, self.known.lock());
        for said in &mut self.said[post.events] {
            said.fate = if is_ok { Fate::Taken } else { Fate::Refused };
            let is_heard = record.heard.contains(&said.number);
            assert!(is_heard || !is_ok || self.is_dropped, "{} is not heard, but its POST is done", said.number);
        }
        true
    }

    // --- WebSockets

    pub(super) fn add_line(&mut self, socket: WebSocket, joined_at: u64, is_session: bool) {
        let five = is_session.then(|| Five { is_sure: true, before: Vec::new(), turn: 0 });
        let (is_probing, is_probed) = (is_session, is_session);
        let (is_faulty, is_closed, is_broken) = (false, false, false);
        self.lines.push(Line { socket, joined_at, is_probing, is_probed, five, is_faulty, is_closed, is_broken });
    }

    /// The WebSocket that it takes for the session's.
    pub(super) fn own_line(&self) -> Option<usize> {
        self.lines.iter().position(|line| line.five.is_some() && line.is_up())
    }

    /// Says `5`, and with `count` right behind it some events.
    pub(super) fn say_five(&mut self, at: usize, count: usize, (now, turn): (u64, u64), next: &mut u32) {
        let sent = self.said.iter().filter(|said| said.way == Way::Post && said.fate != Fate::Unsent);
        let before = sent.map(|said| said.number).collect();
        let line = &mut self.lines[at];
        line.five =
            Some(Five { is_sure: line.is_probed && !line.is_faulty && now - line.joined_at < 9_000, before, turn });
        let mut bytes = websocket::frame(websocket::TEXT, b"5");
        if count > 0 {
            let (messages, _) = self.messages(count, Verb::Note, Way::Line(at), next);
            bytes.extend(websocket::frames(self.flavor, &messages));
        }
        self.lines[at].socket.stream.send(bytes);
    }

    /// Says some events on the WebSocket that it takes for the session's.
    pub(super) fn speak(&mut self, count: usize, verb: Verb, next: &mut u32) {
        let Some(at) = self.own_line() else { return };
        let (messages, _) = self.messages(count, verb, Way::Line(at), next);
        self.lines[at].socket.stream.send(websocket::frames(self.flavor, &messages));
    }

    fn read_line(&mut self, at: usize) -> bool {
        let frames = self.lines[at].socket.frames();
        for (opcode, payload) in &frames {
            match *opcode {
                CLOSE => {
                    let line = &mut self.lines[at];
                    line.is_closed = true;
                    line.socket.frame(CLOSE, payload);
                    line.socket.stream.end();
                }
                _ if self.is_wild => {}
                websocket::TEXT if payload == b"3probe" => self.lines[at].is_probed = true,
                websocket::TEXT if payload.starts_with(b"0") => assert!(self.poller.is_none(), "an open packet"),
                opcode => {
                    let packet = self.flavor.packet(opcode == websocket::BINARY, payload);
                    self.hear(&packet);
                    if self.flavor.revision == Revision::V4 && std::mem::take(&mut self.pong_is_due) {
                        self.lines[at].socket.text("3");
                    }
                }
            }
        }
        let line = &mut self.lines[at];
        line.is_closed |= line.socket.stream.is_ended();
        !frames.is_empty()
    }
}

impl Line {
    pub(super) fn is_up(&self) -> bool {
        !self.is_closed && !self.is_broken
    }
}
