//! What connections of one kind have in common.

use std::fmt;
use std::sync::Arc;

use crate::application::Application;
use crate::lanes::codecs::CodecId;

/// What connections of one kind have in common: the codec their sockets are sent with, the application they belong to, and
/// limits. Cheap to clone; a transport makes one for each place where it is mounted.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    codec: CodecId,
    application: Arc<dyn Application>,
    outbox_bytes_max: Option<usize>,
    is_mute: bool,
}

impl Wire {
    /// A wire for sockets of `application`, spoken with `codec`. Calls [`Application::mounted`], which may panic.
    pub fn new(codec: CodecId, application: impl Application) -> Self {
        application.mounted();
        Self(Arc::new(Inner { codec, application: Arc::new(application), outbox_bytes_max: None, is_mute: false }))
    }

    /// A wire for connections that have no sockets, and are to become something else ([`Context::replace`],
    /// [`Context::eject`]). Their lane reads them even while it is behind.
    ///
    /// [`Context::replace`]: crate::Context::replace
    /// [`Context::eject`]: crate::Context::eject
    pub fn mute() -> Self {
        let inner = Inner { codec: CodecId(0), application: Arc::new(()), outbox_bytes_max: None, is_mute: true };
        Self(Arc::new(inner))
    }

    /// The same with another limit for what waits for a connection that does not read, in bytes, instead of the lanes'
    /// ([`LanesBuilder::outbox_bytes_max`](crate::LanesBuilder::outbox_bytes_max)).
    #[must_use]
    pub fn outbox_bytes_max(self, bytes: usize) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.outbox_bytes_max = Some(bytes);
        Self(Arc::new(inner))
    }

    pub(crate) fn codec(&self) -> CodecId {
        self.0.codec
    }

    pub(crate) fn application(&self) -> &Arc<dyn Application> {
        &self.0.application
    }

    pub(crate) fn is_mute(&self) -> bool {
        self.0.is_mute
    }

    pub(crate) fn outbox_limit(&self) -> Option<usize> {
        self.0.outbox_bytes_max
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("codec", &self.0.codec).finish_non_exhaustive()
    }
}
