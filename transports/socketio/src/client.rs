//! Socket.IO on one connection: packets in, sockets of namespaces out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use roomcast::{Journal, Offset, Socket, SocketId};
use roomcast_http::BUSY_BYTES;
use roomcast_lane::{AckToken, Answer, Close, Connect, Context, DisconnectReason, Event, NewSocket, Refusal};
use roomcast_socketio_protocol::engineio::{self, Data};
use roomcast_socketio_protocol::socketio::{
    Args, Decision, DecodeError, Decoder, NamespaceError, Namespaces, Packet, Revision, decode_msgpack,
};

use crate::codec::{Carrier, Parser};
use crate::kept::Kept;
use crate::mount::Mount;
use crate::namespaces::Namespace;
use crate::recovery::Former;
use crate::sid::Sid;

/// One client, from its first packet to its last.
pub(crate) struct Client {
    revision: Revision,
    /// Unknown until the client has said something: the first packet of one that speaks msgpack is binary.
    parser: Option<Parser>,
    decoder: Decoder,
    /// A packet whose attachments are not all there.
    unfinished: Option<Unfinished>,
    namespaces: Namespaces<SocketId>,
    /// Sockets that the application is asked about.
    connecting: Vec<Connecting>,
    handshake: Kept,
}

/// A socket that the application is asked about.
struct Connecting {
    id: SocketId,
    namespace: Arc<Namespace>,
    /// With which it can come back: what its client will say, and where the journal was when it got that.
    return_ticket: Option<(Sid, Offset)>,
}

/// A packet whose attachments are not all there: until when the next one has to be, and how much of it had come when that was
/// put off.
struct Unfinished {
    until: Instant,
    partial: usize,
}

/// What a client works with while it is called.
pub(crate) struct Io<'a, 'b> {
    pub(crate) cx: &'a mut Context<'b>,
    pub(crate) carrier: Carrier,
    pub(crate) mount: &'a Mount,
}

impl Client {
    pub(crate) fn new(
        revision: engineio::Revision,
        parser: Option<Parser>,
        handshake: Kept,
        now: Instant,
        mount: &Mount,
    ) -> Self {
        let revision = match revision {
            engineio::Revision::V3 => Revision::V4,
            engineio::Revision::V4 => Revision::V5,
        };
        let namespaces = Namespaces::new(revision, now, &mount.options.namespaces);
        let decoder = Decoder::new(revision);
        Self { revision, parser, decoder, unfinished: None, namespaces, connecting: Vec::new(), handshake }
    }

    /// The session is open. Clients of the older protocol are connected to `/` unasked, under the session's id.
    pub(crate) fn handle_open(&mut self, sid: Sid, io: &mut Io<'_, '_>) -> Result<(), Close> {
        io.cx.set_codec(io.mount.codecs.id(io.carrier, self.parser()));
        if self.revision == Revision::V4 { self.connect("/", None, None, Some(sid), io) } else { Ok(()) }
    }

    /// A message came.
    pub(crate) fn handle_message(&mut self, data: &Data<'_>, io: &mut Io<'_, '_>) -> Result<(), Close> {
        let parser = match (self.parser, data) {
            (Some(parser), _) => parser,
            (None, Data::Text(_)) => self.speak(Parser::Text, io),
            (None, Data::Binary(_)) => self.speak(Parser::Msgpack, io),
        };
        let limits = &io.mount.options.packets;
        let packet = match (parser, data) {
            (Parser::Text, Data::Text(text)) => self.decoder.handle_text(text, limits),
            (Parser::Text, Data::Binary(bytes)) => self.decoder.handle_binary(bytes, limits),
            (Parser::Msgpack, Data::Binary(bytes)) => decode_msgpack(bytes, self.revision, limits).map(Some),
            (Parser::Msgpack, Data::Text(_)) => return Err(unreadable("text from a client that speaks msgpack")),
        };
        match packet.map_err(|error: DecodeError| unreadable(error.to_string()))? {
            Some(packet) => {
                self.unfinished = None;
                self.handle_packet(packet, io)
            }
            None => {
                let session = &io.mount.options.session;
                let until = io.cx.now() + session.ping_interval + session.ping_timeout;
                self.unfinished = Some(Unfinished { until, partial: 0 });
                Ok(())
            }
        }
    }

    fn speak(&mut self, parser: Parser, io: &mut Io<'_, '_>) -> Parser {
        self.parser = Some(parser);
        io.cx.set_codec(io.mount.codecs.id(io.carrier, parser));
        parser
    }

    fn handle_packet(&mut self, packet: Packet<'_>, io: &mut Io<'_, '_>) -> Result<(), Close> {
        match self.namespaces.handle_packet(packet, &io.mount.options.namespaces).map_err(|error| forced(&error))? {
            Decision::Event { socket, name, args, ack } => {
                let Args { json, count, attachments } = args;
                let event = Event::from_parts(&name, &json, count, attachments.into_owned());
                // False if the program is just disconnecting the socket.
                let _taken = io.cx.event_for(socket, event, ack.map(AckToken::from));
            }
            Decision::Answer { socket, id, args } => {
                let namespace = io.cx.namespace_of(socket).and_then(|name| io.mount.namespaces.get(name));
                if let Some(namespace) = namespace {
                    let Args { json, count, attachments } = args;
                    let answer = Event::from_parts("", &json, count, attachments.into_owned());
                    namespace.asks().answer(socket, id, answer.into_owned());
                }
            }
            Decision::Connect { namespace, auth, query } => {
                // The older protocol authenticates by the query.
                let auth = auth.filter(|_| self.revision == Revision::V5);
                self.connect(&namespace, auth.as_deref(), query.as_deref(), None, io)?;
            }
            Decision::Refuse { namespace } => self.refuse(&namespace, &Refusal::new("Too many namespaces"), io),
            Decision::Disconnect { socket } => io.cx.disconnect(socket, DisconnectReason::ClientLeft),
            Decision::Ignore => {}
        }
        Ok(())
    }

    /// Asks the application of a namespace whether the client may come in.
    fn connect(
        &mut self,
        namespace: &str,
        auth: Option<&str>,
        query: Option<&str>,
        id: Option<Sid>,
        io: &mut Io<'_, '_>,
    ) -> Result<(), Close> {
        let Some(found) = io.mount.namespaces.find(namespace) else {
            let mut refusal = Refusal::new("Invalid namespace");
            if self.revision == Revision::V4 {
                // Where applications refuse with a text, servers say this with an object.
                refusal = refusal.data(&serde_json::json!({ "message": "Invalid namespace" }));
            }
            return self.handle_refused(namespace, &refusal, io);
        };
        let mut handshake = self.handshake.handshake(auth, query);
        handshake.peer = handshake.peer.or_else(|| io.cx.peer());
        let mut connect =
            Connect::new(handshake).namespace(Arc::clone(found.name())).application(Arc::clone(&found) as _);
        if let Some(id) = id {
            connect = connect.id(id.as_str());
        }
        // Of the older protocol nobody can come back.
        let returning = found.returning().filter(|_| self.revision == Revision::V5);
        let former = returning.zip(auth).and_then(|(returning, auth)| returning.take(auth, found.engine()));
        if let Some(Former { who, after, .. }) = &former {
            connect = connect.resume(who.clone(), *after);
        }
        let since = returning.and_then(|_| found.engine().journal()).map(Journal::last);
        // Without a socket a refusal is on its way.
        if let Some(NewSocket { id, recovered }) = io.cx.connect_with(connect) {
            let return_ticket = match former.filter(|_| recovered) {
                Some(former) => Some((former.pid, former.since)),
                None => since.and_then(|since| Some((Sid::random()?, since))),
            };
            self.connecting.push(Connecting { id, namespace: Arc::clone(&found), return_ticket });
        }
        Ok(())
    }

    /// The application let a socket in.
    pub(crate) fn handle_connected(&mut self, socket: &Socket, io: &mut Io<'_, '_>) {
        let id = socket.id();
        let Some(Connecting { namespace, return_ticket, .. }) = self.take_connecting(id) else { return };
        if self.namespaces.handle_connected(namespace.name(), id).is_err() {
            return;
        }
        if let Some((returning, (pid, since))) = namespace.returning().zip(return_ticket) {
            returning.enter(id, pid, since);
        }
        let pid = return_ticket.as_ref().map(|(pid, _)| pid.as_str());
        self.send(&Packet::connected(self.revision, namespace.name(), id.as_str(), pid), io);
    }

    /// The application, or a limit of the engine, did not.
    pub(crate) fn handle_refused(
        &mut self,
        namespace: &str,
        refusal: &Refusal,
        io: &mut Io<'_, '_>,
    ) -> Result<(), Close> {
        self.connecting.retain(|connecting| **connecting.namespace.name() != *namespace);
        if self.namespaces.handle_refused(namespace).is_ok() {
            self.refuse(namespace, refusal, io);
        }
        Ok(())
    }

    fn refuse(&mut self, namespace: &str, refusal: &Refusal, io: &mut Io<'_, '_>) {
        let data = refusal.data.as_deref().map(String::from_utf8_lossy);
        let data = data.as_ref().map(Cow::as_ref);
        self.send(&Packet::connect_error(self.revision, namespace, &refusal.message, data), io);
    }

    /// The application answered an event.
    pub(crate) fn handle_reply(&mut self, socket: SocketId, ack: &AckToken, answer: Answer, io: &mut Io<'_, '_>) {
        let (Some(number), Some(namespace)) = (ack.as_number(), self.namespaces.namespace(&socket)) else { return };
        let message = match answer {
            Ok(message) => message,
            // Socket.IO has no word for it: the client's own time-out tells it.
            Err(error) => return tracing::debug!("an event is not acknowledged: {error}"),
        };
        let args = match &message {
            Some(message) => Args::new(message.args_json(), message.args_len(), message.attachments()),
            None => Args::default(),
        };
        self.send(&Packet::ack(namespace, number, args), io);
    }

    /// The program disconnected a socket; the connection stays.
    pub(crate) fn handle_disconnected(&mut self, socket: SocketId, io: &mut Io<'_, '_>) -> Result<(), Close> {
        if let Some(Connecting { namespace, .. }) = self.take_connecting(socket) {
            return self.handle_refused(namespace.name(), &Refusal::new("Disconnected"), io);
        }
        if let Some(namespace) = self.namespaces.handle_disconnected(&socket).map(str::to_owned) {
            self.send(&Packet::disconnect(&namespace), io);
        }
        Ok(())
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let unfinished = self.unfinished.as_ref().map(|unfinished| unfinished.until);
        self.namespaces.poll_timeout().into_iter().chain(unfinished).min()
    }

    /// Time passed; `came` bytes have come of a message that is not whole.
    pub(crate) fn handle_timeout(&mut self, now: Instant, came: usize, io: &mut Io<'_, '_>) -> Result<(), Close> {
        if let Some(Unfinished { until, partial }) = &mut self.unfinished
            && *until <= now
        {
            // What is missing may have come, and is not read; or it is coming.
            if !io.cx.is_held() && came.saturating_sub(*partial) < BUSY_BYTES {
                return Err(unreadable("the attachments of a packet did not come in time"));
            }
            (*until, *partial) = (now + io.mount.options.session.ping_timeout, came);
        }
        self.namespaces.handle_timeout(now).map_err(|error| forced(&error))
    }

    /// How packets are written from here on, by another carrier.
    pub(crate) fn parser(&self) -> Parser {
        self.parser.unwrap_or_default()
    }

    fn take_connecting(&mut self, id: SocketId) -> Option<Connecting> {
        let at = self.connecting.iter().position(|connecting| connecting.id == id)?;
        Some(self.connecting.swap_remove(at))
    }

    fn send(&self, packet: &Packet<'_>, io: &mut Io<'_, '_>) {
        let (carrier, parser) = (io.carrier, self.parser());
        io.cx.queue_with(|to| {
            if let Err(error) = carrier.append_packet(parser, packet, to) {
                tracing::debug!("a packet was not sent: {error}");
            }
        });
    }
}

/// The client sent what cannot be read.
fn unreadable(why: impl Into<Cow<'static, str>>) -> Close {
    Close::new(1002, why, DisconnectReason::ParseError)
}

/// The client did what it must not do now.
fn forced(error: &NamespaceError) -> Close {
    Close::new(1002, error.to_string(), DisconnectReason::ForcedServerClose)
}
