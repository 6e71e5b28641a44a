//! What a client's messages mean: three ways to use a raw WebSocket.

use roomcast_lane::{Close, Context};
use roomcast_rfc6455::Kind;

use crate::codec::{text_frame, whole_frame};
use crate::rooms::Policy;
use crate::{events, rooms};

#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    /// The application's own events.
    Events,
    /// The JSON room protocol.
    Rooms(Policy),
    /// Every message comes back. There is no socket, and nothing in the engine.
    Echo,
}

impl Dialect {
    /// Whether a connection has a socket in the engine.
    pub(crate) fn has_socket(&self) -> bool {
        !matches!(self, Self::Echo)
    }

    pub(crate) fn handle_text(&self, text: &str, cx: &mut Context<'_>) -> Result<(), Close> {
        match self {
            Self::Events => events::handle_text(text, cx),
            Self::Rooms(policy) => rooms::handle_text(policy, text, cx),
            Self::Echo => cx.queue_with(|to| whole_frame(Kind::Text, text.as_bytes(), to)),
        }
        Ok(())
    }

    pub(crate) fn handle_binary(&self, bytes: &[u8], cx: &mut Context<'_>) -> Result<(), Close> {
        match self {
            Self::Events | Self::Rooms(_) => Err(Close::unsupported("send JSON in text frames")),
            Self::Echo => {
                cx.queue_with(|to| whole_frame(Kind::Binary, bytes, to));
                Ok(())
            }
        }
    }
}

/// Queues what the server itself says, in its order with broadcasts.
pub(crate) fn queue_text(cx: &mut Context<'_>, text: &str) {
    cx.queue_with(|to| text_frame(text, to));
}
