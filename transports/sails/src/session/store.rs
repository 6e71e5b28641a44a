//! Where sessions are kept.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use roomcast_lane::BoxFuture;
use serde_json::value::RawValue;

use super::id::SessionId;

/// What a session holds: values, as JSON, by name. As a whole it is written and read by serde as one JSON object.
pub type Entries = BTreeMap<String, Box<RawValue>>;

/// What a request did to a session: new values by name, `None` for those that go.
pub type Changes = BTreeMap<String, Option<Box<RawValue>>>;

/// Keeps sessions, here ([`MemoryStore`](crate::MemoryStore)) or anywhere.
///
/// A session is written name by name, not as a whole: of two requests that change one at the same time neither undoes what
/// the other did, unless both set the same value; then the later one counts. A store that cannot do so by itself (a Redis hash
/// and a JSON column of a database can) reads, merges and writes in a transaction.
pub trait SessionStore: Send + Sync + 'static {
    /// The session, if there is one that has not expired.
    fn load(&self, id: &SessionId) -> BoxFuture<Result<Option<Stored>, StoreError>>;

    /// Changes a session, at once or not at all, and gives it a time to live from now on. False if there is none: one that
    /// was destroyed meanwhile must not come back half, so it is begun only where [`Save::begin`] says so.
    fn save(&self, id: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>>;

    /// Changes a session as [`Self::save`] does, and gives it another id in the same step: `fresh`, which nobody has; the former
    /// one leads nowhere from then on. False if there is none, and then there is none under `fresh` either: who logs out
    /// while another request renews the session is not logged in again. [`Save::begin`] does not count.
    fn rename(&self, id: &SessionId, fresh: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>>;

    /// Forgets a session; no error if there is none.
    fn destroy(&self, id: &SessionId) -> BoxFuture<Result<(), StoreError>>;
}

/// A session as a store has it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its values.
    pub entries: Arc<Entries>,
    /// How long it lives if nobody saves it.
    pub expires_in: Duration,
}

/// What is to be saved of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Save {
    /// What changed; nothing if it is only to live longer.
    pub changes: Changes,
    /// How long it lives from now on.
    pub time_to_live: Duration,
    /// It is begun if there is none.
    pub begin: bool,
}

impl Save {
    /// Changes to a session that has to be there.
    pub fn new(changes: Changes, time_to_live: Duration) -> Self {
        Self { changes, time_to_live, begin: false }
    }

    /// The same, and it is begun if there is none.
    #[must_use]
    pub fn begin(mut self) -> Self {
        self.begin = true;
        self
    }
}

/// A store failed: it cannot be reached, it is full.
#[derive(Debug)]
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// One with its reason: an error, or a text.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the session store failed: {}", self.0)
    }
}

impl Error for StoreError {}

impl<S: SessionStore + ?Sized> SessionStore for Arc<S> {
    fn load(&self, id: &SessionId) -> BoxFuture<Result<Option<Stored>, StoreError>> {
        (**self).load(id)
    }

    fn save(&self, id: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        (**self).save(id, save)
    }

    fn rename(&self, id: &SessionId, fresh: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        (**self).rename(id, fresh, save)
    }

    fn destroy(&self, id: &SessionId) -> BoxFuture<Result<(), StoreError>> {
        (**self).destroy(id)
    }
}
