//! The codecs, the protocol and the application of a run. What they ask the lane to write they note in a [`Record`].

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use bytes::{BufMut, BytesMut};
use roomcast::{Codec, EncodeError, Message, Outgoing, Socket, SocketId};
use roomcast_lane::{
    AckToken, Answer, Application, BoxFuture, Close, Context, Disconnect, Event, Farewell, Handshake, Progress,
    Protocol, Refusal, Reply,
};

use super::record::{Decision, Kept, Kind, Record};

/// Tag, number and length of the filling, then the filling, whose bytes are all the lowest of the number.
pub(super) const HEAD: usize = 9;

/// Tags of codecs by number, and those of what the protocol says itself.
pub(super) const CODECS: [u8; 2] = *b"AB";
pub(super) const HELLO: u8 = b'H';
pub(super) const ECHO: u8 = b'W';
pub(super) const ANSWER: u8 = b'R';
pub(super) const BYE: u8 = b'E';
pub(super) const CONTROL: u8 = b'C';

pub(super) fn put_frame(to: &mut BytesMut, tag: u8, id: u32, filling: usize) {
    to.put_u8(tag);
    to.put_u32(id);
    to.put_u32(filling as u32);
    to.put_bytes(id as u8, filling);
}

fn frame(tag: u8, id: u32, filling: usize) -> BytesMut {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, tag, id, filling);
    frame
}

/// A message that a codec writes as a frame of this length; at least the head.
pub(super) fn message(fails: bool, id: u32, frame: usize) -> (Message, usize) {
    let filling = frame.saturating_sub(HEAD);
    (Message::from_parts(if fails { "fail" } else { "" }, &format!("{id},{filling}"), 2, Vec::new()), filling)
}

fn numbers(args: &str) -> (u32, usize) {
    let (id, filling) = args.split_once(',').unwrap();
    (id.parse().unwrap(), filling.parse().unwrap())
}

pub(super) struct FrameCodec(pub(super) u8);

impl Codec for FrameCodec {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        let (id, filling) = numbers(out.message.args_json());
        put_frame(to, self.0, id, filling);
        if out.message.event() == "fail" { Err(EncodeError::Binary) } else { Ok(()) }
    }
}

/// Sent to a connection: speak this codec.
pub(super) struct Switch(pub(super) roomcast_lane::CodecId);

/// One connection's protocol and application.
#[derive(Clone)]
pub(super) struct Peer(pub(super) Arc<Mutex<Record>>);

impl Peer {
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap()
    }

    fn handle_command(&self, verb: u8, id: u32, filling: usize, cx: &mut Context<'_>) -> Result<(), Close> {
        match verb % 16 {
            0 => {
                self.record().end();
                return Err(Close::client_left());
            }
            1..=4 => {
                self.record().control.push(id);
                cx.write(&frame(CONTROL, id, 0));
            }
            5..=9 => {
                self.record().expect(ECHO, id, filling, Kind::Own);
                cx.queue(&frame(ECHO, id, filling));
            }
            verb => {
                let event = if verb < 14 { "answer" } else { "keep" };
                let args = format!("{id},{filling}");
                cx.event(Event::from_parts(event, &args, 2, Vec::new()), Some(AckToken::from(u64::from(id))));
            }
        }
        Ok(())
    }
}

/// A command as a client sends it.
pub(super) fn command(verb: u8, id: u32, frame: usize) -> BytesMut {
    let mut command = BytesMut::new();
    command.put_u8(verb);
    command.put_u32(id);
    command.put_u32(frame.saturating_sub(HEAD) as u32);
    command
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Tag, number and filling of a head, be it a frame's or a command's.
pub(super) fn parse_head(bytes: &[u8]) -> Option<(u8, u32, usize)> {
    (bytes.len() >= HEAD).then(|| (bytes[0], u32_at(bytes, 1), u32_at(bytes, 5) as usize))
}

impl Protocol for Peer {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.record().port = Some(cx.port());
        cx.connect(Handshake::new("writes"));
    }

    fn handle_connected(&mut self, _socket: &Socket, cx: &mut Context<'_>) {
        cx.queue(&frame(HELLO, 0, 0));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        let mut used = 0;
        while let Some((verb, id, filling)) = parse_head(&input[used..])
            && !cx.is_held()
        {
            self.handle_command(verb, id, filling, cx)?;
            used += HEAD;
        }
        Ok(Progress::used(used))
    }

    fn handle_reply(&mut self, _: SocketId, ack: AckToken, answer: Answer, cx: &mut Context<'_>) {
        let (id, filling) = numbers(answer.unwrap().unwrap().args_json());
        assert_eq!(ack.as_number(), Some(u64::from(id)));
        cx.queue_with(|to| put_frame(to, ANSWER, id, filling));
    }

    fn handle_message(&mut self, message: Box<dyn std::any::Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
        cx.set_codec(message.downcast::<Switch>().unwrap().0);
        Ok(())
    }

    fn handle_end(&mut self, _cx: &mut Context<'_>) -> Close {
        self.record().end();
        Close::ended()
    }

    fn handle_close(&mut self, _close: &Close, cx: &mut Context<'_>) -> Farewell {
        cx.queue(&frame(BYE, 0, 0));
        Farewell::Finish
    }
}

impl Application for Peer {
    fn connect(&self, socket: Socket, _handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        self.record().socket = Some(socket);
        let peer = self.clone();
        Box::pin(std::future::poll_fn(move |_| {
            let mut record = peer.record();
            match record.decision {
                Decision::Wait => Poll::Pending,
                Decision::Admit => {
                    record.admitted();
                    Poll::Ready(Ok(()))
                }
                Decision::Refuse => {
                    record.end();
                    Poll::Ready(Err(Refusal::new("no")))
                }
            }
        }))
    }

    fn event(&self, _socket: &Socket, event: Event<'_>, reply: Reply) {
        let (id, filling) = numbers(event.args_json());
        let kept = Kept { reply, id, filling };
        match event.name() {
            "keep" => self.record().kept.push(kept),
            _ => self.answer(kept),
        }
    }

    fn disconnected(&self, _socket: &Socket, bye: Disconnect) {
        self.record().byes.push(bye.reason);
    }
}

impl Peer {
    /// Answers an event, in the application's name.
    pub(super) fn answer(&self, Kept { reply, id, filling }: Kept) {
        self.record().expect(ANSWER, id, filling, Kind::Own);
        reply.send_message(message(false, id, filling + HEAD).0);
    }
}
