//! A protocol of lines for tests, with one of everything: control bytes, queued output, events, answers, a heartbeat.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use roomcast::{Codec, EncodeError, Engine, Outgoing, Socket, SocketId};

use crate::{
    AckToken, Answer, Application, BoxFuture, Close, Context, Disconnect, Event, Farewell, Handshake, ManualConnection,
    ManualLane, Progress, Protocol, Refusal, Reply, Wire,
};

/// `EVENT JSON\n`; panics at the event `panic`, fails at `fail`.
pub(super) struct LineCodec;

impl Codec for LineCodec {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        to.put_slice(out.message.event().as_bytes());
        assert_ne!(out.message.event(), "panic");
        if out.message.event() == "fail" {
            return Err(EncodeError::Binary);
        }
        to.put_u8(b' ');
        to.put_slice(out.message.as_json()?);
        to.put_u8(b'\n');
        Ok(())
    }
}

/// Lines in: `ping X` is answered `pong X` as control, `echo X` comes back in order, `quit` ends, `ask N EVENT JSON` is an event
/// with an answer `ack N JSON` or `err N TEXT`, all else an event.
#[derive(Default)]
pub(super) struct Talk {
    /// Sends `beat` as control in this interval.
    pub(super) beat: Option<Duration>,
    pub(super) next_beat: Option<Instant>,
    pub(super) farewell: Farewell,
    pub(super) say_hello: bool,
    pub(super) said_bye: bool,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self { say_hello: true, ..Self::default() }
    }
}

impl Protocol for Talk {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.next_beat = self.beat.map(|beat| cx.now() + beat);
        cx.connect(Handshake::new("talk"));
    }

    fn handle_connected(&mut self, _socket: &Socket, cx: &mut Context<'_>) {
        if self.say_hello {
            cx.queue(b"hello\n");
        }
    }

    fn handle_refused(&mut self, _namespace: &str, refusal: &Refusal, cx: &mut Context<'_>) -> Result<(), Close> {
        cx.queue(format!("refused {refusal}\n").as_bytes());
        Err(Close::policy("refused"))
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let mut used = 0;
        while let Some(end) = input[used..].iter().position(|byte| *byte == b'\n') {
            if cx.is_held() {
                break;
            }
            let line = str::from_utf8(&input[used..used + end]).map_err(|_| Close::protocol("not UTF-8"))?;
            used += end + 1;
            handle_line(line, cx)?;
        }
        Ok(Progress::used(used))
    }

    fn handle_reply(&mut self, _socket: SocketId, ack: AckToken, answer: Answer, cx: &mut Context<'_>) {
        let number = ack.as_number().unwrap();
        let line = match answer {
            Ok(Some(message)) => format!("ack {number} {}\n", message.args_json()),
            Ok(None) => format!("ack {number}\n"),
            Err(error) => format!("err {number} {error}\n"),
        };
        cx.queue_with(|to| to.put_slice(line.as_bytes()));
    }

    fn handle_message(&mut self, message: Box<dyn std::any::Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
        let text = message.downcast::<String>().unwrap();
        cx.queue(format!("mail {text}\n").as_bytes());
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next_beat
    }

    fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        cx.write(b"beat\n");
        self.next_beat = self.beat.map(|beat| now + beat);
        Ok(())
    }

    fn handle_close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
        assert!(!std::mem::replace(&mut self.said_bye, true), "only one good-bye");
        cx.queue(format!("bye {}\n", close.code()).as_bytes());
        self.farewell
    }
}

fn handle_line(line: &str, cx: &mut Context<'_>) -> Result<(), Close> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "ping" => cx.write(format!("pong {rest}\n").as_bytes()),
        "echo" => cx.queue(format!("echo {rest}\n").as_bytes()),
        "quit" => return Err(Close::client_left()),
        "ask" => {
            let (number, event) = rest.split_once(' ').unwrap();
            let (event, json) = event.split_once(' ').unwrap_or((event, "null"));
            cx.event(Event::json(event, json), Some(number.parse::<u64>().unwrap().into()));
        }
        _ => drop(cx.event(Event::json(verb, rest), None)),
    }
    Ok(())
}

/// Notes what happens, and keeps the sockets for the test.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) sockets: Mutex<Vec<Socket>>,
    pub(super) events: Mutex<Vec<String>>,
    pub(super) byes: Mutex<Vec<Disconnect>>,
    /// Replies kept at the event `keep`.
    pub(super) kept: Mutex<Vec<Reply>>,
}

impl Application for Notes {
    fn connect(&self, socket: Socket, _handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        self.sockets.lock().unwrap().push(socket);
        Box::pin(std::future::ready(Ok(())))
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        self.events.lock().unwrap().push(format!("{} {}", event.name(), event.args_json()));
        match event.name() {
            "keep" => self.kept.lock().unwrap().push(reply),
            "panic" => panic!("as asked"),
            "much" => drop(socket.emit("much", &"x".repeat(900)).unwrap()),
            _ => reply.send(&event.name()).unwrap(),
        }
    }

    fn disconnected(&self, _socket: &Socket, bye: Disconnect) {
        self.byes.lock().unwrap().push(bye);
    }

    fn wants_rooms(&self) -> bool {
        true
    }
}

/// A lane with an engine and the application above.
pub(super) struct Stage {
    pub(super) engine: Engine,
    pub(super) lane: ManualLane,
    pub(super) notes: Arc<Notes>,
    pub(super) wire: Wire,
}

pub(super) const ROOMY: usize = usize::MAX;

impl Stage {
    pub(super) fn new() -> Self {
        Self::with_limits(1 << 20, 64 << 20)
    }

    pub(super) fn with_limits(outbox: usize, inbox: u64) -> Self {
        Self::of(Engine::new(), outbox, inbox)
    }

    pub(super) fn of(engine: Engine, outbox: usize, inbox: u64) -> Self {
        let lane = ManualLane::with_limits(&engine, outbox, inbox);
        let notes = Arc::new(Notes::default());
        let wire = Wire::new(lane.register(LineCodec), Arc::clone(&notes));
        Self { engine, lane, notes, wire }
    }

    /// A connected client, its hello read, and its socket.
    pub(super) fn client(&mut self, room: usize) -> (ManualConnection, Socket) {
        let client = self.lane.connect(&self.wire, room, Talk::new);
        self.lane.run();
        let mut hello = client.receive_text();
        while hello.len() < 6 {
            self.lane.run();
            hello += &client.receive_text();
        }
        assert_eq!(hello, "hello\n");
        let socket = self.notes.sockets.lock().unwrap().last().unwrap().clone();
        (client, socket)
    }

    /// Runs and reads until nothing more comes.
    pub(super) fn read_all(&mut self, client: &ManualConnection) -> String {
        let mut all = String::new();
        loop {
            self.lane.run();
            let more = client.receive();
            if more.is_empty() {
                return all;
            }
            all += str::from_utf8(&more).unwrap();
        }
    }

    pub(super) fn byes(&self) -> Vec<Disconnect> {
        self.notes.byes.lock().unwrap().clone()
    }
}
