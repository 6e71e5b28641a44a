//! What polling transports need: several sockets on a connection, no stream, another stream, another codec.

use std::any::Any;
use std::sync::{Arc, Mutex, mpsc};

use bytes::{BufMut, Bytes, BytesMut};
use roomcast::{Codec, EncodeError, FormerMember, Message, Offset, Outgoing, Socket, SocketId};

use super::talk::{LineCodec, ROOMY, Stage};
use crate::{
    AckToken, Answer, Close, CodecId, Connect, Context, DisconnectReason, Event, Handshake, Port, Progress, Protocol,
    Refusal, Stream,
};

/// Records of one byte of length: what a polling session holds back.
struct RecordCodec;

impl Codec for RecordCodec {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        let text = format!("{}:{}", out.message.event(), out.message.args_json());
        to.put_u8(text.len() as u8);
        to.put_slice(text.as_bytes());
        Ok(())
    }
}

/// A session: polls come as messages, each takes at most two records; later it may get a stream, and speaks lines.
struct Session {
    lines: CodecId,
    ports: mpsc::Sender<Port>,
    waiting: Option<mpsc::Sender<String>>,
}

struct Poll(mpsc::Sender<String>);

fn take(cx: &mut Context<'_>, most: usize) -> Vec<String> {
    let mut records = Vec::new();
    cx.take_output(|mut bytes| {
        let length = bytes.len();
        while records.len() < most
            && let Some((head, rest)) = bytes.split_first()
        {
            let (record, rest) = rest.split_at(*head as usize);
            records.push(String::from_utf8(record.to_vec()).unwrap());
            bytes = rest;
        }
        length - bytes.len()
    });
    records
}

impl Protocol for Session {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.ports.send(cx.port()).unwrap();
        cx.connect(Handshake::new("session"));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.queue(input);
        Ok(Progress::used(input.len()))
    }

    fn handle_message(&mut self, message: Box<dyn Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
        if let Ok(poll) = message.downcast::<Poll>() {
            self.waiting = Some(poll.0);
            self.handle_output(cx)?;
        }
        Ok(())
    }

    fn handle_output(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        if let Some(waiting) = self.waiting.take() {
            let records = take(cx, 2);
            match records.is_empty() {
                true => self.waiting = Some(waiting),
                false => waiting.send(records.join("|")).unwrap(),
            }
        }
        Ok(())
    }

    fn handle_stream(&mut self, cx: &mut Context<'_>) {
        for record in take(cx, usize::MAX) {
            cx.queue(format!("was {record}\n").as_bytes());
        }
        cx.set_codec(self.lines);
    }
}

/// A stream that gives itself to a session at the word `5`.
struct Candidate(Port);

impl Protocol for Candidate {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.write(b"3probe\n");
        cx.queue(b"own\n");
        cx.hand_over(&self.0);
        assert_eq!(input[0], b'5');
        Ok(Progress::used(1))
    }
}

fn session(stage: &mut Stage) -> (Port, Socket) {
    let lines = stage.lane.register(LineCodec);
    let wire = crate::Wire::new(stage.lane.register(RecordCodec), Arc::clone(&stage.notes));
    let (ports, port) = mpsc::channel();
    stage.lane.adopt_stream(Stream::none(), Bytes::new(), &wire, move || Session { lines, ports, waiting: None });
    stage.lane.run();
    let socket = stage.notes.sockets.lock().unwrap().last().unwrap().clone();
    (port.recv().unwrap(), socket)
}

fn poll(stage: &mut Stage, port: &Port) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    port.send(Poll(sender));
    stage.lane.run();
    receiver
}

fn send(socket: &Socket, event: &str) {
    let _ = socket.send(&Message::json(event, &1).unwrap());
}

#[test]
fn a_session_without_a_stream_holds_records_until_it_is_polled() {
    let mut stage = Stage::new();
    let (port, socket) = session(&mut stage);
    for event in ["a", "b", "c"] {
        send(&socket, event);
    }
    stage.lane.run();
    assert_eq!(poll(&mut stage, &port).try_recv(), Ok("a:1|b:1".into()));
    assert_eq!(poll(&mut stage, &port).try_recv(), Ok("c:1".into()));
    let waits = poll(&mut stage, &port);
    assert_eq!(waits.try_recv(), Err(mpsc::TryRecvError::Empty));
    send(&socket, "d");
    stage.lane.run();
    assert_eq!(waits.try_recv(), Ok("d:1".into()));
    stage.lane.advance(std::time::Duration::from_secs(60));
    let stats = stage.lane.stats();
    assert_eq!((stats.connections, stats.streams), (1, 0), "no clock for progress");
}

#[test]
fn a_session_that_nobody_polls_is_bounded() {
    let mut stage = Stage::with_limits(1_000, 64 << 20);
    let (_, socket) = session(&mut stage);
    for _ in 0..2_000 {
        send(&socket, "x");
        stage.lane.run();
    }
    assert_eq!((stage.lane.stats().connections, stage.lane.stats().slow_consumers), (0, 1));
    assert_eq!(stage.byes()[0].reason.as_str(), "slow consumer");
}

#[test]
fn an_upgrade_loses_nothing_and_reorders_nothing() {
    for room in [1, 3, ROOMY] {
        let mut stage = Stage::new();
        let (port, socket) = session(&mut stage);
        send(&socket, "held");
        stage.lane.run();
        let to = port.clone();
        let client = stage.lane.connect(&stage.wire, room, move || Candidate(to));
        client.send("5xyz");
        // Published before the upgrade is finished, encoded after: in the codec of then.
        send(&socket, "early");
        stage.lane.turn();
        assert_eq!((stage.lane.stats().connections, stage.lane.stats().streams), (2, 1));
        send(&socket, "late");
        let mut got = stage.read_all(&client);
        client.send("!");
        got += &stage.read_all(&client);
        assert!(got.starts_with("3probe\n") && got.ends_with('!'), "room {room}: {got}");
        let places = ["own\n", "was held:1\n", "early", "late", "xyz"].map(|text| got.find(text));
        assert!(places.iter().all(Option::is_some), "room {room}: {got}");
        assert!(places[..4].is_sorted(), "room {room}: {got}");
        assert_eq!((stage.lane.stats().connections, stage.lane.stats().streams), (1, 1));
        client.end();
        stage.lane.run();
        assert_eq!((stage.lane.stats().connections, stage.lane.stats().streams), (0, 0));
    }
}

/// Sockets in several namespaces, made at the word of the client.
struct Several(Arc<Mutex<Vec<String>>>);

impl Protocol for Several {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        for line in str::from_utf8(input).unwrap().lines() {
            let (verb, namespace) = line.split_once(' ').unwrap();
            let found =
                |cx: &Context<'_>| cx.sockets().map(Socket::id).find(|id| cx.namespace_of(*id) == Some(namespace));
            match verb {
                "connect" => drop(cx.connect_with(Connect::new(Handshake::new("several")).namespace(namespace))),
                "event" => {
                    let id = found(cx).unwrap();
                    assert!(cx.event_for(id, Event::json("hi", "1"), Some(AckToken::from(namespace))));
                }
                _ => cx.disconnect(found(cx).unwrap(), DisconnectReason::ClientLeft),
            }
        }
        Ok(Progress::used(input.len()))
    }

    fn handle_connected(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        let namespace = cx.namespace_of(socket.id()).unwrap().to_owned();
        cx.queue(format!("connected {namespace}\n").as_bytes());
    }

    fn handle_refused(&mut self, namespace: &str, _: &Refusal, _: &mut Context<'_>) -> Result<(), Close> {
        self.0.lock().unwrap().push(format!("refused {namespace}"));
        Ok(())
    }

    fn handle_reply(&mut self, _: SocketId, ack: AckToken, answer: Answer, cx: &mut Context<'_>) {
        let value = answer.unwrap().unwrap();
        let line = format!("ack {} {}\n", str::from_utf8(ack.as_bytes()).unwrap(), value.args_json());
        cx.queue(line.as_bytes());
    }

    fn handle_disconnected(&mut self, id: SocketId, cx: &mut Context<'_>) -> Result<(), Close> {
        assert_eq!(cx.namespace_of(id), None, "it is gone");
        cx.queue(b"disconnected\n");
        Ok(())
    }
}

#[test]
fn several_sockets_on_one_connection() {
    let mut stage = Stage::new();
    let notes = Arc::default();
    let client = stage.lane.connect(&stage.wire, ROOMY, move || Several(notes));
    client.send("connect /\nconnect /admin\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "connected /\nconnected /admin\n");
    client.send("event /admin\nevent /\n");
    stage.lane.run();
    assert_eq!(client.receive_text(), "ack /admin \"hi\"\nack / \"hi\"\n");
    let admin = stage.engine.namespace("/admin");
    let _ = admin.everyone().broadcast(&Message::json("only", "admins").unwrap());
    stage.lane.run();
    assert_eq!(client.receive_text(), "only \"admins\"\n");
    client.send("leave /\n");
    stage.lane.run();
    let _ = stage.engine.everyone().broadcast(&Message::json("to", "nobody").unwrap());
    assert_eq!(admin.everyone().disconnect(), 1);
    stage.lane.run();
    assert_eq!(client.receive_text(), "disconnected\n");
    let reasons: Vec<_> = stage.byes().into_iter().map(|bye| bye.reason).collect();
    assert_eq!(reasons, [DisconnectReason::ClientLeft, DisconnectReason::ServerLeft]);
    assert_eq!(stage.lane.stats().connections, 1, "the connection stays");
}

/// Comes back as it is told, and says what it is.
struct Back(FormerMember, Offset);

impl Protocol for Back {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        let connect = Connect::new(Handshake::new("back")).resume(self.0.clone(), self.1);
        let socket = cx.connect_with(connect).unwrap();
        assert_eq!(socket.recovered, socket.id.to_string() == self.0.id);
        cx.queue(format!("recovered: {}\n", socket.recovered).as_bytes());
    }

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        Ok(Progress::used(input.len()))
    }
}

#[test]
fn who_cannot_be_in_all_its_rooms_again_is_a_new_one() {
    let engine = roomcast::Engine::builder().rooms_per_socket_max(2).build();
    engine.keep_journal(1 << 20);
    let mut stage = Stage::of(engine, 1 << 20, 64 << 20);
    let since = stage.engine.journal().unwrap().last();
    let _ = stage.engine.to("r0").broadcast(&Message::json("missed", "1").unwrap());
    for (rooms, is_back) in [(2, true), (3, false)] {
        let rooms = (0..rooms).map(|room| format!("r{room}")).collect();
        let former = FormerMember { id: "abcdefghij0123456789".into(), rooms };
        let client = stage.lane.connect(&stage.wire, ROOMY, move || Back(former, since));
        stage.lane.run();
        let missed = if is_back { "missed \"1\"\n" } else { "" };
        assert_eq!(client.receive_text(), format!("recovered: {is_back}\n{missed}"));
        assert_eq!((stage.engine.to("r0").count(), stage.engine.stats().sockets), (usize::from(is_back), 1));
        client.break_off();
        stage.lane.run();
    }
}
