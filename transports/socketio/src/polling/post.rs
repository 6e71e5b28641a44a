//! POSTs: packets that a client hands in, as far as the application takes them at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_lane::{Close, Context};
use roomcast_socketio_protocol::engineio::{
    Data, Packet, PacketKind, Payload, PayloadError, PayloadLimits, Refusal, Revision, Source, parse_form,
};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::input::{Content, Post};

/// Packets of one POST that are handled in one go.
const PACKETS_AT_ONCE: usize = 256;
/// How long a client's good-bye waits for a poll. A client that leaves polls at the same time, on another connection, and wants
/// to be answered by it; which of the two comes here first is left to chance.
const LEAVING: Duration = Duration::from_millis(10);

/// How far a POST is.
#[derive(Default)]
pub(super) enum Posting {
    #[default]
    Nothing,
    /// Its body is on its way; or it was refused, which its sender hears when the body is there.
    Begun(Result<(), Refusal>),
    /// It says good-bye, and has until then.
    Leaving(Post, Instant),
    /// What of it is left to do, while the application has enough in work.
    Handling(Rest),
}

pub(super) struct Rest {
    packets: VecDeque<Result<Kept, PayloadError>>,
    reply: oneshot::Sender<Result<(), Refusal>>,
}

/// How long a POST waits for polls that take nothing: a client may have its reasons to POST first.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes that polls took, and how many they had taken when the client was last heard.
#[derive(Clone, Copy, Default)]
pub(super) struct Taken {
    bytes: usize,
    heard_at: usize,
    /// Until when what was put aside of a POST waits for the next poll.
    waits_until: Option<Instant>,
}

impl Taken {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn waits_until(&self) -> Option<Instant> {
        self.waits_until
    }

    /// A poll took something.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.wrapping_add(bytes);
        self.waits_until = None;
    }

    /// The client was heard.
    fn heard(&mut self) {
        (self.heard_at, self.waits_until) = (self.bytes, None);
    }

    fn since_heard(&self) -> usize {
        self.bytes.wrapping_sub(self.heard_at)
    }
}

/// A packet that outlives its payload.
struct Kept {
    kind: PacketKind,
    data: KeptData,
}

enum KeptData {
    Text(String),
    Binary(Vec<u8>),
}

impl Connection {
    pub(super) fn handle_post_begun(&mut self) {
        let begun = self.session.handle_post();
        let Some(polling) = &mut self.polling else { return };
        // A second one at a time ends the session, and the first one has its place.
        if matches!(polling.posting, Posting::Nothing) {
            polling.posting = Posting::Begun(begun);
        }
    }

    pub(super) fn take_posting(&mut self) -> Posting {
        self.polling.as_mut().map(|polling| std::mem::take(&mut polling.posting)).unwrap_or_default()
    }

    pub(super) fn handle_post(&mut self, post: Post, cx: &mut Context<'_>) -> Result<(), Close> {
        match self.take_posting() {
            Posting::Begun(Ok(())) => {}
            Posting::Begun(Err(refusal)) => {
                let _ = post.reply.send(Err(refusal));
                return Ok(());
            }
            other => {
                // There is one that this one must not disturb.
                if let Some(polling) = &mut self.polling {
                    polling.posting = other;
                }
                let _ = post.reply.send(Err(Refusal::BadRequest));
                return Ok(());
            }
        }
        match &mut self.polling {
            Some(polling) if !polling.has_get() && matches!(&post.body[..], b"1" | b"1:1") => {
                polling.posting = Posting::Leaving(post, cx.now() + LEAVING);
                Ok(())
            }
            _ => self.handle_packets(post, cx),
        }
    }

    /// The poll is here that a client's good-bye waits for, or its time is over.
    pub(crate) fn leave_if(&mut self, is_time: impl Fn(Instant) -> bool, cx: &mut Context<'_>) -> Result<(), Close> {
        match self.take_posting() {
            Posting::Leaving(post, until) if is_time(until) => self.handle_packets(post, cx),
            other => {
                if let Some(polling) = &mut self.polling {
                    polling.posting = other;
                }
                Ok(())
            }
        }
    }

    fn handle_packets(&mut self, post: Post, cx: &mut Context<'_>) -> Result<(), Close> {
        let Post { body, content, reply } = post;
        let (revision, limits) = (self.session.revision(), self.mount.options.payloads);
        let (mut rest, is_behind) = (VecDeque::new(), self.is_behind(cx));
        let handled = with_packets(revision, &body, content, &limits, |at, packet| {
            // What is no message is never more than one packet's work, and a heartbeat should not wait.
            let is_message = matches!(&packet, Ok(packet) if packet.kind == PacketKind::Message);
            let waits = is_message && (is_behind || cx.is_held());
            if !rest.is_empty() || at >= PACKETS_AT_ONCE || waits {
                rest.push_back(packet.map(Kept::new));
                return Ok(());
            }
            self.handle_posted(packet, cx)
        });
        self.end_post(handled, Rest { packets: rest, reply }, is_behind, cx)
    }

    /// Whether the client is to be heard no further for now: more than half of what may wait for it does, and polls have not
    /// taken a quarter since it was heard. Not where a WebSocket wants to take over: the client polls no more, and waits for its
    /// POST.
    fn is_behind(&self, cx: &Context<'_>) -> bool {
        let (Some(polling), max) = (&self.polling, cx.output_bytes_max()) else { return false };
        let is_over = polling.taken.waits_until.is_some_and(|until| until <= cx.now());
        cx.output_bytes() > max / 2 && polling.taken.since_heard() < max / 4 && polling.candidate.is_none() && !is_over
    }

    /// Whether something of a POST is put aside.
    pub(crate) fn has_rest(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| matches!(polling.posting, Posting::Handling(_)))
    }

    /// Goes on with what was left of a POST, as far as the application takes it.
    pub(crate) fn go_on_with_post(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        let mut rest = match self.take_posting() {
            Posting::Handling(rest) => rest,
            other => {
                if let Some(polling) = &mut self.polling {
                    polling.posting = other;
                }
                return Ok(());
            }
        };
        let mut handled = Ok(());
        let is_behind = self.is_behind(cx);
        for _ in 0..PACKETS_AT_ONCE {
            if handled.is_err() || is_behind || cx.is_held() {
                break;
            }
            let Some(packet) = rest.packets.pop_front() else { break };
            handled = match &packet {
                Ok(kept) => self.handle_posted(Ok(kept.packet()), cx),
                Err(error) => self.handle_posted(Err(*error), cx),
            };
        }
        self.end_post(handled, rest, is_behind, cx)
    }

    fn handle_posted(&mut self, packet: Result<Packet<'_>, PayloadError>, cx: &mut Context<'_>) -> Result<(), Close> {
        match packet {
            Ok(packet) => self.handle_packet(Source::Polling, Ok(packet), cx),
            Err(error) => {
                tracing::debug!("a session ends: {error}");
                self.session.handle_invalid(Source::Polling);
                self.act(cx)
            }
        }
    }

    /// Answers a POST if it is done, or keeps what is left of it.
    fn end_post(
        &mut self,
        handled: Result<(), Close>,
        rest: Rest,
        was_behind: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Close> {
        if let Some(polling) = &mut self.polling
            && !was_behind
        {
            polling.taken.heard();
        }
        if handled.is_ok() && !rest.packets.is_empty() {
            let is_behind = self.is_behind(cx);
            if let Some(polling) = &mut self.polling {
                polling.posting = Posting::Handling(rest);
                if is_behind {
                    polling.taken.waits_until.get_or_insert(cx.now() + PATIENCE);
                }
            }
            // Else the next poll goes on with it.
            if !is_behind {
                cx.go_on();
            }
            return Ok(());
        }
        let mut answer = self.session.handle_post_end();
        if handled.is_err() && !self.session.is_closed() {
            answer = Err(Refusal::BadRequest);
        }
        // Who asked may have left.
        let _ = rest.reply.send(answer);
        handled?;
        self.act(cx)?;
        self.hand_over();
        Ok(())
    }
}

/// Gives the packets of a body to `each`, with their number, until one is an error of it.
fn with_packets(
    revision: Revision,
    body: &Bytes,
    content: Content,
    limits: &PayloadLimits,
    mut each: impl FnMut(usize, Result<Packet<'_>, PayloadError>) -> Result<(), Close>,
) -> Result<(), Close> {
    let form;
    let payload = match content {
        Content::Text => Payload::text(revision, body, limits),
        Content::Bytes => Payload::binary(revision, body, limits),
        Content::Form => {
            form = match parse_form(body) {
                Ok(form) => form,
                Err(error) => return each(0, Err(error)),
            };
            Payload::text(revision, form.as_bytes(), limits)
        }
    };
    match payload {
        Ok(payload) => payload.enumerate().try_for_each(|(at, packet)| each(at, packet)),
        Err(error) => each(0, Err(error)),
    }
}

impl Kept {
    fn new(packet: Packet<'_>) -> Self {
        let data = match packet.data {
            Data::Text(text) => KeptData::Text(text.to_owned()),
            Data::Binary(bytes) => KeptData::Binary(bytes.into_owned()),
        };
        Self { kind: packet.kind, data }
    }

    fn packet(&self) -> Packet<'_> {
        match &self.data {
            KeptData::Text(text) => Packet::new(self.kind, text),
            KeptData::Binary(bytes) => Packet::binary(bytes),
        }
    }
}
