//! What a transport implements: one connection's protocol, without I/O.

pub(crate) mod close;
pub(crate) mod context;
pub(crate) mod port;
pub(crate) mod wire;

use std::any::Any;
use std::time::Instant;

use roomcast::{Socket, SocketId};

use crate::application::handshake::Refusal;
use crate::application::reply::{AckToken, Answer};
use crate::protocol::close::{Close, Farewell};
use crate::protocol::context::Context;

/// One connection's protocol: bytes in, calls on a [`Context`] out. No I/O, no clock, no await, no lock.
///
/// It is made on the lane that owns the connection and never leaves it, so it need not be `Send`. Its lane calls it from one
/// thread, one method at a time. A panic ends its connection and nothing else.
///
/// # Order
/// All application output goes through the lane's inbox, so that it keeps its order with broadcasts: see
/// [`Context::queue`]. What must not wait behind data, as pongs and heartbeats, is written directly: [`Context::write`].
pub trait Protocol: 'static {
    /// The connection is there. Usually calls [`Context::connect`].
    fn handle_open(&mut self, cx: &mut Context<'_>);

    /// Bytes came; `input` holds all that came and was not used before, at least as many as the last
    /// [`Progress::wanting`] asked for. It may be changed in place (unmasking). What is not used is shown again together with
    /// more, or when a hold ends. Not called while input is held: [`Context::is_held`].
    ///
    /// # Errors
    /// Ends the connection, after what was queued.
    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close>;

    /// The application let a socket in: the place to tell the client, with [`Context::queue`]. What was sent to the socket
    /// meanwhile follows.
    fn handle_connected(&mut self, _socket: &Socket, _cx: &mut Context<'_>) {}

    /// The application, or a limit of the engine, refused the connect to a namespace.
    ///
    /// # Errors
    /// Ends the connection. By default it does, with 1008.
    fn handle_refused(&mut self, _namespace: &str, refusal: &Refusal, _cx: &mut Context<'_>) -> Result<(), Close> {
        Err(Close::policy(refusal.message.clone()))
    }

    /// The answer to an event that was given to the application with an [`AckToken`]. Not called for sockets that are gone.
    fn handle_reply(&mut self, _socket: SocketId, _ack: AckToken, _answer: Answer, _cx: &mut Context<'_>) {}

    /// The program disconnected one of the connection's sockets. Nothing that was sent to it afterwards arrives.
    ///
    /// # Errors
    /// Ends the connection. By default it does; protocols with several sockets on a connection tell the client instead.
    fn handle_disconnected(&mut self, _socket: SocketId, _cx: &mut Context<'_>) -> Result<(), Close> {
        Err(Close::server_left())
    }

    /// Something that was sent with [`Port::send`](crate::Port::send).
    ///
    /// # Errors
    /// Ends the connection.
    fn handle_message(&mut self, _message: Box<dyn Any + Send>, _cx: &mut Context<'_>) -> Result<(), Close> {
        Ok(())
    }

    /// When [`Self::handle_timeout`] is to be called next. Asked after each other call; must be cheap.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time of [`Self::poll_timeout`] has come: at `now`, at most some milliseconds late (a sixth of a second for those that
    /// were more than two seconds away).
    ///
    /// # Errors
    /// Ends the connection.
    fn handle_timeout(&mut self, _now: Instant, _cx: &mut Context<'_>) -> Result<(), Close> {
        Ok(())
    }

    /// The peer's side of the stream ended. What was queued is still written.
    fn handle_end(&mut self, _cx: &mut Context<'_>) -> Close {
        Close::ended()
    }

    /// A stream-less connection ([`Stream::none`](crate::Stream::none)) has output: see [`Context::take_output`].
    ///
    /// # Errors
    /// Ends the connection.
    fn handle_output(&mut self, _cx: &mut Context<'_>) -> Result<(), Close> {
        Ok(())
    }

    /// Whether a stream-less connection would hand output on at once: then it is not behind, and gets what is sent
    /// [`Volatile`](roomcast::Class::Volatile) too. Must be cheap.
    fn takes_output(&self) -> bool {
        false
    }

    /// A stream-less connection may go on with what it put aside while [`Context::is_held`] said so, or after
    /// [`Context::go_on`]. Also called once after `handle_open`.
    ///
    /// # Errors
    /// Ends the connection.
    fn handle_ready(&mut self, _cx: &mut Context<'_>) -> Result<(), Close> {
        Ok(())
    }

    /// Another connection hands its stream to this stream-less one ([`Context::hand_over`]), which is to take what it held
    /// back, queue it again as its new wire has it, and switch codecs ([`Context::set_codec`]).
    fn handle_stream(&mut self, _cx: &mut Context<'_>) {}

    /// The connection ends. Last words go out with [`Context::queue`], behind everything that was queued before; what is
    /// queued later does not go out.
    /// Not called when the stream is gone already, nor for a peer that is cut off because it does not read.
    fn handle_close(&mut self, _close: &Close, _cx: &mut Context<'_>) -> Farewell {
        Farewell::Finish
    }
}

/// How far a protocol came with its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub(crate) used: usize,
    pub(crate) want: usize,
}

impl Progress {
    /// `used` bytes are done with. The rest is kept, and comes again together with the next bytes.
    pub fn used(used: usize) -> Self {
        Self { used, want: 0 }
    }

    /// The rest is of no use before it is `want` bytes long. Until then the lane collects, without calling; its buffer grows
    /// as bytes come, so a claimed length costs nothing.
    #[must_use]
    pub fn wanting(mut self, want: usize) -> Self {
        self.want = want;
        self
    }
}
