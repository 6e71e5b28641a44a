//! What a lane's inbox carries: everything that makes output, in one order.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roomcast::{Closed, Delivery, SocketId};

use crate::application::handshake::Refusal;
use crate::application::reply::{AckToken, Answer};
use crate::key::Key;
use crate::lanes::accept::Acceptor;
use crate::lanes::shared::{Counted, CountedConnection, CountedStream, LaneShared};
use crate::link::stream::Stream;
use crate::protocol::Protocol;
use crate::protocol::close::Close;
use crate::protocol::wire::Wire;

/// One thing a lane is told, by whatever thread. What the engine and the lanes put in here owns no `Socket` and no `Engine`,
/// which own the inbox. What programs and transports put in, as an application or a message, may: it is taken out, or dropped
/// with the rest when the lane ends.
pub(crate) enum Order {
    /// A broadcast's share.
    Deliver(Delivery),
    /// A socket was disconnected by the program.
    Closed(Closed),
    /// A protocol queued output while it was reading: the next so many bytes that the lane has staged.
    Write { to: Key, bytes: usize },
    /// The same, shared instead of staged.
    WriteShared { to: Key, frames: Bytes },
    /// An event is finished. `counted`: it was in flight.
    Reply { to: Key, socket: SocketId, answer: Option<(AckToken, Answer)>, counted: bool },
    /// The application let a socket in, or did not.
    Outcome { socket: SocketId, result: Result<(), Refusal> },
    /// The engine had no place for a socket.
    NoPlace { to: Key, namespace: Arc<str>, refusal: Refusal, holds_input: bool },
    /// Something for a protocol.
    Message { to: Key, message: Box<dyn Any + Send> },
    /// A connection is to end.
    Close { to: Key, close: Close },
    /// A connection hands its stream to another one.
    HandOver { from: Key, to: Key },
    /// A new connection.
    Adopt(Box<Adoption>),
    /// Accept connections, on the lane's own thread.
    Listen(Box<Acceptor>),
    /// Close all connections within this time, then end.
    Drain { over: Duration },
    /// The outboxes of all lanes hold too much, and the largest seems to be here.
    Relieve,
    /// End now.
    Stop,
    /// Panic.
    #[cfg(test)]
    Fail,
}

/// A connection on its way to its lane.
pub(crate) struct Adoption {
    pub(crate) stream: Stream,
    pub(crate) early: Bytes,
    pub(crate) wire: Wire,
    pub(crate) make: Box<dyn FnOnce() -> Box<dyn Protocol> + Send>,
    pub(crate) counted: CountedConnection,
    /// None if it has none.
    pub(crate) stream_counted: Option<CountedStream>,
}

impl Adoption {
    /// Counted from here, so that a burst is spread.
    pub(crate) fn new<P: Protocol>(
        lane: &Arc<LaneShared>,
        stream: Stream,
        early: Bytes,
        wire: &Wire,
        protocol: impl FnOnce() -> P + Send + 'static,
    ) -> Self {
        let (counted, stream_counted) = (Counted::new(lane), (!stream.is_none()).then(|| Counted::new(lane)));
        let make = Box::new(move || Box::new(protocol()) as Box<dyn Protocol>);
        Self { stream, early, wire: wire.clone(), make, counted, stream_counted }
    }
}

impl Order {
    /// Bytes for which it stands in the inbox; the same before and after.
    pub(crate) fn size(&self) -> usize {
        let held = match self {
            Self::Deliver(delivery) => delivery.size(),
            Self::Write { bytes, .. } => *bytes,
            Self::WriteShared { frames, .. } => frames.len(),
            Self::Reply { answer: Some((_, Ok(Some(message)))), .. } => message.size(),
            Self::Closed(closed) => closed.rooms.iter().map(|room| size_of::<String>() + room.len()).sum(),
            Self::Adopt(adoption) => adoption.early.len(),
            _ => 0,
        };
        size_of::<Self>() + held
    }
}
