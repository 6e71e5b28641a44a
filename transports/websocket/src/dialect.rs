//! What a client's messages mean: three ways to use a raw WebSocket.

use bytes::BytesMut;
use roomcast_lane::{Close, Context};
use roomcast_rfc6455::Kind;

use crate::codec::{text_frame, whole_frame};
use crate::rooms::Policy;
use crate::{events, rooms};

/// From this size on a frame goes to its lane without another copy.
const SHARED_BYTES: usize = 16 * 1024;

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
            Self::Echo => send_back(Kind::Text, text.as_bytes(), cx),
        }
        Ok(())
    }

    pub(crate) fn handle_binary(&self, bytes: &[u8], cx: &mut Context<'_>) -> Result<(), Close> {
        match self {
            Self::Events | Self::Rooms(_) => Err(Close::unsupported("send JSON in text frames")),
            Self::Echo => {
                send_back(Kind::Binary, bytes, cx);
                Ok(())
            }
        }
    }
}

fn send_back(kind: Kind, payload: &[u8], cx: &mut Context<'_>) {
    if payload.len() < SHARED_BYTES {
        return cx.queue_with(|to| whole_frame(kind, payload, to));
    }
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    whole_frame(kind, payload, &mut frame);
    cx.queue_shared(frame.freeze());
}

/// Queues what the server itself says, in its order with broadcasts.
pub(crate) fn queue_text(cx: &mut Context<'_>, text: &str) {
    cx.queue_with(|to| text_frame(text, to));
}
