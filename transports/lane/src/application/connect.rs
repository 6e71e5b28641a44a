//! A connect to a namespace.

use std::sync::Arc;

use roomcast::{FormerMember, Offset, SocketId};

use crate::application::Application;
use crate::application::handshake::Handshake;

/// A connect of one of several sockets of a connection: [`Context::connect_with`](crate::Context::connect_with).
#[must_use = "it does nothing until it is given to `Context::connect_with`"]
pub struct Connect {
    pub(crate) namespace: Arc<str>,
    pub(crate) id: Option<String>,
    pub(crate) application: Option<Arc<dyn Application>>,
    pub(crate) handshake: Handshake,
    pub(crate) resume: Option<(FormerMember, Offset)>,
}

/// What a connect came to, as far as it is known at once: [`Context::connect_with`](crate::Context::connect_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSocket {
    /// The id that the socket has.
    pub id: SocketId,
    /// It goes on where a former socket was: see [`Connect::resume`].
    pub recovered: bool,
}

impl Connect {
    /// A connect to the namespace `/`, with a random id, to the application of the connection's wire.
    pub fn new(handshake: Handshake) -> Self {
        Self { namespace: "/".into(), id: None, application: None, handshake, resume: None }
    }

    /// To another namespace of the engine.
    pub fn namespace(mut self, name: impl Into<Arc<str>>) -> Self {
        self.namespace = name.into();
        self
    }

    /// To another application.
    pub fn application(mut self, application: Arc<dyn Application>) -> Self {
        self.application = Some(application);
        self
    }

    /// With a public id of the transport's own: 20 characters of the base64url alphabet that nobody can guess.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// As the socket that lost its connection: under its id, in its rooms, and with what was sent to it after the offset, which
    /// follows once the client has heard that it is connected. The namespace has to keep a journal
    /// ([`Engine::keep_journal`](roomcast::Engine::keep_journal)). If that is not possible, as when a limit keeps it out of one
    /// of its rooms, or what it missed is more than may wait for a connection, it is connected as a new one, in none of them;
    /// [`NewSocket::recovered`] and [`Handshake::recovered`] tell.
    pub fn resume(mut self, who: FormerMember, after: Offset) -> Self {
        self.resume = Some((who, after));
        self
    }
}
