//! A session without a stream: polls, posts, and the WebSocket that will replace them.

use std::collections::VecDeque;

use bytes::Bytes;
use roomcast_lane::{Close, Context, DisconnectReason};
use roomcast_socketio_protocol::engineio::{
    Answer, Body, BodyLimits, CloseReason, Data, Framing, Jsonp, Open, Packet, PacketError, PacketKind, Payload,
    PayloadBuilder, PayloadError, PayloadLimits, Refusal, Revision, Source, Waiting, parse_form,
};
use tokio::sync::oneshot;

use crate::candidate::Word;
use crate::codec::Carrier;
use crate::connection::Connection;
use crate::input::{Content, Get, Input, Joined, Post, Said};

/// Packets of one POST that are handled in one go.
const PACKETS_AT_ONCE: usize = 256;

/// What belongs to the polls of a session.
pub(crate) struct Polling {
    /// The handshake's answer is awaited.
    opened: Option<oneshot::Sender<Body>>,
    framing: Framing,
    jsonp: Option<Jsonp>,
    get: Option<Get>,
    posting: Posting,
    candidate: Option<Joined>,
    /// The candidate is handing its stream over.
    is_switching: bool,
}

/// How far a POST is.
#[derive(Default)]
enum Posting {
    #[default]
    Nothing,
    /// Its body is on its way; or it was refused, which its sender hears when the body is there.
    Begun(Result<(), Refusal>),
    /// What of it is left to do, while the application has enough in work.
    Handling(Rest),
}

struct Rest {
    packets: VecDeque<Result<Kept, PayloadError>>,
    reply: oneshot::Sender<Result<(), Refusal>>,
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

impl Polling {
    /// Of a session whose handshake is answered through `opened`.
    pub(crate) fn new(opened: oneshot::Sender<Body>, framing: Framing, jsonp: Option<Jsonp>) -> Self {
        Self {
            opened: Some(opened),
            framing,
            jsonp,
            get: None,
            posting: Posting::Nothing,
            candidate: None,
            is_switching: false,
        }
    }

    /// Whether a poll waits.
    pub(crate) fn has_get(&self) -> bool {
        self.get.is_some()
    }

    /// Answers the handshake.
    pub(crate) fn say_open(&mut self, open: &Open<'_>) -> Result<(), Close> {
        let mut body = PayloadBuilder::new(self.framing, self.jsonp, BodyLimits::default());
        body.push(&Packet::new(PacketKind::Open, &open.to_json()));
        match self.opened.take().map(|opened| opened.send(body.finish())) {
            Some(Ok(())) => Ok(()),
            // The client left, and nobody else knows of the session.
            _ => Err(Close::ended()),
        }
    }
}

impl Connection {
    /// A request, or the candidate, has something for the session.
    pub(crate) fn handle_request(&mut self, input: Input, cx: &mut Context<'_>) -> Result<(), Close> {
        // A client that is late is late, also if the lane's clock has not struck yet.
        self.session.handle_timeout(cx.now(), &self.mount.options.session);
        self.act(cx)?;
        match input {
            Input::Get(get) => self.handle_get(get),
            Input::GetLost => self.handle_get_lost(),
            Input::PostBegun => self.handle_post_begun(),
            Input::Post(post) => return self.handle_post(post, cx),
            Input::PostRefused => {
                self.take_posting();
                self.session.handle_post_refused();
            }
            Input::PostLost => {
                self.take_posting();
                self.session.handle_post_lost();
            }
            Input::Joined(joined) => self.handle_joined(joined, cx),
            Input::CandidateSaid(serial, said) => return self.handle_candidate_said(serial, said, cx),
            Input::CandidateLost(serial) => self.handle_candidate_lost(serial),
        }
        self.act(cx)
    }

    // --- polls

    fn handle_get(&mut self, get: Get) {
        match self.session.handle_get() {
            Ok(()) => {
                if let Some(polling) = &mut self.polling {
                    polling.get = Some(get);
                }
            }
            // Who asked may have left.
            Err(refusal) => drop(get.answer.send(Err(refusal))),
        }
    }

    fn handle_get_lost(&mut self) {
        let Some(polling) = &mut self.polling else { return };
        // It may have been answered at the same moment, and another one may wait now.
        if polling.get.take_if(|get| get.answer.is_closed()).is_some() {
            self.session.handle_get_lost();
        }
    }

    /// Tells the session what waits.
    pub(crate) fn offer_output(&mut self, cx: &Context<'_>) {
        let waiting = Waiting { packets: 0, bytes: cx.output_bytes() };
        self.session.handle_output(waiting, &self.mount.options.session);
    }

    /// Answers the poll that waits. What it carries is taken only once it is handed over: the client may leave at any moment.
    pub(crate) fn answer_get(&mut self, answer: Answer, cx: &mut Context<'_>) {
        let Some(get) = self.polling.as_mut().and_then(|polling| polling.get.take()) else { return };
        let mut body = PayloadBuilder::new(self.framing(get.base64), get.jsonp, BodyLimits::default());
        let mut used = 0;
        let answered = answer.write(&mut body, |body| {
            cx.read_output(|records| {
                let taken = body.push_records(records);
                used += taken;
                taken
            });
            Waiting { packets: 0, bytes: cx.output_bytes().saturating_sub(used) }
        });
        if get.answer.send(Ok(body.finish())).is_err() {
            return self.session.handle_answer_lost(answer);
        }
        cx.take_output(|records| {
            let taken = records.len().min(used);
            used -= taken;
            taken
        });
        self.session.handle_answered(answered, cx.now(), &self.mount.options.session);
    }

    // --- posts

    fn handle_post_begun(&mut self) {
        let begun = self.session.handle_post();
        let Some(polling) = &mut self.polling else { return };
        // A second one at a time ends the session, and the first one has its place.
        if matches!(polling.posting, Posting::Nothing) {
            polling.posting = Posting::Begun(begun);
        }
    }

    fn take_posting(&mut self) -> Posting {
        self.polling.as_mut().map(|polling| std::mem::take(&mut polling.posting)).unwrap_or_default()
    }

    fn handle_post(&mut self, post: Post, cx: &mut Context<'_>) -> Result<(), Close> {
        let Post { body, content, reply } = post;
        match self.take_posting() {
            Posting::Begun(Ok(())) => {}
            Posting::Begun(Err(refusal)) => {
                let _ = reply.send(Err(refusal));
                return Ok(());
            }
            other => {
                // There is one that this one must not disturb.
                if let Some(polling) = &mut self.polling {
                    polling.posting = other;
                }
                let _ = reply.send(Err(Refusal::BadRequest));
                return Ok(());
            }
        }
        let (revision, limits) = (self.session.revision(), self.mount.options.payloads);
        let mut rest = VecDeque::new();
        let puts_aside = matches!(self.carrier, Carrier::Records(_));
        let handled = with_packets(revision, &body, content, &limits, |at, packet| {
            if !rest.is_empty() || puts_aside && (at >= PACKETS_AT_ONCE || cx.is_held()) {
                rest.push_back(packet.map(Kept::new));
                return Ok(());
            }
            self.handle_posted(packet, cx)
        });
        self.end_post(handled, Rest { packets: rest, reply }, cx)
    }

    /// Goes on with what was left of a POST, as far as the application takes it.
    pub(crate) fn go_on_with_post(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        self.work_on_post(PACKETS_AT_ONCE, |cx| cx.is_held(), cx)
    }

    /// Does what is left of a POST, since what comes now comes behind it.
    pub(crate) fn finish_post(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        self.work_on_post(usize::MAX, |_| false, cx)
    }

    fn work_on_post(
        &mut self,
        packets: usize,
        is_enough: impl Fn(&Context<'_>) -> bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Close> {
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
        for _ in 0..packets {
            if handled.is_err() || is_enough(cx) {
                break;
            }
            let Some(packet) = rest.packets.pop_front() else { break };
            handled = match &packet {
                Ok(kept) => self.handle_posted(Ok(kept.packet()), cx),
                Err(error) => self.handle_posted(Err(*error), cx),
            };
        }
        self.end_post(handled, rest, cx)
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
    fn end_post(&mut self, handled: Result<(), Close>, rest: Rest, cx: &mut Context<'_>) -> Result<(), Close> {
        if handled.is_ok() && !rest.packets.is_empty() {
            if let Some(polling) = &mut self.polling {
                polling.posting = Posting::Handling(rest);
            }
            if !cx.is_held() {
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
        if matches!(self.carrier, Carrier::Frames(_)) {
            // It was the last that there was of polling.
            self.polling = None;
        }
        handled?;
        self.act(cx)
    }

    // --- upgrade

    fn handle_joined(&mut self, joined: Joined, cx: &Context<'_>) {
        match (self.session.handle_candidate(cx.now(), &self.mount.options.session), &mut self.polling) {
            (Ok(()), Some(polling)) => polling.candidate = Some(joined),
            _ => joined.port.close(refused_candidate()),
        }
    }

    fn handle_candidate_said(&mut self, serial: u64, said: Said, cx: &mut Context<'_>) -> Result<(), Close> {
        if !self.is_candidate(serial) {
            return Ok(());
        }
        let packet = match said {
            Said::Probe => Ok(Packet::new(PacketKind::Ping, "probe")),
            Said::Upgrade => Ok(Packet::new(PacketKind::Upgrade, "")),
            Said::Other => Err(PacketError::Empty),
        };
        self.handle_packet(Source::Candidate, packet, cx)
    }

    fn handle_candidate_lost(&mut self, serial: u64) {
        if !self.is_candidate(serial) {
            return;
        }
        let Some(polling) = &mut self.polling else { return };
        polling.candidate = None;
        if std::mem::take(&mut polling.is_switching) {
            // It said `5`, and did not live to hand its stream over.
            self.session.handle_websocket_lost(CloseReason::TransportClose);
        } else {
            self.session.handle_candidate_lost();
        }
    }

    fn is_candidate(&self, serial: u64) -> bool {
        let candidate = self.polling.as_ref().and_then(|polling| polling.candidate.as_ref());
        candidate.is_some_and(|candidate| candidate.serial == serial)
    }

    pub(crate) fn answer_probe(&self) {
        self.tell_candidate(Word::Probed);
    }

    pub(crate) fn switch(&mut self) {
        self.tell_candidate(Word::HandOver);
        if let Some(polling) = &mut self.polling {
            polling.is_switching = true;
        }
    }

    fn tell_candidate(&self, word: Word) {
        if let Some(candidate) = self.polling.as_ref().and_then(|polling| polling.candidate.as_ref()) {
            candidate.port.send(word);
        }
    }

    pub(crate) fn close_candidate(&mut self) {
        if let Some(candidate) = self.polling.as_mut().and_then(|polling| polling.candidate.take()) {
            candidate.port.close(refused_candidate());
        }
    }

    /// Whether a WebSocket is on its way to become the session's.
    pub(crate) fn is_switching(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| polling.is_switching)
    }

    /// The WebSocket is the session's: how it wants its packets. A POST that has begun still has its place.
    pub(crate) fn take_switched(&mut self) -> Option<Framing> {
        let polling = self.polling.as_mut()?;
        polling.is_switching = false;
        let base64 = polling.candidate.take()?.base64;
        if matches!(polling.posting, Posting::Nothing) {
            self.polling = None;
        }
        Some(self.framing(base64))
    }

    fn framing(&self, base64: bool) -> Framing {
        Framing { revision: self.session.revision(), base64 }
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

fn refused_candidate() -> Close {
    Close::new(1000, "", DisconnectReason::TransportClose)
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
