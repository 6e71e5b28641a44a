//! A Socket.IO endpoint as programs hold it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use roomcast::{Engine, Selection};
use roomcast_http::{Direct, Origins, a_year_at_most};
use roomcast_lane::{Application, Lanes, Refusal, Wire};
use roomcast_socketio_protocol::engineio::Revision;

use crate::allow::Allow;
use crate::codec::{Carrier, Codecs, Parser};
use crate::cookie::Cookie;
use crate::mount::{Endpoint, Layer, Mount};
use crate::namespaces::Registry;
use crate::options::Options;
use crate::polled::PolledSessions;
use crate::recovery::Recovery;
use crate::request;
use crate::service::{SocketIoLayer, SocketIoService};
use crate::sessions::Sessions;

/// The longest period of a heartbeat.
const PERIOD_MAX: Duration = Duration::from_millis((1 << 30) - 1);
/// The path of an endpoint unless it is told another one.
const PATH: &str = "/socket.io/";

/// A Socket.IO endpoint: WebSocket, long-polling and the upgrade between them, for Engine.IO 4 and 3. Cheap to clone; the
/// clones are one endpoint.
///
/// Namespaces are mounted with [`Self::namespace`]; `/` is the engine of the lanes, so raw WebSockets share its rooms. A client
/// that asks for a namespace that is not there hears `Invalid namespace`, and keeps its connection.
#[derive(Clone)]
pub struct SocketIo {
    endpoint: Arc<Endpoint>,
}

/// Settings of a [`SocketIo`] endpoint.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `build`"]
pub struct SocketIoBuilder {
    lanes: Lanes,
    options: Options,
}

impl SocketIo {
    /// An endpoint at `/socket.io/` with all settings at their defaults.
    ///
    /// # Panics
    /// If 256 codecs are registered with the lanes.
    pub fn new(lanes: &Lanes) -> Self {
        Self::builder(lanes).build()
    }

    /// Settings.
    pub fn builder(lanes: &Lanes) -> SocketIoBuilder {
        SocketIoBuilder { lanes: lanes.clone(), options: Options::new(PATH) }
    }

    /// Mounts a namespace: its sockets and their events belong to `application`. Gives its engine, through which everything
    /// is sent to it. Mounted again it is replaced: who is in it already stays with the former application.
    ///
    /// # Panics
    /// If `application` lacks something: [`Application::mounted`].
    pub fn namespace(&self, name: &str, application: impl Application) -> Engine {
        self.endpoint.mount.namespaces.mount(name, application)
    }

    /// Makes namespaces when clients ask for them: `make` gets the name of one that is not mounted, and gives its application,
    /// or `None` if there is to be no such namespace. It ends with its last socket, or, with [`SocketIoBuilder::recovery`], when
    /// the last one that left can no more come back; there are at most 10,000 at a time. Of several predicates the first that
    /// says yes decides.
    ///
    /// One costs some 200 bytes of the engine, and its application, as long as it is in use, so do not admit names that clients
    /// invent: use rooms for those.
    pub fn namespaces<A: Application>(&self, make: impl Fn(&str) -> Option<A> + Send + Sync + 'static) {
        let predicate = move |name: &str| make(name).map(|application| Arc::new(application) as Arc<dyn Application>);
        self.endpoint.mount.namespaces.mount_dynamic(Arc::new(predicate));
    }

    /// The engine of a namespace that is mounted, or that somebody is in.
    pub fn of(&self, namespace: &str) -> Option<Engine> {
        self.endpoint.mount.namespaces.get(namespace).map(|namespace| namespace.engine().clone())
    }

    /// Chooses sockets of `/`: see [`Engine::to`].
    pub fn to<'a>(&'a self, target: impl Into<roomcast::Target<'a>>) -> Selection<'a> {
        self.endpoint.lanes.engine().to(target)
    }

    /// Chooses every socket of `/`.
    pub fn everyone(&self) -> Selection<'_> {
        self.endpoint.lanes.engine().everyone()
    }

    /// A layer that puts the endpoint in front of a service, as an axum `Router`: requests with exactly its path are its own.
    pub fn layer(&self) -> SocketIoLayer {
        SocketIoLayer { endpoint: Arc::clone(&self.endpoint) }
    }

    /// The endpoint as a service, to be mounted at a path by a router.
    pub fn into_service(self) -> SocketIoService {
        SocketIoService { endpoint: self.endpoint }
    }

    /// The endpoint for a server whose connections begin on lanes (`roomcast_server::serve` with `Front::direct`),
    /// beside its layer or service in the router: new sessions on WebSockets, at [`SocketIoBuilder::path`]. A connect costs a
    /// quarter less; layers of the router do not see the handshakes that are accepted.
    pub fn direct(&self) -> Direct {
        let endpoint = Arc::clone(&self.endpoint);
        Direct::new(self.endpoint.mount.options.path.as_str(), move |request| request::direct(&endpoint, request))
    }

    /// How many Engine.IO sessions live. Locks each of 16 shards for a moment.
    pub fn sessions(&self) -> usize {
        self.endpoint.mount.sessions.len()
    }

    /// How many sockets are in a namespace, through this endpoint.
    pub fn sockets(&self, namespace: &str) -> usize {
        self.endpoint.mount.namespaces.sockets(namespace)
    }
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIo").field("options", &self.endpoint.mount.options).finish_non_exhaustive()
    }
}

impl SocketIoBuilder {
    /// The path of [`SocketIo::layer`] and [`SocketIo::direct`], with its slash at the end; `/socket.io/` by default.
    pub fn path(self, path: impl Into<String>) -> Self {
        self.with(|options| options.path = path.into())
    }

    /// Which pages, beside those of the own host, may connect; default: none. Others are refused with 403, whatever the
    /// transport; for those that are listed answers have the headers of CORS. See [`Origins`].
    pub fn origins(self, origins: Origins) -> Self {
        self.with(|options| options.origins = origins)
    }

    /// Asks the program about each request that wants to begin a session, before there is one (Node's `allowRequest`). The
    /// refusal's status and message are the answer, `{"code":4,"message":"..."}`. Pages of other origins are refused before,
    /// and `on_connect` of a namespace decides later, with what the client authenticates with. It runs where requests are
    /// answered, also on a lane, and may run twice for one that it refuses: it must be quick. What has to wait for
    /// something belongs into `on_connect`, or into a layer in front, with connects that all begin at the router.
    pub fn allow_request(self, allow: impl Fn(&Parts) -> Result<(), Refusal> + Send + Sync + 'static) -> Self {
        self.with(|options| options.allow_request = Some(Allow::new(allow)))
    }

    /// From ping to ping; 25 s by default, twelve days at most. Clients learn it in the handshake, and those in JavaScript have
    /// timers of 2^31 ms at most, for both periods together.
    pub fn ping_interval(self, interval: Duration) -> Self {
        self.with(|options| options.session.ping_interval = interval.min(PERIOD_MAX))
    }

    /// How long a client may be silent after a ping; 20 s by default, twelve days at most. In Engine.IO 3 the client pings, and
    /// may be silent for both periods together.
    pub fn ping_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.session.ping_timeout = timeout.min(PERIOD_MAX))
    }

    /// How long a client may take until it is in a namespace; 45 s by default, a year at most. While the application decides
    /// time stands still.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.namespaces.connect_timeout = a_year_at_most(timeout))
    }

    /// How long a WebSocket may take to replace polling; 10 s by default, a year at most. It is closed then, polling goes on.
    pub fn upgrade_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.session.upgrade_timeout = a_year_at_most(timeout))
    }

    /// The most that a client may send in one message, or in one POST, in bytes; 1,000,000 by default. A longer message closes
    /// its connection with 1009, a longer POST is answered with 413.
    pub fn max_payload(self, bytes: usize) -> Self {
        self.with(|options| {
            options.frames.message_bytes_max = bytes;
            options.payloads.bytes_max = bytes;
        })
    }

    /// Binary attachments of one packet; 10 by default.
    pub fn attachments_max(self, attachments: usize) -> Self {
        self.with(|options| options.packets.attachments_max = attachments)
    }

    /// Bytes of one packet, its attachments included; 10,000,000 by default, or what [`Self::max_payload`] says if that is more.
    pub fn packet_bytes_max(self, bytes: usize) -> Self {
        self.with(|options| options.packet_bytes_max = Some(bytes))
    }

    /// Namespaces that one connection may be in; 16 by default. Further ones are refused.
    pub fn namespaces_max(self, namespaces: usize) -> Self {
        self.with(|options| options.namespaces.namespaces_max = namespaces)
    }

    /// How many bytes may wait for a client that does not read, or does not poll, before it is cut off; the lanes' limit by
    /// default.
    pub fn outbox_bytes_max(self, bytes: usize) -> Self {
        self.with(|options| options.outbox_bytes_max = Some(bytes))
    }

    /// Whether clients of Socket.IO 2 and sails.io.js (`EIO=3`) may connect; they may by default.
    pub fn allow_eio3(self, allow: bool) -> Self {
        self.with(|options| options.allow_eio3 = allow)
    }

    /// Whether clients may poll; they may by default. Else only WebSockets can connect.
    pub fn allow_polling(self, allow: bool) -> Self {
        self.with(|options| options.allow_polling = allow)
    }

    /// How many sessions may be polled at a time; 100,000 by default. They need no connection while no poll waits, so a limit of
    /// connections does not bound them. Further ones are answered with 503.
    pub fn polled_sessions_max(self, sessions: usize) -> Self {
        self.with(|options| options.polled_sessions_max = sessions)
    }

    /// The settings that a Sails application has unless it says otherwise (sails-hook-sockets 3): a ping timeout of 60 s,
    /// messages up to 100,000,000 bytes, WebSockets only, clients of Socket.IO 2.
    pub fn sails_defaults(self) -> Self {
        const PAYLOAD: usize = 100_000_000;
        self.ping_interval(Duration::from_secs(25))
            .ping_timeout(Duration::from_secs(60))
            .max_payload(PAYLOAD)
            .allow_polling(false)
            .allow_eio3(true)
    }

    /// Whether a WebSocket may replace polling; it may by default.
    pub fn allow_upgrades(self, allow: bool) -> Self {
        self.with(|options| options.session.allow_upgrades = allow)
    }

    /// A cookie that names the session, for load balancers; none by default.
    pub fn cookie(self, cookie: Cookie) -> Self {
        self.with(|options| options.cookie = Some(cookie))
    }

    /// Lets clients that lost their connection come back without a loss (Socket.IO's connection state recovery); off by
    /// default. `on_connect` handlers run again for who comes back, with `Handshake::recovered` set.
    pub fn recovery(self, recovery: Recovery) -> Self {
        self.with(|options| options.recovery = Some(recovery))
    }

    /// The endpoint.
    ///
    /// # Panics
    /// If 256 codecs are registered with the lanes.
    pub fn build(self) -> SocketIo {
        SocketIo { endpoint: self.endpoint(Layer::SocketIo) }
    }

    /// The same endpoint without Socket.IO on it: every message comes back as it was. For tests of Engine.IO clients.
    ///
    /// # Panics
    /// As [`Self::build`].
    pub fn build_echo(self) -> SocketIoService {
        SocketIoService { endpoint: self.endpoint(Layer::Echo) }
    }

    fn endpoint(self, layer: Layer) -> Arc<Endpoint> {
        let Self { lanes, mut options } = self;
        let message = options.frames.message_bytes_max;
        let packet = options.packet_bytes_max.unwrap_or(options.packets.packet_bytes_max.max(message));
        options.packets.packet_bytes_max = packet;
        let codecs = Codecs::register(&lanes);
        // Sessions choose their codec when they know what they speak; applications belong to namespaces.
        let mut wire = Wire::new(codecs.id(Carrier::Records(Revision::V4), Parser::Text), ());
        if let Some(bytes) = options.outbox_bytes_max {
            wire = wire.outbox_bytes_max(bytes);
        }
        let namespaces = Registry::new(lanes.engine(), options.recovery);
        let (sessions, polled) = (Sessions::default(), PolledSessions::default());
        let mount = Arc::new(Mount { wire, codecs, options, layer, namespaces, sessions, polled });
        Arc::new(Endpoint { lanes, mount })
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }
}
