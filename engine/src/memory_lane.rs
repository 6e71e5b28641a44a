//! A lane without a network: for tests, and for programs that hand messages on themselves.

use std::fmt;
use std::sync::Arc;

use ahash::RandomState;

use crate::engine::Engine;
use crate::error::ConnectError;
use crate::lane::{Backlog, Closed, Delivery, Lane, LaneTable};
use crate::message::Message;
use crate::port::LanePort;
use crate::socket::{OwnedSocket, Socket};
use crate::sync::{AtomicU64, Mutex};

/// Keeps what is sent to its sockets until it is asked for. Unbounded. Clones are the same lane.
#[derive(Clone)]
pub struct MemoryLane {
    port: LanePort,
    inboxes: Arc<Inboxes>,
    ids: Arc<Ids>,
}

#[derive(Default)]
struct Inboxes(Mutex<LaneTable<Vec<Message>>>);

#[derive(Default)]
struct Ids {
    seed: RandomState,
    next: AtomicU64,
}

impl MemoryLane {
    /// A new lane of the engine.
    pub fn new(engine: &Engine) -> Self {
        let inboxes = Arc::new(Inboxes::default());
        let port = engine.attach(Arc::clone(&inboxes) as Arc<dyn Lane>);
        Self { port, inboxes, ids: Arc::default() }
    }

    /// The same lane in another namespace of the engine.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Self {
        Self { port: self.port.namespace(name), ..self.clone() }
    }

    /// A socket with an id of its own.
    ///
    /// # Errors
    /// [`ConnectError::Sockets`] if there are `sockets_max`.
    pub fn connect(&self) -> Result<OwnedSocket, ConnectError> {
        self.connect_as(&self.ids.next())
    }

    /// A socket with a given id: 20 characters of the base64url alphabet.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect_as(&self, id: &str) -> Result<OwnedSocket, ConnectError> {
        // Held over both steps, so that nothing is delivered in between.
        let mut inboxes = self.inboxes.0.lock();
        let socket = self.port.connect(id)?;
        inboxes.bind(socket.id(), Vec::new());
        Ok(socket)
    }

    /// Takes what was sent to a socket so far, in order.
    pub fn received(&self, socket: &Socket) -> Vec<Message> {
        self.inboxes.0.lock().get_mut(socket.id()).map(std::mem::take).unwrap_or_default()
    }
}

impl Ids {
    /// The names are not secret: there is no network that they must be hidden from.
    fn next(&self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bits = u128::from(self.seed.hash_one(number)) << 56 ^ u128::from(self.seed.hash_one((number, 1)));
        (0..20).map(|at| char::from(ALPHABET[(bits >> (at * 6)) as usize % 64])).collect()
    }
}

impl Lane for Inboxes {
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    fn deliver(&self, delivery: Delivery) {
        let mut inboxes = self.0.lock();
        for tile in &delivery.tiles {
            inboxes.recipients_mut(*tile, delivery.clock, |inbox| inbox.push(delivery.message.clone()));
        }
    }

    fn close(&self, closed: Closed) {
        self.0.lock().unbind(closed.id);
    }
}

impl fmt::Debug for MemoryLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLane").field("port", &self.port).finish_non_exhaustive()
    }
}
