//! Namespaces: one of them, and all of a core's by name.
//!
//! # Problem
//! Clients name namespaces, where a program decides by a predicate which there are. What only names cost must not add up.
//!
//! # Protocol
//! Whatever uses a namespace holds it: handles, sockets, deliveries on their way. The table is one holder more. A namespace
//! that only the table holds is used by nobody, and stays so while the table is locked, because a holder is made of another
//! holder or under that lock. Such ones are looked for when there are twice as many namespaces as the last search left. So a
//! name costs constant time, spread over all, and there are never more than twice those in use and [`SEARCH_FROM`].
//!
//! Numbers are used again at once. What a namespace leaves behind under its number is what a room leaves behind that died:
//! names of dead rooms, which are looked up as such.

use std::any::{Any, TypeId};
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering::Acquire;
use std::sync::{Arc, OnceLock};

use ahash::RandomState;

use crate::contain::drop_each;
use crate::journal::Journal;
use crate::roster::Roster;
use crate::sync::{Mutex, fence, random_state};

/// Namespaces at which those are looked for that nobody uses.
const SEARCH_FROM: usize = 64;

/// The name of a namespace, and the room of everybody in it.
#[derive(Clone)]
pub struct Namespace(Arc<Inner>);

struct Inner {
    number: u32,
    name: Box<str>,
    everyone: Roster,
    /// Most do without.
    extras: OnceLock<Box<Extras>>,
}

struct Extras {
    journal: OnceLock<Journal>,
    /// One of each type.
    shared: Mutex<HashMap<TypeId, Shared, RandomState>>,
}

type Shared = Arc<dyn Any + Send + Sync>;

impl Namespace {
    fn new(number: u32, name: &str) -> Self {
        Self(Arc::new(Inner { number, name: name.into(), everyone: Roster::immortal(), extras: OnceLock::new() }))
    }

    /// Its name; `/` is the first namespace.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn number(&self) -> u32 {
        self.0.number
    }

    /// The hidden room of all sockets of the namespace.
    pub(crate) fn everyone(&self) -> &Roster {
        &self.0.everyone
    }

    pub(crate) fn keep_journal(&self, bytes_max: usize) {
        self.extras().journal.get_or_init(|| Journal::new(bytes_max));
    }

    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.0.extras.get()?.journal.get()
    }

    /// The value of a type, made if there is none.
    pub(crate) fn shared<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let (shared, key) = (&self.extras().shared, TypeId::of::<T>());
        let known = shared.lock().get(&key).cloned();
        let value = known.unwrap_or_else(|| {
            // It is the user's, so it is made without the lock; if two threads make one, the first to be kept is kept.
            let made: Shared = Arc::<T>::default();
            Arc::clone(shared.lock().entry(key).or_insert_with(|| Arc::clone(&made)))
        });
        // The key has the type, so this does not fail.
        value.downcast().unwrap_or_default()
    }

    fn extras(&self) -> &Extras {
        let make = || Extras { journal: OnceLock::new(), shared: Mutex::new(HashMap::with_hasher(random_state())) };
        self.0.extras.get_or_init(|| Box::new(make()))
    }

    /// Whether nothing else holds it. To be asked under the lock of the table that does.
    fn is_unused(&self) -> bool {
        let unused = Arc::strong_count(&self.0) == 1;
        // Acquire: pairs with the Release of the last other holder's Drop. What it did, it did under a number that is given
        // to somebody else now.
        fence(Acquire);
        unused
    }
}

/// The last holder may be a lane, in the middle of its work.
impl Drop for Extras {
    fn drop(&mut self) {
        drop_each(std::mem::take(&mut *self.shared.lock()));
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({:?})", self.name())
    }
}

/// The namespaces of a core.
pub(crate) struct Namespaces(Mutex<Table>);

struct Table {
    named: HashSet<ByName, RandomState>,
    /// Numbers up to here are given away, but for those that are free again.
    numbers: u32,
    free: Vec<u32>,
    search_at: usize,
}

struct ByName(Namespace);

impl Default for Namespaces {
    #[expect(clippy::mutable_key_type, reason = "only the name is hashed and compared, and it never changes")]
    fn default() -> Self {
        let named = HashSet::with_hasher(random_state());
        Self(Mutex::new(Table { named, numbers: 0, free: Vec::new(), search_at: SEARCH_FROM }))
    }
}

impl Namespaces {
    /// The namespace of this name, made if there is none.
    pub(crate) fn get_or_make(&self, name: &str) -> Namespace {
        let mut table = self.0.lock();
        if let Some(ByName(namespace)) = table.named.get(name) {
            return namespace.clone();
        }
        let unused = table.take_unused();
        let namespace = table.make(name);
        drop(table);
        // They own values of users, whose Drop runs without the lock.
        drop(unused);
        namespace
    }
}

impl Table {
    fn make(&mut self, name: &str) -> Namespace {
        let number = self.free.pop().unwrap_or_else(|| {
            self.numbers += 1;
            self.numbers - 1
        });
        let namespace = Namespace::new(number, name);
        self.named.insert(ByName(namespace.clone()));
        namespace
    }

    /// Takes those out that nobody uses, if it is time to look for them.
    fn take_unused(&mut self) -> Vec<ByName> {
        if self.named.len() < self.search_at {
            return Vec::new();
        }
        let unused: Vec<_> = self.named.extract_if(|ByName(namespace)| namespace.is_unused()).collect();
        self.free.extend(unused.iter().map(|ByName(namespace)| namespace.number()));
        self.search_at = SEARCH_FROM.max(2 * self.named.len());
        unused
    }
}

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for ByName {}
