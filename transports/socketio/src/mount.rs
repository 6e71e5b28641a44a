//! A mounted endpoint, and what all its sessions share.

use std::sync::Arc;

use roomcast_lane::{Lanes, Wire};

use crate::codec::Codecs;
use crate::namespaces::Registry;
use crate::options::Options;
use crate::polled::PolledSessions;
use crate::sessions::Sessions;

/// An endpoint as programs and servers hold it. Sessions do not: the lanes end when nobody else holds them.
pub(crate) struct Endpoint {
    pub(crate) lanes: Lanes,
    pub(crate) mount: Arc<Mount>,
}

/// What the sessions of one endpoint share.
pub(crate) struct Mount {
    pub(crate) wire: Wire,
    pub(crate) codecs: Codecs,
    pub(crate) options: Options,
    pub(crate) layer: Layer,
    pub(crate) namespaces: Arc<Registry>,
    pub(crate) sessions: Sessions,
    pub(crate) polled: PolledSessions,
}

/// What stands on Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    SocketIo,
    /// Every message comes back.
    Echo,
}
