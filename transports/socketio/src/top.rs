//! What stands on Engine.IO in one session.

use std::time::Instant;

use roomcast_lane::{Close, Handshake};
use roomcast_socketio_protocol::engineio::{Data, DataKind, Revision};

use crate::client::{Client, Io};
use crate::codec::Parser;
use crate::kept::Kept;
use crate::mount::Layer;
use crate::sid::Sid;

pub(crate) enum Top {
    /// The session has not begun.
    Opening(Box<Opening>),
    SocketIo(Box<Client>),
    Echo,
}

/// What is known before the session begins.
pub(crate) struct Opening {
    pub(crate) handshake: Handshake,
    /// The parser that the client named in its query.
    pub(crate) parser: Option<Parser>,
}

impl Top {
    pub(crate) fn open(&mut self, revision: Revision, sid: Sid, io: &mut Io<'_, '_>) -> Result<(), Close> {
        let Self::Opening(opening) = std::mem::replace(self, Self::Echo) else { return Ok(()) };
        if io.mount.layer == Layer::Echo {
            return Ok(());
        }
        let Opening { handshake, parser } = *opening;
        let mut client = Client::new(revision, parser, Kept::new(handshake), io.cx.now(), io.mount);
        let opened = client.handle_open(sid, io);
        *self = Self::SocketIo(Box::new(client));
        opened
    }

    pub(crate) fn handle_message(&mut self, data: &Data<'_>, io: &mut Io<'_, '_>) -> Result<(), Close> {
        match self {
            Self::SocketIo(client) => client.handle_message(data, io),
            Self::Echo => {
                let kind = if data.is_binary() { DataKind::Binary } else { DataKind::Text };
                let carrier = io.carrier;
                io.cx.queue_with(|to| carrier.append_bytes(kind, data.as_bytes(), to));
                Ok(())
            }
            Self::Opening(_) => Ok(()),
        }
    }

    pub(crate) fn client(&mut self) -> Option<&mut Client> {
        if let Self::SocketIo(client) = self { Some(client) } else { None }
    }

    pub(crate) fn parser(&self) -> Parser {
        if let Self::SocketIo(client) = self { client.parser() } else { Parser::Text }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if let Self::SocketIo(client) = self { client.poll_timeout() } else { None }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, partial: usize, io: &mut Io<'_, '_>) -> Result<(), Close> {
        self.client().map_or(Ok(()), |client| client.handle_timeout(now, partial, io))
    }
}
