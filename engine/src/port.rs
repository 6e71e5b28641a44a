//! How a lane puts sockets into the engine.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::ConnectError;
use crate::id::PublicId;
use crate::slot_pool::SlotPool;
use crate::socket::{OwnedSocket, Socket};
use crate::sync::Mutex;

/// A lane's place in an engine, in one namespace. Clones are the same place.
#[derive(Clone)]
pub struct LanePort {
    /// Shared by the lane's sockets only, so that lanes do not share its reference count.
    engine: Arc<Engine>,
    place: Arc<Place>,
}

/// What the ports of one lane share.
pub(crate) struct Place {
    lane: u32,
    pool: Mutex<SlotPool>,
}

impl LanePort {
    pub(crate) fn new(engine: Engine, lane: u32) -> Self {
        let place = Place { lane, pool: Mutex::default() };
        Self { engine: Arc::new(engine), place: Arc::new(place) }
    }

    /// The engine, in this port's namespace.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same lane's port in another namespace.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Self {
        Self { engine: Arc::new(self.engine.namespace(name)), place: Arc::clone(&self.place) }
    }

    /// Whether a socket of this lane is in the namespace, or somebody holds a handle of one that was.
    pub fn is_used(&self) -> bool {
        Arc::strong_count(&self.engine) > 1
    }

    /// Connects a socket under a public id that the transport made: 20 characters of the base64url alphabet, at random.
    /// The lane binds it in its [`LaneTable`](crate::LaneTable) before its first join.
    ///
    /// Locks its group, the index of ids and the pool of slots, one after the other; allocates for new groups only.
    ///
    /// # Errors
    /// [`ConnectError`], and then nothing happened.
    pub fn connect(&self, id: &str) -> Result<OwnedSocket, ConnectError> {
        let text = PublicId::parse(id).ok_or(ConnectError::Id)?;
        self.engine.core.admit()?;
        let slot = self.place.take(&self.engine);
        let id = self.engine.connect(slot, text).inspect_err(|_| {
            self.place.give(slot);
            self.engine.core.dismiss();
        })?;
        Ok(OwnedSocket::new(Socket::new(Arc::clone(&self.engine), id), Arc::clone(&self.place)))
    }
}

impl Place {
    fn take(&self, engine: &Engine) -> u32 {
        let mut pool = self.pool.lock();
        loop {
            if let Some(slot) = pool.take() {
                return slot;
            }
            pool.add_chunk(engine.core.slots.add_chunk(self.lane));
        }
    }

    pub(crate) fn give(&self, slot: u32) {
        self.pool.lock().give(slot);
    }
}

impl fmt::Debug for LanePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanePort").field("engine", &self.engine).field("lane", &self.place.lane).finish()
    }
}
