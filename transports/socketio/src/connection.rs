//! A session's connection: the protocol that its lane drives.
//!
//! A session that began with a WebSocket has a stream; one that began with a poll has none until it is upgraded, and its
//! requests come as messages ([`Input`]). What it is to do next the session machine says ([`Session`]); here it is done.
//! Messages of the client go to what stands on Engine.IO ([`Top`]).

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use roomcast::{Socket, SocketId};
use roomcast_http::{BUSY_BYTES, Frames};
use roomcast_lane::{AckToken, Answer, Close, Context, DisconnectReason, Farewell, Progress, Protocol, Refusal};
use roomcast_socketio_protocol::engineio::{
    Action, CloseReason, Framing, Open, Packet, PacketError, PacketKind, Received, Records, Session, Source, Transport,
};

use crate::client::{Client, Io};
use crate::codec::Carrier;
use crate::input::Input;
use crate::mount::Mount;
use crate::polling::Polling;
use crate::sessions::Registered;
use crate::sid::Sid;
use crate::top::{Opening, Top};

/// One session.
pub(crate) struct Connection {
    pub(crate) mount: Arc<Mount>,
    pub(crate) session: Session,
    pub(crate) sid: Sid,
    /// While it can be found.
    registered: Option<Registered>,
    pub(crate) carrier: Carrier,
    pub(crate) top: Top,
    /// Of a session that began with a poll, until it is upgraded.
    pub(crate) polling: Option<Box<Polling>>,
    pub(crate) frames: Frames,
    /// What came since the last heartbeat.
    came: Came,
}

/// Bytes of a client.
#[derive(Default)]
struct Came {
    /// In whole packets.
    whole: usize,
    /// Of a message that was not whole yet at the last heartbeat.
    partial: usize,
    /// How much polls had taken by then.
    taken: usize,
}

impl Connection {
    /// A session that begins with a WebSocket.
    pub(crate) fn websocket(mount: Arc<Mount>, sid: Sid, framing: Framing, opening: Opening) -> Self {
        let session = Session::new(framing.revision, Transport::WebSocket);
        Self::new(mount, sid, session, Carrier::Frames(framing), opening, None)
    }

    /// A session that begins with a poll.
    pub(crate) fn polling(mount: Arc<Mount>, sid: Sid, framing: Framing, opening: Opening, polling: Polling) -> Self {
        let session = Session::new(framing.revision, Transport::Polling);
        Self::new(mount, sid, session, Carrier::Records(framing.revision), opening, Some(Box::new(polling)))
    }

    fn new(
        mount: Arc<Mount>,
        sid: Sid,
        session: Session,
        carrier: Carrier,
        opening: Opening,
        polling: Option<Box<Polling>>,
    ) -> Self {
        let top = Top::Opening(Box::new(opening));
        Self {
            mount,
            session,
            sid,
            registered: None,
            carrier,
            top,
            polling,
            frames: Frames::new(),
            came: Came::default(),
        }
    }

    /// A packet came, or something that is none.
    pub(crate) fn handle_packet(
        &mut self,
        source: Source,
        packet: Result<Packet<'_>, PacketError>,
        cx: &mut Context<'_>,
    ) -> Result<(), Close> {
        if let Ok(packet) = &packet {
            self.came.whole = self.came.whole.saturating_add(packet.data.len());
        }
        match packet {
            Ok(packet) => match self.session.handle_packet(source, &packet, cx.now(), &self.mount.options.session) {
                Received::Message => {
                    let Self { mount, top, carrier, .. } = self;
                    top.handle_message(&packet.data, &mut Io { cx, carrier: *carrier, mount })?;
                }
                Received::Nothing => {}
            },
            Err(error) => {
                tracing::debug!("a session ends: {error}");
                self.session.handle_invalid(source);
            }
        }
        self.act(cx)
    }

    /// Does what the session says, until it says nothing. What comes after a switch is for the WebSocket, and waits for it.
    pub(crate) fn act(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        while !self.is_switching()
            && let Some(action) = self.session.poll_action()
        {
            match action {
                Action::Open => self.say_open(cx)?,
                Action::Answer(answer) => self.answer_get(answer, cx),
                Action::Ping => {
                    self.listen_anew(cx);
                    self.write_packet(PacketKind::Ping, cx);
                }
                Action::Pong => {
                    self.listen_anew(cx);
                    self.write_packet(PacketKind::Pong, cx);
                }
                Action::AnswerProbe => self.answer_probe(),
                Action::Switch => self.switch(cx),
                Action::CloseCandidate => self.close_candidate(),
                // The lane does, behind what is queued, when the session is closed.
                Action::CloseWebSocket => {}
                Action::Closed(reason) => return self.end(reason),
            }
        }
        Ok(())
    }

    fn end(&mut self, reason: CloseReason) -> Result<(), Close> {
        self.registered = None;
        Err(close_for(reason))
    }

    fn say_open(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        let options = &self.mount.options;
        let (config, transport) = (&options.session, self.session.transport());
        let (interval, timeout) = (config.ping_interval, config.ping_timeout);
        let mut open = Open::new(self.sid.as_str(), transport, interval, timeout, options.payloads.bytes_max);
        if !config.allow_upgrades {
            open = open.without_upgrades();
        }
        match &mut self.polling {
            Some(polling) => polling.say_open(&open, cx.now())?,
            None => {
                let mut packet = BytesMut::new();
                open.append(&mut packet);
                cx.write(&text_frame(&packet));
            }
        }
        let Self { mount, top, carrier, sid, session, .. } = self;
        top.open(session.revision(), *sid, &mut Io { cx, carrier: *carrier, mount })
    }

    /// Writes a packet without data on the WebSocket, ahead of all that waits.
    fn write_packet(&self, kind: PacketKind, cx: &mut Context<'_>) {
        cx.write(&text_frame(&[kind.digit()]));
    }

    fn with_client<R>(
        &mut self,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut Client, &mut Io<'_, '_>) -> R,
    ) -> Option<R> {
        let Self { mount, top, carrier, .. } = self;
        let client = top.client()?;
        Some(call(client, &mut Io { cx, carrier: *carrier, mount }))
    }
}

impl Protocol for Connection {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.registered = Some(self.mount.sessions.register(self.sid, cx.port(), self.session.revision()));
        self.session.handle_open(cx.now(), &self.mount.options.session);
        if let Err(close) = self.act(cx) {
            cx.close(close);
        }
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.read_frames(input, cx)
    }

    fn handle_connected(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        self.with_client(cx, |client, io| client.handle_connected(socket, io));
    }

    fn handle_refused(&mut self, namespace: &str, refusal: &Refusal, cx: &mut Context<'_>) -> Result<(), Close> {
        self.with_client(cx, |client, io| client.handle_refused(namespace, refusal, io)).unwrap_or(Ok(()))
    }

    fn handle_reply(&mut self, socket: SocketId, ack: AckToken, answer: Answer, cx: &mut Context<'_>) {
        self.with_client(cx, |client, io| client.handle_reply(socket, &ack, answer, io));
    }

    fn handle_disconnected(&mut self, socket: SocketId, cx: &mut Context<'_>) -> Result<(), Close> {
        self.with_client(cx, |client, io| client.handle_disconnected(socket, io)).unwrap_or(Ok(()))
    }

    fn handle_message(&mut self, message: Box<dyn Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
        match message.downcast::<Input>() {
            Ok(input) => self.handle_request(*input, cx),
            Err(_) => Ok(()),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session.poll_timeout(&self.mount.options.session);
        let polling = self.polling.as_ref().and_then(|polling| polling.poll_timeout());
        session.into_iter().chain(self.top.poll_timeout()).chain(polling).min()
    }

    fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        self.judge(now, cx)?;
        self.handle_polling_timeout(now, cx)?;
        let partial = self.partial(cx);
        let Self { mount, top, carrier, .. } = self;
        top.handle_timeout(now, partial, &mut Io { cx, carrier: *carrier, mount })
    }

    fn handle_output(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        self.offer_output(cx);
        self.act(cx)
    }

    fn takes_output(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| polling.has_get())
    }

    fn handle_ready(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        self.go_on_with_post(cx)
    }

    /// The WebSocket is here: what was held for it goes first.
    fn handle_stream(&mut self, cx: &mut Context<'_>) {
        let Some(framing) = self.take_switched() else { return };
        self.carrier = Carrier::Frames(framing);
        let (carrier, mut held) = (self.carrier, BytesMut::new());
        cx.take_output(|bytes| {
            let mut records = Records::new(bytes);
            for (kind, data) in &mut records {
                carrier.append_bytes(kind, data, &mut held);
            }
            bytes.len() - records.rest().len()
        });
        if !held.is_empty() {
            cx.queue_shared(held.freeze());
        }
        cx.set_codec(self.mount.codecs.id(carrier, self.top.parser()));
        if let Err(close) = self.act(cx) {
            cx.close(close);
        }
    }

    fn handle_close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
        self.end_session(close, cx);
        if !self.session.is_closed() && cx.output_bytes() > 0 {
            // The poll that takes the last of it is the last one.
            return Farewell::AwaitTaken;
        }
        self.registered = None;
        match self.carrier {
            Carrier::Frames(_) => self.frames.close(close, cx),
            Carrier::Records(_) => Farewell::Finish,
        }
    }
}

impl Connection {
    /// Lets the session see what time it is.
    pub(crate) fn judge(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        let config = &self.mount.options.session;
        if self.session.is_overdue(now, config) && (self.is_busy(cx) || cx.excuse()) {
            self.session.excuse(now, config);
            self.listen_anew(cx);
        }
        self.session.handle_timeout(now, &self.mount.options.session);
        if let Some(reason) = self.session.closed_for().filter(|_| self.is_waiting_for_post()) {
            // It may wait for ever.
            return self.end(reason);
        }
        self.act(cx)
    }

    /// Whether its heartbeat may be stuck behind what it sends.
    fn is_busy(&self, cx: &Context<'_>) -> bool {
        let waits_for_polls = self.has_rest() && self.taken() != self.came.taken;
        let grown = self.partial(cx).saturating_sub(self.came.partial);
        self.came.whole.saturating_add(grown) >= BUSY_BYTES || waits_for_polls
    }

    /// A silence begins.
    pub(crate) fn listen_anew(&mut self, cx: &Context<'_>) {
        self.came = Came { whole: 0, partial: self.partial(cx), taken: self.taken() };
    }

    /// How much has come of a message that is not whole.
    fn partial(&self, cx: &Context<'_>) -> usize {
        cx.input_bytes() + self.frames.fragment_bytes()
    }

    fn taken(&self) -> usize {
        self.polling.as_ref().map_or(0, |polling| polling.taken())
    }

    /// The lane ends the connection: a poll that waits is told.
    fn end_session(&mut self, close: &Close, cx: &mut Context<'_>) {
        let reason = match close.reason() {
            DisconnectReason::ShuttingDown => CloseReason::ServerShuttingDown,
            _ => CloseReason::ForcedClose,
        };
        match self.carrier {
            Carrier::Records(_) => self.session.close(reason, cx.now(), &self.mount.options.session),
            Carrier::Frames(_) => self.session.handle_websocket_lost(reason),
        }
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Answer(answer) => self.answer_get(answer, cx),
                Action::CloseCandidate | Action::CloseWebSocket => self.close_candidate(),
                _ => {}
            }
        }
    }
}

/// How the connection ends, for each reason of the session's.
fn close_for(reason: CloseReason) -> Close {
    let (code, reason) = match reason {
        CloseReason::TransportClose => (1000, DisconnectReason::TransportClose),
        CloseReason::PingTimeout => (1001, DisconnectReason::PingTimeout),
        CloseReason::ParseError => (1002, DisconnectReason::ParseError),
        CloseReason::ForcedClose => (1000, DisconnectReason::ForcedClose),
        CloseReason::ForcedServerClose => (1000, DisconnectReason::ForcedServerClose),
        CloseReason::ServerShuttingDown => (1001, DisconnectReason::ShuttingDown),
        CloseReason::SlowConsumer => (1008, DisconnectReason::SlowConsumer { queued_bytes: 0 }),
        _ => (1002, DisconnectReason::TransportError),
    };
    let text = reason.as_str();
    Close::new(code, if code == 1000 { "" } else { text }, reason)
}

/// A frame of text.
pub(crate) fn text_frame(text: &[u8]) -> BytesMut {
    let mut frame = BytesMut::with_capacity(text.len() + 10);
    let Ok(_range) = roomcast_rfc6455::frame(&mut frame, roomcast_rfc6455::Kind::Text, |to| {
        to.extend_from_slice(text);
        Ok::<_, std::convert::Infallible>(())
    });
    frame
}
