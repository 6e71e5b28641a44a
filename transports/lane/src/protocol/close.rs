//! Why and how a connection ends.

use std::borrow::Cow;
use std::fmt;

use crate::application::disconnect::DisconnectReason;

/// The end of a connection: what the peer is told, and what the application hears.
///
/// A protocol returns it as an error of its `handle_*` methods or asks for it with
/// [`Context::close`](crate::Context::close). The lane then brings it to
/// [`Protocol::handle_close`](crate::Protocol::handle_close), behind everything that was queued before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    code: u16,
    text: Cow<'static, str>,
    reason: DisconnectReason,
}

impl Close {
    /// A close with a code of RFC 6455 section 7.4.1, a text for the peer, and a reason for the application. Wires without
    /// codes ignore the code.
    pub fn new(code: u16, text: impl Into<Cow<'static, str>>, reason: DisconnectReason) -> Self {
        Self { code, text: text.into(), reason }
    }

    /// 1000: the peer said good-bye.
    pub fn client_left() -> Self {
        Self::new(1000, "", DisconnectReason::ClientLeft)
    }

    /// 1000: the application disconnected the socket.
    pub fn server_left() -> Self {
        Self::new(1000, "", DisconnectReason::ServerLeft)
    }

    /// 1001: the lanes are draining.
    pub fn shutting_down() -> Self {
        Self::new(1001, "server shutting down", DisconnectReason::ShuttingDown)
    }

    /// 1002: the peer broke the protocol.
    pub fn protocol(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1002, text, DisconnectReason::ParseError)
    }

    /// 1003: the peer sent a kind of data that has no place here.
    pub fn unsupported(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1003, text, DisconnectReason::ParseError)
    }

    /// 1006, which is never sent: the peer's side of the stream ended.
    pub fn ended() -> Self {
        Self::new(1006, "", DisconnectReason::TransportClose)
    }

    /// 1008: the peer may not be here.
    pub fn policy(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1008, text, DisconnectReason::ServerLeft)
    }

    /// 1009: a message exceeds a limit.
    pub fn too_large() -> Self {
        Self::new(1009, "message too large", DisconnectReason::ParseError)
    }

    /// 1011: something failed here.
    pub fn internal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1011, text, DisconnectReason::TransportError)
    }

    /// 1001: the peer did not answer in time.
    pub fn timed_out() -> Self {
        Self::new(1001, "ping timeout", DisconnectReason::PingTimeout)
    }

    /// The close code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text for the peer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The reason for the application.
    pub fn reason(&self) -> &DisconnectReason {
        &self.reason
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.reason, self.code)?;
        if self.text.is_empty() { f.write_str(")") } else { write!(f, ": {})", self.text) }
    }
}

/// What a protocol wants after it wrote its last words ([`Protocol::handle_close`](crate::Protocol::handle_close)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Farewell {
    /// The stream is half-closed once all is written; what the peer still sends is thrown away.
    #[default]
    Finish,
    /// The peer has something to say: its input goes on to come to `handle_input` until that returns a [`Close`], the
    /// stream ends, or two seconds have passed.
    AwaitPeer,
    /// Without a stream: what waits is still to be taken. Messages go on to come to `handle_message` until that returns a
    /// [`Close`], or two seconds have passed.
    AwaitTaken,
}
