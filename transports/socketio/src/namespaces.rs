//! The namespaces of an endpoint: which there are, and whose events go where.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use roomcast::{Engine, Socket, SocketId};
use roomcast_lane::{Application, BoxFuture, Disconnect, Event, Handshake, Refusal, Reply};

use crate::asks::Asks;
use crate::recovery::{Recovery, Returning};

/// Namespaces made by predicates that there may be at a time.
const DYNAMIC_MAX: usize = 10_000;

/// Decides whether a namespace exists that nobody mounted, and what handles its events.
pub(crate) type Predicate = dyn Fn(&str) -> Option<Arc<dyn Application>> + Send + Sync;

/// All namespaces of an endpoint. Looked at when a client asks for one.
pub(crate) struct Registry {
    engine: Engine,
    recovery: Option<Recovery>,
    known: RwLock<HashMap<Arc<str>, Arc<Namespace>>>,
    predicates: RwLock<Vec<Arc<Predicate>>>,
}

impl Registry {
    pub(crate) fn new(engine: &Engine, recovery: Option<Recovery>) -> Arc<Self> {
        Arc::new(Self { engine: engine.clone(), recovery, known: RwLock::default(), predicates: RwLock::default() })
    }

    /// Mounts a namespace, in the place of a former one: connections of that one go on as they were.
    pub(crate) fn mount(self: &Arc<Self>, name: &str, application: impl Application) -> Engine {
        application.mounted();
        self.add(name, Arc::new(application), false).engine().clone()
    }

    pub(crate) fn mount_dynamic(&self, predicate: Arc<Predicate>) {
        self.predicates.write().push(predicate);
    }

    /// A namespace that is there.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Namespace>> {
        self.known.read().get(name).map(Arc::clone)
    }

    /// The namespace for a client that asks for it.
    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<Arc<Namespace>> {
        if let Some(namespace) = self.get(name) {
            return Some(namespace);
        }
        // Called without a lock: it is the program's.
        let predicates = self.predicates.read().clone();
        let application = predicates.iter().find_map(|predicate| predicate(name))?;
        if self.known.read().len() >= DYNAMIC_MAX {
            tracing::warn!("a namespace was not made: there are {DYNAMIC_MAX} already");
            return None;
        }
        application.mounted();
        Some(self.add(name, application, true))
    }

    /// Sockets that are in a namespace, or about to be.
    pub(crate) fn sockets(&self, name: &str) -> usize {
        self.known.read().get(name).map_or(0, |namespace| namespace.0.present.load(Ordering::Relaxed))
    }

    fn add(self: &Arc<Self>, name: &str, application: Arc<dyn Application>, dynamic: bool) -> Arc<Namespace> {
        let engine = if name == "/" { self.engine.clone() } else { self.engine.namespace(name) };
        let returning = self.recovery.map(|recovery| {
            engine.keep_journal(recovery.journal_bytes_max);
            Returning::new(recovery)
        });
        let namespace = Arc::new(Namespace(Arc::new(Inner {
            name: name.into(),
            asks: engine.shared(),
            engine,
            application,
            returning,
            present: AtomicUsize::new(0),
            made_by: dynamic.then(|| Arc::downgrade(self)),
        })));
        self.known.write().insert(Arc::clone(namespace.name()), Arc::clone(&namespace));
        namespace
    }

    /// Forgets a namespace that a predicate made, if nobody is in it.
    fn prune(&self, inner: &Arc<Inner>) {
        let mut known = self.known.write();
        let is_this = known.get(&inner.name).is_some_and(|known| Arc::ptr_eq(&known.0, inner));
        if is_this && inner.present.load(Ordering::SeqCst) == 0 {
            known.remove(&inner.name);
        }
    }
}

/// A namespace, and the application of its sockets: the program's, and what the transport keeps for them.
pub(crate) struct Namespace(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    engine: Engine,
    asks: Arc<Asks>,
    application: Arc<dyn Application>,
    returning: Option<Returning>,
    /// Sockets that are in it or are being let in.
    present: AtomicUsize,
    /// A predicate made it, and it ends with its last socket.
    made_by: Option<Weak<Registry>>,
}

impl Namespace {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn asks(&self) -> &Asks {
        &self.0.asks
    }

    /// Who may come back, if connections are recovered.
    pub(crate) fn returning(&self) -> Option<&Returning> {
        self.0.returning.as_ref()
    }

    fn leave(&self, id: SocketId) {
        self.0.asks.leave(id);
        if self.0.present.fetch_sub(1, Ordering::SeqCst) == 1
            && let Some(registry) = self.0.made_by.as_ref().and_then(Weak::upgrade)
        {
            registry.prune(&self.0);
        }
    }
}

impl Application for Namespace {
    fn connect(&self, socket: Socket, handshake: Handshake) -> BoxFuture<Result<(), Refusal>> {
        let id = socket.id();
        self.0.present.fetch_add(1, Ordering::SeqCst);
        self.0.asks.enter(id);
        let entered = Entered { namespace: Self(Arc::clone(&self.0)), id, stays: false };
        let admission = self.0.application.connect(socket, handshake);
        Box::pin(async move {
            // The whole of it belongs to the future, also to one that is dropped.
            let mut entered = entered;
            let result = admission.await;
            entered.stays = result.is_ok();
            result
        })
    }

    fn event(&self, socket: &Socket, event: Event<'_>, reply: Reply) {
        self.0.application.event(socket, event, reply);
    }

    fn disconnected(&self, socket: &Socket, bye: Disconnect) {
        if let Some(returning) = &self.0.returning {
            returning.leave(socket.id(), &bye);
        }
        self.leave(socket.id());
        self.0.application.disconnected(socket, bye);
    }

    fn wants_rooms(&self) -> bool {
        self.0.returning.is_some() || self.0.application.wants_rooms()
    }
}

/// A socket that the application is asked about: unless it stays, it leaves.
struct Entered {
    namespace: Namespace,
    id: SocketId,
    stays: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.stays {
            self.namespace.leave(self.id);
        }
    }
}
