//! Endpoints that take WebSockets from a lane, without an HTTP server between.

use std::fmt;
use std::sync::Arc;

use http::{Request, Response};
use roomcast_lane::{Protocol, Wire};

/// An endpoint at a path, which a server may ask before its router: connections then begin on a lane ([`Heads`](crate::Heads)),
/// and those that the endpoint takes never leave it. Layers in front of the router do not see them, so whoever mounts the
/// endpoint decides. Cheap to clone.
#[derive(Clone)]
pub struct Direct {
    path: Arc<str>,
    upgrade: Arc<Judge>,
}

type Judge = dyn Fn(Request<()>) -> Option<Upgrade> + Send + Sync;

/// A request that becomes another protocol.
pub struct Upgrade {
    /// Its 101.
    pub response: Response<()>,
    /// What the connection has in common with others of the endpoint.
    pub wire: Wire,
    /// The protocol that goes on.
    pub protocol: Box<dyn Protocol>,
}

impl Direct {
    /// An endpoint at exactly this path. `upgrade` is called on a lane, for each GET of it without a body; what it does not
    /// take (`None`) is answered by the router, as any other request.
    pub fn new(
        path: impl Into<Arc<str>>,
        upgrade: impl Fn(Request<()>) -> Option<Upgrade> + Send + Sync + 'static,
    ) -> Self {
        Self { path: path.into(), upgrade: Arc::new(upgrade) }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn upgrade(&self, request: Request<()>) -> Option<Upgrade> {
        (self.upgrade)(request)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("response", &self.response).finish_non_exhaustive()
    }
}
