//! Sessions in this process's memory.
//!
//! Three indexes under one lock: sessions by id, ids by the time at which they expire, ids in the order of their last use. What
//! has expired is taken off the front of the second by whoever comes by, a bounded number each time; so there is neither a
//! task nor a timer. A session that is loaded or saved moves to the back of the third, whose front is what goes when a limit
//! is reached.
//!
//! A session is never copied under the lock. Who loads it shares it; who saves it copies it outside, changes the copy, and
//! puts it in the place of the one that was copied: if another one stands there by then, once more from the beginning.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use roomcast_lane::BoxFuture;

use super::id::SessionId;
use super::store::{Changes, Entries, Save, SessionStore, StoreError, Stored};

/// Expired sessions that one call clears away at most: the lock is held for it.
const CLEARED_AT_ONCE: usize = 64;
/// About what a session costs beside its text: three index entries and its map.
const SESSION_BYTES: usize = 384;
/// About what a value costs beside its text.
const ENTRY_BYTES: usize = 64;

/// Sessions in memory: gone with the process, and not seen by others. Clones share them.
///
/// All calls take one lock, for a look-up and O(log n) of the indexes; a save also copies the session, outside the lock. At a
/// limit the sessions that were loaded or saved longest ago are dropped for the new one, as many as it takes.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    sessions_max: usize,
    bytes_max: usize,
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
    /// What times are counted from.
    start: Instant,
    table: Mutex<Table>,
}

/// Settings of a [`MemoryStore`].
#[must_use = "it does nothing until `build`"]
pub struct MemoryStoreBuilder {
    sessions_max: usize,
    bytes_max: usize,
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<SessionId, Held>,
    by_expiry: BTreeMap<Expiry, SessionId>,
    by_use: BTreeMap<u64, SessionId>,
    bytes: usize,
    dropped: u64,
    next_number: u64,
}

struct Held {
    entries: Arc<Entries>,
    bytes: usize,
    expiry: Expiry,
    /// The number of its last use.
    used: u64,
}

/// When, since the start of the store, and a number, so that no two are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Expiry {
    at: Duration,
    number: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// With all settings at their defaults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { sessions_max: 100_000, bytes_max: 64 << 20, clock: Box::new(Instant::now) }
    }

    /// How many sessions there are. Some may have expired and not been cleared away.
    pub fn sessions(&self) -> usize {
        self.table().sessions.len()
    }

    /// How much memory they take, about.
    pub fn bytes(&self) -> usize {
        self.table().bytes
    }

    /// How many were dropped before their time, because a limit was reached.
    pub fn dropped(&self) -> u64 {
        self.table().dropped
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        // No call leaves the table half changed: they panic before, or not at all.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        (self.0.clock)().saturating_duration_since(self.0.start)
    }

    /// Changes the session under `id`, which from then on has the id `to`.
    fn change(&self, id: &SessionId, to: &SessionId, save: &Save) -> Result<bool, StoreError> {
        let now = self.now();
        loop {
            let former = self.entries(id, now);
            if former.is_none() && !save.begin {
                return Ok(false);
            }
            let entries = changed(former.as_ref(), &save.changes);
            let bytes = size(to, &entries);
            if bytes > self.0.bytes_max {
                return Err(StoreError::new(format!("a session of {bytes} bytes is more than it may hold")));
            }
            let mut table = self.table();
            if table.live(id, now).map(|held| Arc::as_ptr(&held.entries)) != former.as_ref().map(Arc::as_ptr) {
                continue;
            }
            table.take(id);
            table.put(to, entries, bytes, now.saturating_add(save.time_to_live));
            table.fit(to, now, self.0.sessions_max, self.0.bytes_max);
            return Ok(true);
        }
    }

    fn entries(&self, id: &SessionId, now: Duration) -> Option<Arc<Entries>> {
        let mut table = self.table();
        table.clear_expired(now);
        table.live(id, now).map(|held| Arc::clone(&held.entries))
    }
}

impl Table {
    fn live(&self, id: &SessionId, now: Duration) -> Option<&Held> {
        self.sessions.get(id).filter(|held| held.expiry.at > now)
    }

    fn put(&mut self, id: &SessionId, entries: Arc<Entries>, bytes: usize, at: Duration) {
        self.take(id);
        let number = self.number();
        let expiry = Expiry { at, number };
        self.bytes += bytes;
        self.by_expiry.insert(expiry, id.clone());
        self.by_use.insert(number, id.clone());
        self.sessions.insert(id.clone(), Held { entries, bytes, expiry, used: number });
    }

    /// It is the one that was used last.
    fn touch(&mut self, id: &SessionId) {
        let number = self.number();
        if let Some(held) = self.sessions.get_mut(id) {
            let former = std::mem::replace(&mut held.used, number);
            self.by_use.remove(&former);
            self.by_use.insert(number, id.clone());
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn take(&mut self, id: &SessionId) {
        if let Some(held) = self.sessions.remove(id) {
            self.by_expiry.remove(&held.expiry);
            self.by_use.remove(&held.used);
            self.bytes -= held.bytes;
        }
    }

    fn clear_expired(&mut self, now: Duration) {
        for _ in 0..CLEARED_AT_ONCE {
            match self.by_expiry.first_key_value() {
                Some((expiry, id)) if expiry.at <= now => {
                    let id = id.clone();
                    self.take(&id);
                }
                _ => return,
            }
        }
    }

    /// Makes room for the one that was just saved: what has expired goes first.
    fn fit(&mut self, saved: &SessionId, now: Duration, sessions_max: usize, bytes_max: usize) {
        while self.sessions.len() > sessions_max || self.bytes > bytes_max {
            let expired = self.by_expiry.first_key_value().filter(|(expiry, id)| expiry.at <= now && *id != saved);
            let id = match expired {
                Some((_, id)) => id.clone(),
                None => {
                    let Some(id) = self.by_use.values().find(|id| *id != saved).cloned() else { return };
                    self.dropped += 1;
                    id
                }
            };
            self.take(&id);
        }
    }
}

/// A copy that has the changes; the same, if there are none.
fn changed(former: Option<&Arc<Entries>>, changes: &Changes) -> Arc<Entries> {
    let mut entries = former.cloned().unwrap_or_default();
    if !changes.is_empty() {
        let copy = Arc::make_mut(&mut entries);
        for (name, value) in changes {
            match value {
                Some(value) => drop(copy.insert(name.clone(), value.clone())),
                None => drop(copy.remove(name)),
            }
        }
    }
    entries
}

fn size(id: &SessionId, entries: &Entries) -> usize {
    let texts = entries.iter().map(|(name, value)| name.len() + value.get().len() + ENTRY_BYTES);
    SESSION_BYTES + id.as_str().len() + texts.sum::<usize>()
}

impl SessionStore for MemoryStore {
    fn load(&self, id: &SessionId) -> BoxFuture<Result<Option<Stored>, StoreError>> {
        let now = self.now();
        let mut table = self.table();
        table.clear_expired(now);
        let stored = table
            .live(id, now)
            .map(|held| Stored { entries: Arc::clone(&held.entries), expires_in: held.expiry.at.saturating_sub(now) });
        if stored.is_some() {
            table.touch(id);
        }
        Box::pin(ready(Ok(stored)))
    }

    fn save(&self, id: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        Box::pin(ready(self.change(id, id, &save)))
    }

    fn rename(&self, id: &SessionId, fresh: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        Box::pin(ready(self.change(id, fresh, &Save { begin: false, ..save })))
    }

    fn destroy(&self, id: &SessionId) -> BoxFuture<Result<(), StoreError>> {
        self.table().take(id);
        Box::pin(ready(Ok(())))
    }
}

impl MemoryStoreBuilder {
    /// The most sessions, 100,000 by default; one at least.
    pub fn sessions_max(mut self, sessions: usize) -> Self {
        self.sessions_max = sessions.max(1);
        self
    }

    /// The most memory that all of them may take, about, in bytes; 64 MiB by default. A session that alone is larger cannot
    /// be saved.
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Another clock than [`Instant::now`]: for tests. It must not go back.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The store.
    pub fn build(self) -> MemoryStore {
        let Self { sessions_max, bytes_max, clock } = self;
        let start = clock();
        MemoryStore(Arc::new(Inner { sessions_max, bytes_max, clock, start, table: Mutex::default() }))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        f.debug_struct("MemoryStore")
            .field("sessions", &table.sessions.len())
            .field("bytes", &table.bytes)
            .field("dropped", &table.dropped)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("sessions_max", &self.sessions_max)
            .field("bytes_max", &self.bytes_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
