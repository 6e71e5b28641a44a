//! A session, the naive model, and what is around them: an application that sends numbered messages, and a client that
//! does anything at any time. Input is bytes, one for each thing that happens.
//!
//! After each of them the session must have decided what the model expects, and what the client has received must be
//! what was sent, in order, once, with nothing missing but what still waits.

use std::{
    collections::VecDeque,
    convert::Infallible,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use roomcast_socketio_protocol::engineio::{
    Action, Answer, BodyLimits, CloseReason, Data, DataKind, Framing, Jsonp, Packet, PacketKind, Payload,
    PayloadBuilder, PayloadLimits, Received, Revision, Session, SessionConfig, Source, Transport, Waiting,
    append_record,
};

use super::model::{BYTES_MAX, CLOSE, INTERVAL, Model, PACKETS_MAX, Sent, TIMEOUT, UPGRADE};

const PACKETS_IN_ANSWER: usize = 4;

/// Plays `input`; panics if a rule is broken. The first byte chooses revision, transport and framing.
pub(crate) fn play(input: &[u8]) {
    let Some((&first, happenings)) = input.split_first() else { return };
    let mut world = World::new(first);
    for &byte in happenings {
        world.happen(byte);
        world.check();
    }
    world.end();
}

struct World {
    session: Session,
    config: SessionConfig,
    model: Model,
    start: Instant,
    framing: Framing,
    /// Messages that wait for polls, as records, and their numbers.
    records: VecDeque<BytesMut>,
    sent: u32,
    received: u32,
    /// The client of the next poll leaves as it is answered.
    is_leaving: bool,
    is_over: bool,
}

impl World {
    fn new(first: u8) -> Self {
        let revision = if first & 1 == 0 { Revision::V4 } else { Revision::V3 };
        let transport = if first & 2 == 0 { Transport::Polling } else { Transport::WebSocket };
        let config = SessionConfig {
            ping_interval: Duration::from_millis(INTERVAL),
            ping_timeout: Duration::from_millis(TIMEOUT),
            upgrade_timeout: Duration::from_millis(UPGRADE),
            close_timeout: Duration::from_millis(CLOSE),
            allow_upgrades: true,
            waiting_packets_max: PACKETS_MAX,
            waiting_bytes_max: BYTES_MAX,
        };
        let model = Model::new(revision == Revision::V4, transport == Transport::WebSocket);
        let mut world = Self {
            session: Session::new(revision, transport),
            config,
            model,
            start: Instant::now(),
            framing: Framing { revision, base64: first & 4 != 0 },
            records: VecDeque::new(),
            sent: 0,
            received: 0,
            is_leaving: false,
            is_over: false,
        };
        if first & 8 == 0 {
            world.open();
        }
        world
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.model.now)
    }

    fn happen(&mut self, byte: u8) {
        let how = byte >> 4;
        match byte & 15 {
            0 => self.open(),
            1 => self.send(how),
            2 => assert_eq!(self.session.handle_get(), self.model.handle_get()),
            3 if how & 1 == 0 => self.leave(),
            3 => self.is_leaving = true,
            4 => assert_eq!(self.session.handle_post(), self.model.handle_post()),
            5 => self.receive(Source::Polling, how),
            6 if self.model.post => self.end_post(how),
            6 | 7 => self.pass(u64::from(how) * 20),
            8 => {
                let (now, checked) = (self.now(), self.session.check_candidate(&self.config));
                let joined = self.session.handle_candidate(now, &self.config);
                assert_eq!((checked, joined), (joined, self.model.handle_candidate()));
            }
            9 => self.receive(Source::Candidate, how),
            10 => {
                self.session.handle_candidate_lost();
                self.model.handle_candidate_lost();
            }
            11 => self.receive(Source::WebSocket, how),
            12 if how < 2 => self.lose_websocket(how),
            12 => {
                let now = self.now();
                self.session.excuse(now, &self.config);
                self.model.excuse();
            }
            13 if how == 0 => {
                let now = self.now();
                self.session.close(CloseReason::ForcedClose, now, &self.config);
                self.model.close(CloseReason::ForcedClose);
            }
            14 => self.whole_upgrade(how),
            _ => self.pass(u64::from(how)),
        }
        self.act();
    }

    fn open(&mut self) {
        let now = self.now();
        self.session.handle_open(now, &self.config);
        self.model.handle_open();
        self.act();
    }

    /// The application sends a numbered message, as text or bytes.
    fn send(&mut self, how: u8) {
        assert_eq!(self.session.is_open(), self.model.open());
        if !self.session.is_open() {
            return;
        }
        let number = self.sent;
        self.sent += 1;
        if self.session.transport() == Transport::WebSocket {
            assert!(self.records.is_empty(), "it would overtake what is held");
            return self.deliver(number);
        }
        let kind = if how & 1 == 0 { DataKind::Text } else { DataKind::Binary };
        let width = if how == 15 { BYTES_MAX - 8 } else { 2 }; // with its head exactly the limit
        let mut record = BytesMut::new();
        let body = |out: &mut BytesMut| {
            out.extend_from_slice(format!("{number:0width$}").as_bytes());
            Ok::<_, Infallible>(())
        };
        append_record(&mut record, kind, body).unwrap();
        self.records.push_back(record);
        self.session.handle_output(waiting(&self.records), &self.config);
        self.model.handle_output(waiting(&self.records).bytes);
    }

    fn deliver(&mut self, number: u32) {
        assert_eq!(number, self.received, "messages are lost or change places");
        self.received += 1;
    }

    fn leave(&mut self) {
        self.session.handle_get_lost();
        self.model.get = false;
    }

    fn receive(&mut self, source: Source, how: u8) {
        use Sent::*;
        let sent = [
            Message, Message, Message, Ping, Probe, Probe, Pong, Close, Upgrade, Upgrade, Noop, Invalid, Message, Pong,
            Message, Upgrade,
        ][usize::from(how)];
        let expected = self.model.handle_packet(source, sent);
        let packet = match sent {
            Message => Packet::message("x"),
            Ping => Packet::new(PacketKind::Ping, ""),
            Probe => Packet::new(PacketKind::Ping, "probe"),
            Pong => Packet::new(PacketKind::Pong, ""),
            Close => Packet::new(PacketKind::Close, ""),
            Upgrade => Packet::new(PacketKind::Upgrade, ""),
            Noop => Packet::new(PacketKind::Noop, ""),
            Invalid => return self.session.handle_invalid(source),
        };
        let received = self.session.handle_packet(source, &packet, self.now(), &self.config);
        assert_eq!(received == Received::Message, expected, "{sent:?} from {source:?}");
    }

    fn end_post(&mut self, how: u8) {
        match how {
            0 => {
                self.session.handle_post_lost();
                self.model.handle_post_lost();
            }
            1 => {
                self.session.handle_post_refused();
                self.model.post = false;
            }
            _ => assert_eq!(self.session.handle_post_end(), self.model.handle_post_end()),
        }
    }

    fn lose_websocket(&mut self, how: u8) {
        let reason = if how == 0 { CloseReason::TransportClose } else { CloseReason::TransportError };
        self.session.handle_websocket_lost(reason);
        self.model.handle_websocket_lost(reason);
    }

    /// Random bytes hit three right steps one after the other too seldom.
    fn whole_upgrade(&mut self, how: u8) {
        let now = self.now();
        assert_eq!(self.session.handle_candidate(now, &self.config), self.model.handle_candidate());
        self.receive(Source::Candidate, 4);
        self.act();
        for _ in 0..how & 3 {
            self.send(0);
            self.act();
        }
        self.receive(Source::Candidate, 8);
    }

    /// Time passes, from deadline to deadline, with a call between them that must do nothing.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.model.now + milliseconds;
        loop {
            let due = self.model.deadline().filter(|due| *due <= end);
            self.model.now = due.map_or(end, |due| due.max(self.model.now));
            if self.model.now > 0 {
                let early = self.now() - Duration::from_millis(1);
                if self.session.poll_timeout(&self.config).is_some_and(|due| early < due) {
                    self.session.handle_timeout(early, &self.config);
                    assert!(self.model.actions.is_empty());
                }
            }
            let now = self.now();
            self.session.handle_timeout(now, &self.config);
            self.model.handle_timeout();
            self.act();
            if due.is_none() {
                return;
            }
        }
    }

    /// Does what the session says, if the model says it too.
    fn act(&mut self) {
        while let Some(action) = self.session.poll_action() {
            assert!(!self.is_over, "{action:?} after the end");
            assert!(!self.model.actions.is_empty(), "{action:?}, and nothing is expected");
            assert_eq!(action, self.model.actions.remove(0));
            match action {
                Action::Answer(answer) => self.answer(answer),
                Action::Switch => {
                    for record in std::mem::take(&mut self.records) {
                        let number = str::from_utf8(&record[8..]).unwrap().parse().unwrap();
                        self.deliver(number);
                    }
                }
                Action::Closed(_) => self.is_over = true,
                _ => {}
            }
        }
        assert_eq!(self.model.actions, [], "are expected too");
    }

    fn answer(&mut self, answer: Answer) {
        if std::mem::take(&mut self.is_leaving) {
            self.session.handle_answer_lost(answer);
            return self.model.handle_answer_lost(answer);
        }
        let limits = BodyLimits { packets_max: PACKETS_IN_ANSWER, bytes_max: usize::MAX };
        let mut body = PayloadBuilder::new(self.framing, None::<Jsonp>, limits);
        let records = &mut self.records;
        let answered = answer.write(&mut body, |body| {
            while let Some(record) = records.front()
                && body.push_records(record) > 0
            {
                records.pop_front();
            }
            waiting(records)
        });
        let body = body.finish();
        let limits = PayloadLimits::default();
        let payload = match body.content_type {
            "application/octet-stream" => Payload::binary(self.framing.revision, &body.bytes, &limits),
            _ => Payload::text(self.framing.revision, &body.bytes, &limits),
        };
        let packets: Vec<Packet<'_>> = payload.unwrap().map(Result::unwrap).collect();
        assert!((1..=PACKETS_IN_ANSWER).contains(&packets.len()), "{packets:?}");
        let has = |kind| packets.iter().any(|packet| packet.kind == kind);
        assert_eq!((has(PacketKind::Ping), has(PacketKind::Pong)), (answer.ping, answer.pong));
        for packet in packets.iter().filter(|packet| packet.kind == PacketKind::Message) {
            assert!(answer.data);
            let number = match &packet.data {
                Data::Text(text) => text.parse().unwrap(),
                Data::Binary(bytes) => str::from_utf8(bytes).unwrap().parse().unwrap(),
            };
            self.deliver(number);
        }
        let told = packets.last().is_some_and(|packet| packet.kind == PacketKind::Close);
        assert_eq!(has(PacketKind::Close), told, "nothing follows a close");
        let left = waiting(&self.records);
        let now = self.now();
        self.session.handle_answered(answered, now, &self.config);
        self.model.handle_answered(left.packets, left.bytes, told);
    }

    fn check(&self) {
        let millis = |at: Instant| at.duration_since(self.start).as_millis() as u64;
        assert_eq!(self.session.poll_timeout(&self.config).map(millis), self.model.deadline());
        assert_eq!(self.session.is_open(), self.model.open());
        assert_eq!(self.session.is_closed(), self.model.closed.is_some());
        assert_eq!(self.session.is_closed(), self.is_over);
        assert_eq!(self.session.transport() == Transport::WebSocket, self.model.websocket);
        assert_eq!(self.received + self.records.len() as u32, self.sent, "messages are lost");
    }

    /// A client that polls gets all that waits; and a session that hears nothing more ends.
    fn end(&mut self) {
        self.open();
        self.is_leaving = false;
        if self.model.candidate.is_some() {
            self.session.handle_candidate_lost();
            self.model.handle_candidate_lost();
            self.act();
        }
        for _ in 0..PACKETS_MAX {
            if self.model.get || self.session.is_closed() || self.model.websocket {
                break;
            }
            assert_eq!(self.session.handle_get(), self.model.handle_get());
            self.act();
            self.check();
        }
        if self.session.is_open() {
            assert_eq!(self.received, self.sent);
        }
        self.pass(CLOSE + INTERVAL + 2 * TIMEOUT + UPGRADE);
        self.check();
        assert!(self.session.is_closed());
    }
}

fn waiting(records: &VecDeque<BytesMut>) -> Waiting {
    Waiting { packets: records.len(), bytes: records.iter().map(BytesMut::len).sum() }
}
