//! What a protocol may do.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use roomcast::{Socket, SocketId};

use crate::application::connect::{Connect, NewSocket};
use crate::application::disconnect::DisconnectReason;
use crate::application::event::Event;
use crate::application::handshake::Handshake;
use crate::application::reply::AckToken;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::change::Change;
use crate::lane::connection::Holds;
use crate::lane::log::{Note, SHARED_BYTES};
use crate::lanes::codecs::CodecId;
use crate::lanes::order::Order;
use crate::link::stream::Stream;
use crate::protocol::Protocol;
use crate::protocol::close::Close;
use crate::protocol::port::Port;
use crate::protocol::wire::Wire;

/// What a [`Protocol`](crate::Protocol) may do while it is called.
pub struct Context<'a> {
    lane: &'a mut Lane,
    key: Key,
    place: Place,
    /// Bytes that waited in the inbox when the call began.
    orders_before: u64,
}

/// Where the lane is in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Reading: output has to go through the inbox, behind what was published before.
    Reading,
    /// Draining the inbox: output belongs right here.
    Ordered,
}

impl<'a> Context<'a> {
    pub(crate) fn new(lane: &'a mut Lane, key: Key, place: Place) -> Self {
        let orders_before = lane.shared.inbox.bytes();
        Self { lane, key, place, orders_before }
    }

    /// The time, as it was when the lane's turn began.
    pub fn now(&self) -> Instant {
        self.lane.now
    }

    /// The address of the peer, where it is known. A system call for TCP.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.lane.connections.get(self.key.index as usize)?.io.peer()
    }

    /// What other threads can reach this connection by.
    pub fn port(&self) -> Port {
        Port { lane: Arc::clone(&self.lane.shared), key: self.key }
    }

    /// Writes control bytes, whole frames, ahead of all queued data: pongs, heartbeats, handshake answers. What waits in an
    /// outbox is overtaken at the next boundary of frames.
    pub fn write(&mut self, frames: &[u8]) {
        self.lane.control.extend_from_slice(frames);
    }

    /// Queues output in its order with all that is published: whole frames, and each call one unit that control bytes will
    /// not split. Costs a copy, and while input is handled an entry in the lane's inbox.
    pub fn queue(&mut self, frames: &[u8]) {
        match self.place {
            Place::Ordered => self.lane.append(self.key, frames, Note::OWN),
            Place::Reading if frames.len() >= SHARED_BYTES => self.queue_shared(Bytes::copy_from_slice(frames)),
            Place::Reading => {
                self.lane.staged.extend(frames);
                self.lane.shared.push(Order::Write { to: self.key, bytes: frames.len() });
            }
        }
    }

    /// The same without a copy: for what is large.
    pub fn queue_shared(&mut self, frames: Bytes) {
        match self.place {
            Place::Ordered => self.lane.append_kept(self.key, vec![(frames, Note::OWN)]),
            Place::Reading => drop(self.lane.shared.push(Order::WriteShared { to: self.key, frames })),
        }
    }

    /// The same for output that `write` makes.
    pub fn queue_with(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let mut frames = std::mem::take(&mut self.lane.encoded);
        frames.clear();
        write(&mut frames);
        self.queue(&frames);
        self.lane.encoded = frames;
    }

    /// Connects the connection's only socket, in the namespace `/`, to the application of its wire. The outcome comes to
    /// `handle_connected` or `handle_refused`; input is held until then.
    pub fn connect(&mut self, handshake: Handshake) {
        self.lane.connect(self.key, Connect::new(handshake), true);
    }

    /// Connects one of several sockets; input goes on. `None` if the engine has no place for it; either way an outcome
    /// follows.
    pub fn connect_with(&mut self, connect: Connect) -> Option<NewSocket> {
        self.lane.connect(self.key, connect, false)
    }

    /// The first of the connection's sockets that is connected.
    pub fn socket(&self) -> Option<&Socket> {
        self.sockets().next()
    }

    /// The connection's sockets that are connected.
    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        let connection = self.lane.connections.get(self.key.index as usize);
        let attached = connection.into_iter().flat_map(|connection| &connection.sockets);
        attached.filter(|attached| attached.connecting.is_none()).map(|attached| &*attached.owned)
    }

    /// The namespace of one of the connection's sockets.
    pub fn namespace_of(&self, socket: SocketId) -> Option<&str> {
        let connection = self.lane.connections.get(self.key.index as usize)?;
        let attached = connection.sockets.iter().find(|attached| attached.owned.id() == socket)?;
        Some(&attached.namespace)
    }

    /// Gives an event to the application of the first socket. With `ack` its answer comes to `handle_reply`. False if no
    /// socket is connected; then it is lost.
    pub fn event(&mut self, event: Event<'_>, ack: Option<AckToken>) -> bool {
        match self.socket().map(Socket::id) {
            Some(socket) => self.lane.event(self.key, socket, event, ack),
            None => false,
        }
    }

    /// The same for one of several sockets.
    pub fn event_for(&mut self, socket: SocketId, event: Event<'_>, ack: Option<AckToken>) -> bool {
        self.lane.event(self.key, socket, event, ack)
    }

    /// Ends one of the connection's sockets; the connection stays. Its application hears of it at once.
    pub fn disconnect(&mut self, socket: SocketId, reason: DisconnectReason) {
        self.lane.end_socket(self.key, socket, reason);
    }

    /// From here on the connection's sockets are sent to with another codec, also what was published before and is not yet
    /// encoded.
    pub fn set_codec(&mut self, codec: CodecId) {
        self.lane.set_codec(self.key, codec);
    }

    /// Bytes of input that wait to be complete. Growth is a sign of life that `handle_input` does not see.
    pub fn input_bytes(&self) -> usize {
        let connection = self.lane.connections.get(self.key.index as usize);
        connection.and_then(|connection| connection.input.as_ref()).map_or(0, |input| input.len())
    }

    /// Holds further input, until [`Self::release`]. What `handle_input` does not use waits; if the peer ends meanwhile, for
    /// at most a minute, then the connection ends without it.
    pub fn hold(&mut self) {
        let now = self.lane.now;
        if let Some(connection) = self.lane.connection(self.key) {
            connection.hold(Holds::PROTOCOL, now);
        }
    }

    /// Ends [`Self::hold`].
    pub fn release(&mut self) {
        self.lane.release(self.key, Holds::PROTOCOL);
    }

    /// Whether input is held: by [`Self::hold`], by [`Self::connect`], because 64 events are in flight, or because
    /// more than half of what may wait for the stream does, until a quarter was taken; or because this call has caused 256 KiB of output already, of which the peer should get
    /// something first. A loop in `handle_input` should stop then; what it did not use comes again.
    pub fn is_held(&self) -> bool {
        let connection = self.lane.connections.get(self.key.index as usize);
        connection.is_some_and(|connection| connection.holds.any()) || self.lane.is_fed(self.key, self.orders_before)
    }

    /// Whether a peer that was not heard in time is to be forgiven, since input is held and nobody may have read what it said.
    /// Once for each hold: a peer that says nothing while its connection is held must not stay for ever. One that is held
    /// because it is slow to take its output is forgiven as long as it takes some.
    pub fn excuse(&mut self) -> bool {
        self.lane.connection(self.key).is_some_and(|connection| connection.excuse())
    }

    /// Ends the connection, behind what is queued.
    pub fn close(&mut self, close: Close) {
        match self.place {
            Place::Reading => self.lane.end_input(self.key, close),
            Place::Ordered => drop(self.lane.shared.push(Order::Close { to: self.key, close })),
        }
    }

    /// Asks for [`Protocol::handle_ready`](crate::Protocol::handle_ready) in a later turn: for a stream-less connection that
    /// has more to do than should be done at once.
    pub fn go_on(&mut self) {
        self.lane.make_ready(self.key.index);
    }

    /// Shows what [`Self::take_output`] would take, and takes nothing.
    pub fn read_output(&self, read: impl FnMut(&[u8]) -> usize) {
        self.lane.read_output(self.key, read);
    }

    /// Takes output that a stream-less connection holds. `take` gets pieces that end where frames end, and returns how many
    /// bytes it used; less than all ends the taking.
    pub fn take_output(&mut self, take: impl FnMut(&[u8]) -> usize) {
        self.lane.take_output(self.key, take);
    }

    /// How many bytes may wait for the peer. A stream-less connection whose peer asks for more than it takes should hear it no
    /// faster than it takes it, as those with a stream are heard.
    pub fn output_bytes_max(&self) -> usize {
        self.lane.outbox_limit(self.key.index)
    }

    /// Bytes that wait because the peer, or for a stream-less connection its protocol, has not taken them.
    pub fn output_bytes(&self) -> usize {
        let connection = self.lane.connections.get(self.key.index as usize);
        connection.and_then(|connection| connection.outbox.as_ref()).map_or(0, |outbox| outbox.bytes())
    }

    /// Ends this connection and gives its stream, with input that is not used, to a stream-less one of the same lane. If that
    /// one is gone, has a stream, or is on another lane, this one is closed.
    pub fn hand_over(&mut self, to: &Port) {
        let order = match Arc::ptr_eq(&to.lane, &self.lane.shared) {
            true => Order::HandOver { from: self.key, to: to.key },
            false => Order::Close { to: self.key, close: Close::internal("wrong lane") },
        };
        self.hold();
        self.lane.shared.push(order);
    }

    /// Goes on with another protocol on the same stream, for one that only finds out which it is and has no sockets. When the
    /// call that this is part of returns, this one is dropped, the other's [`handle_open`](Protocol::handle_open) is called,
    /// and it gets the input that this one did not use. What this one wrote with [`Self::write`] goes out first, together
    /// with what the other one says in the same turn. A connection that is ending already is dropped.
    pub fn replace(&mut self, protocol: Box<dyn Protocol>, wire: &Wire) {
        self.lane.change = Some((self.key, Change::Replace { protocol, wire: wire.clone() }));
    }

    /// Gives the stream away, and with that ends the connection: when the call that this is part of returns, the protocol is
    /// dropped, and then `take` is called, on the lane's thread, which it must not block. TCP is taken off the lane's reactor.
    /// Input that `take` needs it has to bring along; what was written or queued is lost.
    pub fn eject(&mut self, take: impl FnOnce(Stream) + 'static) {
        self.lane.change = Some((self.key, Change::Eject(Box::new(take))));
    }

    /// Puts what is written so far into the log, behind which everything else goes.
    pub(crate) fn greet(&mut self) {
        self.lane.greet(self.key);
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("key", &self.key).field("place", &self.place).finish_non_exhaustive()
    }
}
