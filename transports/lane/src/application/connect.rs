//! A connect to a namespace.

use std::sync::Arc;

use crate::application::Application;
use crate::application::handshake::Handshake;

/// A connect of one of several sockets of a connection: [`Context::connect_with`](crate::Context::connect_with).
#[must_use = "it does nothing until it is given to `Context::connect_with`"]
pub struct Connect {
    pub(crate) namespace: Arc<str>,
    pub(crate) id: Option<String>,
    pub(crate) application: Option<Arc<dyn Application>>,
    pub(crate) handshake: Handshake,
}

impl Connect {
    /// A connect to the namespace `/`, with a random id, to the application of the connection's wire.
    pub fn new(handshake: Handshake) -> Self {
        Self { namespace: "/".into(), id: None, application: None, handshake }
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
}
