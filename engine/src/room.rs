//! A room as a handle.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::JoinError;
use crate::sync::epoch;

/// A room's name, looked up once. Cheap to clone.
///
/// It keeps the name in the engine, which counts for `rooms_max`, but does not make the room exist: a room exists while it
/// has members.
#[derive(Clone)]
pub struct Room(Arc<Pin>);

struct Pin {
    engine: Engine,
    number: u32,
    name: Box<str>,
}

impl Room {
    pub(crate) fn pin(engine: &Engine, name: &str) -> Result<Self, JoinError> {
        engine.core.check_name(name)?;
        let guard = epoch::pin();
        let pinned = engine.core.interner.pin(engine.namespace.number(), name, &guard);
        let number = pinned.map_err(|_| JoinError::Rooms { max: engine.core.limits.rooms })?;
        Ok(Self(Arc::new(Pin { engine: engine.clone(), number, name: name.into() })))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many members it has. Takes no lock, looks at tiles.
    pub fn len(&self) -> usize {
        self.0.engine.core.interner.roster(self.0.number).count(&epoch::pin())
    }

    /// Whether it has no members, that is, does not exist.
    pub fn is_empty(&self) -> bool {
        let guard = epoch::pin();
        self.0.engine.core.interner.roster(self.0.number).tiles(&guard).next().is_none()
    }

    /// Its number, if it is a room of this very namespace.
    pub(crate) fn number_in(&self, engine: &Engine) -> Option<u32> {
        let same = Arc::ptr_eq(&self.0.engine.core, &engine.core)
            && self.0.engine.namespace.number() == engine.namespace.number();
        same.then_some(self.0.number)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.engine.core.interner.unpin(self.number, &epoch::pin());
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({:?})", self.name())
    }
}
