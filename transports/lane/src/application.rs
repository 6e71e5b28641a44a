//! The seam between transports and the logic of a program.

pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod handshake;
pub(crate) mod reply;

use std::pin::Pin;
use std::sync::Arc;

use roomcast::Socket;

use crate::application::disconnect::Disconnect;
use crate::application::event::Event;
use crate::application::handshake::{Handshake, Refusal};
use crate::application::reply::{AnswerError, Reply};

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What happens to a program's sockets. [`Events`](crate::Events) is its form made of closures.
///
/// The methods run on the socket's lane, in the order in which the client's messages arrived, with the application's tokio
/// runtime entered, so that `tokio::spawn` works. All connections of the lane wait meanwhile: they must not block. A panic
/// ends the one call; it is logged and counted.
pub trait Application: Send + Sync + 'static {
    /// Called once when a transport takes the application. The place to panic for what the programmer has to mend.
    fn mounted(&self) {}

    /// A client wants in. The socket exists and can join rooms and be sent to, but the client hears nothing before the
    /// future resolves; then it hears that it is connected, and after that what was sent meanwhile.
    ///
    /// The future is polled once on the lane. If it is pending it moves to the application's runtime.
    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>>;

    /// An event from a connected client. `reply` answers it, now or from anywhere later; if the client wants no answer it
    /// goes nowhere. While it is kept the event counts as in flight: at 64 of them the client is read no further. If they are
    /// kept for very long it may so be taken for dead, though it lives: its protocol excuses one silence.
    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply);

    /// The socket is gone. Called exactly once for each socket whose [`Self::connect`] resolved to `Ok`; if the lane had ended by
    /// then, on the thread where it resolved.
    fn disconnected(&self, _socket: &Socket, _bye: Disconnect) {}

    /// Whether [`Disconnect::rooms`] is wanted; else the rooms are not collected.
    fn wants_rooms(&self) -> bool {
        false
    }
}

/// Lets everybody in and ignores all they say: for sockets that only listen.
impl Application for () {
    fn connect(&self, _socket: Socket, _handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn event(&self, _socket: &Socket, _event: Event<'_>, reply: Reply) {
        reply.fail(AnswerError::UnknownEvent);
    }
}

impl<A: Application + ?Sized> Application for Arc<A> {
    fn mounted(&self) {
        (**self).mounted();
    }

    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        (**self).connect(socket, handshake)
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        (**self).event(socket, event, reply);
    }

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        (**self).disconnected(socket, bye);
    }

    fn wants_rooms(&self) -> bool {
        (**self).wants_rooms()
    }
}
