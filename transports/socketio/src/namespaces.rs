//! The namespaces of an endpoint: which there are, and whose events go where.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use roomcast::{Engine, Socket, SocketId};
use roomcast_http::Seldom;
use roomcast_lane::{Application, BoxFuture, Disconnect, Event, Handshake, Refusal, Reply};

use crate::asks::Asks;
use crate::recovery::{Recovery, Returning};

/// Namespaces that there may be at a time, for a predicate to make one more.
const DYNAMIC_MAX: usize = 10_000;

/// Namespaces at which those are looked for that are over.
const SEARCH_FROM: usize = 64;

/// How long nobody looks for them again where there is no place for more.
const SEARCH_AGAIN: Duration = Duration::from_secs(1);

static FULL: Seldom = Seldom::new();

/// Decides whether a namespace exists that nobody mounted, and what handles its events.
pub(crate) type Predicate = dyn Fn(&str) -> Option<Arc<dyn Application>> + Send + Sync;

/// All namespaces of an endpoint. Looked at when a client asks for one.
pub(crate) struct Registry {
    engine: Engine,
    recovery: Option<Recovery>,
    known: RwLock<Known>,
    predicates: RwLock<Vec<Arc<Predicate>>>,
}

struct Known {
    by_name: HashMap<Arc<str>, Arc<Namespace>>,
    /// At so many namespaces it looks for those that are over.
    search_at: usize,
    /// When it did so last because there was no place for more.
    searched: Option<Instant>,
}

impl Registry {
    pub(crate) fn new(engine: &Engine, recovery: Option<Recovery>) -> Arc<Self> {
        let known = Known { by_name: HashMap::new(), search_at: SEARCH_FROM, searched: None };
        Arc::new(Self { engine: engine.clone(), recovery, known: RwLock::new(known), predicates: RwLock::default() })
    }

    /// Mounts a namespace, in the place of a former one: connections of that one go on as they were.
    pub(crate) fn mount(self: &Arc<Self>, name: &str, application: impl Application) -> Engine {
        application.mounted();
        let namespace = self.make(name, Arc::new(application), false);
        let engine = namespace.engine().clone();
        let former = self.known.write().by_name.insert(Arc::clone(namespace.name()), namespace);
        // Its application is the program's, and so is what it drops.
        drop(former);
        engine
    }

    pub(crate) fn mount_dynamic(&self, predicate: Arc<Predicate>) {
        self.predicates.write().push(predicate);
    }

    /// A namespace that is there.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Namespace>> {
        self.known.read().by_name.get(name).map(Arc::clone)
    }

    /// The namespace for a client that asks for it.
    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<Visit> {
        if let Some(namespace) = self.known.read().by_name.get(name) {
            return Some(Visit::new(namespace));
        }
        // Called without a lock: it is the program's.
        let predicates = self.predicates.read().clone();
        let application = predicates.iter().find_map(|predicate| predicate(name))?;
        application.mounted();
        let made = self.make(name, application, true);
        let over = self.known.write().take_over();
        // They are the program's, too.
        drop(over);
        let mut known = self.known.write();
        if let Some(namespace) = known.by_name.get(name) {
            return Some(Visit::new(namespace));
        }
        if known.by_name.len() >= DYNAMIC_MAX {
            drop(known);
            FULL.say(|left_out| {
                tracing::warn!("a namespace was not made{left_out}: there are {DYNAMIC_MAX} already");
            });
            return None;
        }
        known.by_name.insert(Arc::clone(made.name()), Arc::clone(&made));
        Some(Visit::new(&made))
    }

    /// Sockets that are in a namespace, or about to be.
    pub(crate) fn sockets(&self, name: &str) -> usize {
        self.known.read().by_name.get(name).map_or(0, |namespace| namespace.0.present.load(Ordering::Relaxed))
    }

    fn make(self: &Arc<Self>, name: &str, application: Arc<dyn Application>, dynamic: bool) -> Arc<Namespace> {
        let engine = if name == "/" { self.engine.clone() } else { self.engine.namespace(name) };
        let returning = self.recovery.map(|recovery| {
            engine.keep_journal(recovery.journal_bytes_max);
            Returning::new(recovery)
        });
        Arc::new(Namespace(Arc::new(Inner {
            name: name.into(),
            asks: engine.shared(),
            engine,
            application,
            returning,
            present: AtomicUsize::new(0),
            made_by: dynamic.then(|| Arc::downgrade(self)),
        })))
    }

    /// Forgets a namespace that a predicate made, if it is over.
    fn prune(&self, inner: &Arc<Inner>) {
        let mut known = self.known.write();
        let is_this = known.by_name.get(&inner.name).is_some_and(|known| Arc::ptr_eq(&known.0, inner));
        if is_this && inner.is_over() {
            known.by_name.remove(&inner.name);
        }
    }
}

impl Known {
    /// Takes those out that are over, if it is time to look for them: those that waited for somebody who did not come back.
    fn take_over(&mut self) -> Vec<Arc<Namespace>> {
        let is_full = self.by_name.len() >= DYNAMIC_MAX;
        if self.by_name.len() < self.search_at || is_full && !self.is_time_again() {
            return Vec::new();
        }
        let over =
            self.by_name.extract_if(|_, namespace| namespace.0.is_over()).map(|(_, namespace)| namespace).collect();
        self.search_at = (2 * self.by_name.len()).clamp(SEARCH_FROM, DYNAMIC_MAX);
        over
    }

    /// Whether it is worth another search while there is no place: most of them come to nothing.
    fn is_time_again(&mut self) -> bool {
        let now = Instant::now();
        let is_time = self.searched.is_none_or(|searched| now - searched >= SEARCH_AGAIN);
        if is_time {
            self.searched = Some(now);
        }
        is_time
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
    /// Sockets that are in it or are being let in, and visits.
    present: AtomicUsize,
    /// A predicate made it, and it ends with its last socket, or when that can no more come back.
    made_by: Option<Weak<Registry>>,
}

/// A namespace that does not end meanwhile.
pub(crate) struct Visit(Arc<Namespace>);

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

    /// One who was counted goes.
    fn go(&self) {
        if self.0.present.fetch_sub(1, Ordering::SeqCst) == 1
            && let Some(registry) = self.0.made_by.as_ref().and_then(Weak::upgrade)
        {
            registry.prune(&self.0);
        }
    }

    fn leave(&self, id: SocketId) {
        self.0.asks.leave(id);
        self.go();
    }
}

impl Inner {
    /// Whether it is a predicate's, and nobody is in it or may come back. To be asked under the registry's lock, where it is
    /// found.
    fn is_over(&self) -> bool {
        self.made_by.is_some()
            && self.present.load(Ordering::SeqCst) == 0
            && self.returning.as_ref().is_none_or(Returning::is_over)
    }
}

impl Visit {
    /// Under the registry's lock.
    fn new(namespace: &Arc<Namespace>) -> Self {
        namespace.0.present.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(namespace))
    }
}

impl Deref for Visit {
    type Target = Arc<Namespace>;

    fn deref(&self) -> &Arc<Namespace> {
        &self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.go();
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
