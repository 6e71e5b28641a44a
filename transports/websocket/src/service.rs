//! The tower service that turns requests into WebSockets.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use roomcast_http::{Direct, OpenCount, Origins, a_year_at_most};
use roomcast_lane::{Application, Lanes, Wire};
use tower_service::Service;

use crate::codec::JsonCodec;
use crate::connection::Mount;
use crate::dialect::Dialect;
use crate::options::Options;
use crate::rooms::Policy;
use crate::upgrade;

/// The outbox of an echo holds two of its longest messages.
const ECHO_OUTBOX_BYTES: usize = 64 << 20;

/// A raw WebSocket endpoint: a tower service that never fails, for requests with any body. Mount it at a path of any
/// HTTP/1.1 server that is made of hyper, as axum's.
///
/// It answers a handshake with 101 and hands the connection to the lane with the fewest. Whatever is no proper handshake is
/// answered as RFC 6455 asks, and the connection closed. Cheap to clone; the clones are one endpoint.
#[derive(Clone)]
pub struct WebSocket {
    pub(crate) lanes: Lanes,
    pub(crate) wire: Wire,
    pub(crate) mount: Arc<Mount>,
    pub(crate) open: OpenCount,
}

impl WebSocket {
    /// Your own events: a client's `{"event":NAME,"data":V}` comes to `application`, with an `"id"` it is answered by
    /// `{"reply":ID,"ok":true,"data":A}` or `{"reply":ID,"ok":false,"error":TEXT}`. What is sent to its socket
    /// arrives as `{"event":NAME,"data":V}`. The first frame is `{"event":"hello","data":{"id":ID}}`.
    ///
    /// # Panics
    /// If `application` lacks something: [`Application::mounted`]. If 256 codecs are registered with the lanes.
    pub fn new(lanes: &Lanes, application: impl Application) -> Self {
        Self::mount(lanes, application, Dialect::Events, Options::default())
    }

    /// The JSON room protocol: clients join rooms and send to rooms, as far as `policy` allows.
    ///
    /// # Panics
    /// If 256 codecs are registered with the lanes.
    pub fn rooms(lanes: &Lanes, policy: Policy) -> Self {
        Self::mount(lanes, (), Dialect::Rooms(policy), Options::default())
    }

    /// Every message comes back as it was: for tests of clients. Messages up to 32 MiB, no heartbeat, an outbox of 64 MiB.
    ///
    /// # Panics
    /// If 256 codecs are registered with the lanes.
    pub fn echo(lanes: &Lanes) -> Self {
        Self::mount(lanes, (), Dialect::Echo, Options::echo()).outbox_bytes_max(ECHO_OUTBOX_BYTES)
    }

    fn mount(lanes: &Lanes, application: impl Application, dialect: Dialect, options: Options) -> Self {
        let wire = Wire::new(lanes.register(JsonCodec), application);
        Self { lanes: lanes.clone(), wire, mount: Arc::new(Mount { dialect, options }), open: OpenCount::default() }
    }

    /// Which pages, beside those of the own host, may connect; default: none. See [`Origins`].
    #[must_use]
    pub fn origins(self, origins: Origins) -> Self {
        self.with(|options| options.origins = origins)
    }

    /// The longest message of a client, in bytes; 1,000,000 by default. A longer one closes its connection with 1009.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        self.with(|options| options.limits.message_bytes_max = bytes)
    }

    /// How many frames a message may come in; 131,072 by default. More close the connection with 1009.
    #[must_use]
    pub fn fragments_max(self, fragments: u32) -> Self {
        self.with(|options| options.limits.fragments_max = fragments)
    }

    /// The time from ping to ping; 25 s by default, a year at most.
    #[must_use]
    pub fn ping_interval(self, interval: Duration) -> Self {
        self.with(|options| options.periods.interval = a_year_at_most(interval))
    }

    /// How long a client may take to answer a ping before it is dropped; 20 s by default, a year at most. Only a pong answers,
    /// but one that sends 16 KiB meanwhile, in whole messages or of one that is not whole yet, is given the time again: its
    /// pong may be stuck behind that.
    #[must_use]
    pub fn ping_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.periods.timeout = a_year_at_most(timeout))
    }

    /// How long the application may take to let a client in; 45 s by default, a year at most. Then it is closed with 1013.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.connect_timeout = a_year_at_most(timeout))
    }

    /// How many bytes may wait for a client that does not read before it is cut off; the lanes' limit by default.
    #[must_use]
    pub fn outbox_bytes_max(mut self, bytes: usize) -> Self {
        self.wire = self.wire.outbox_bytes_max(bytes);
        self
    }

    /// The endpoint at `path` for a server whose connections begin on lanes (`roomcast_server::serve` with `Front::direct`),
    /// beside mounting it at the same path of its router. A connect costs a quarter less; layers of the router do not see the
    /// handshakes that are accepted.
    pub fn direct(&self, path: &str) -> Direct {
        let service = self.clone();
        Direct::new(path, move |request| upgrade::direct(&service, request))
    }

    /// How many connections of this endpoint are open.
    pub fn connections(&self) -> usize {
        self.open.get()
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = self.mount.options.clone();
        change(&mut options);
        self.mount = Arc::new(Mount { dialect: self.mount.dialect.clone(), options });
        self
    }
}

impl<B> Service<Request<B>> for WebSocket {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(upgrade::answer(self, request)))
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("mount", &self.mount).finish_non_exhaustive()
    }
}
