//! What all namespaces of an engine share: slots, rooms, lanes, limits.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use crate::sync::epoch::Guard;
use ahash::RandomState;

use crate::buckets::Buckets;
use crate::engine::{Limits, Namespace};
use crate::error::{ConnectError, JoinError};
use crate::id::{PublicId, SocketId};
use crate::interner::{Interner, NameIndex};
use crate::journal::Journal;
use crate::lane::Lane;
use crate::observer::Observer;
use crate::slots::Slots;
use crate::sync::{AtomicU32, AtomicUsize, Mutex, random_state};

/// One for each engine, however many namespaces it has.
pub(crate) struct Core {
    pub(crate) limits: Limits,
    pub(crate) observer: Option<Box<dyn Observer>>,
    pub(crate) slots: Slots,
    pub(crate) interner: Interner,
    /// From public ids to slots.
    ids: NameIndex,
    hasher: RandomState,
    lanes: Buckets<OnceLock<Arc<dyn Lane>>, 8>,
    lanes_len: AtomicU32,
    namespaces: Mutex<Vec<Namespace>>,
    /// Those that namespaces keep.
    journals: Buckets<OnceLock<Journal>, 1>,
    journals_len: AtomicU32,
    /// One of each type for each namespace. Here, so that namespaces without any pay nothing.
    shared: Mutex<HashMap<(u32, TypeId), Shared, RandomState>>,
    /// Sockets connected; a limit, not an order: Relaxed.
    sockets: AtomicUsize,
}

type Shared = Arc<dyn Any + Send + Sync>;

impl Core {
    pub(crate) fn new(limits: Limits, observer: Option<Box<dyn Observer>>) -> Self {
        Self {
            interner: Interner::new(limits.rooms),
            limits,
            observer,
            slots: Slots::default(),
            ids: NameIndex::default(),
            hasher: random_state(),
            lanes: Buckets::default(),
            lanes_len: AtomicU32::new(0),
            namespaces: Mutex::new(Vec::new()),
            journals: Buckets::default(),
            journals_len: AtomicU32::new(0),
            shared: Mutex::new(HashMap::with_hasher(random_state())),
            sockets: AtomicUsize::new(0),
        }
    }

    /// The namespace of this name, made if there is none. Namespaces live as long as the core.
    pub(crate) fn namespace(&self, name: &str) -> Namespace {
        let mut namespaces = self.namespaces.lock();
        if let Some(namespace) = namespaces.iter().find(|namespace| namespace.name() == name) {
            return namespace.clone();
        }
        let namespace = Namespace::new(namespaces.len() as u32, name);
        namespaces.push(namespace.clone());
        namespace
    }

    /// The namespace's value of a type, made if there is none.
    pub(crate) fn shared<T: Any + Send + Sync + Default>(&self, namespace: u32) -> Arc<T> {
        let key = (namespace, TypeId::of::<T>());
        let known = self.shared.lock().get(&key).cloned();
        let value = known.unwrap_or_else(|| {
            // It is the user's, so it is made without the lock; if two threads make one, the first to be kept is kept.
            let made: Shared = Arc::<T>::default();
            Arc::clone(self.shared.lock().entry(key).or_insert_with(|| Arc::clone(&made)))
        });
        // The key has the type, so this does not fail.
        value.downcast().unwrap_or_default()
    }

    /// Makes a journal; its number.
    pub(crate) fn add_journal(&self, bytes_max: usize) -> u32 {
        let number = self.journals_len.fetch_add(1, Relaxed);
        // The number is new, so the place is empty.
        let _ = self.journals.get_or_grow(number).set(Journal::new(bytes_max));
        number
    }

    pub(crate) fn journal(&self, number: u32) -> Option<&Journal> {
        self.journals.get(number)?.get()
    }

    pub(crate) fn add_lane(&self, lane: Arc<dyn Lane>) -> u32 {
        let number = self.lanes_len.fetch_add(1, Relaxed);
        // The number is new, so the place is empty.
        let _ = self.lanes.get_or_grow(number).set(lane);
        number
    }

    /// The only lane, if there is one only. To be asked after tiles were read: who saw a socket's bit (Acquire) sees that its
    /// lane was added before.
    pub(crate) fn only_lane(&self) -> Option<u32> {
        (self.lanes_len.load(Relaxed) == 1).then_some(0)
    }

    pub(crate) fn lane(&self, number: u32) -> Option<&Arc<dyn Lane>> {
        self.lanes.get(number)?.get()
    }

    /// Counts a socket more, if the limit allows it.
    pub(crate) fn admit(&self) -> Result<(), ConnectError> {
        if self.sockets.fetch_add(1, Relaxed) >= self.limits.sockets {
            self.dismiss();
            return Err(ConnectError::Sockets { max: self.limits.sockets });
        }
        Ok(())
    }

    pub(crate) fn dismiss(&self) {
        self.sockets.fetch_sub(1, Relaxed);
    }

    /// The connected socket with this public id. Takes no lock.
    pub(crate) fn find_id(&self, namespace: u32, text: &str, guard: &Guard) -> Option<SocketId> {
        let text = PublicId::parse(text)?;
        let mut found = None;
        self.ids.find(self.id_hash(namespace, text), guard, |slot| {
            found = self.slots.id(slot, namespace, u64::MAX).filter(|id| id.text == text && self.slots.is_alive(*id));
            found.is_some()
        });
        found
    }

    /// Lets a socket be found by its id, unless another connected one has it.
    pub(crate) fn publish_id(&self, namespace: u32, id: SocketId, guard: &Guard) -> Result<(), ConnectError> {
        let mut writer = self.ids.lock(self.id_hash(namespace, id.text));
        let taken = writer.find(guard, |slot| {
            let other = self.slots.id(slot, namespace, u64::MAX);
            other.is_some_and(|other| other.text == id.text && other != id)
        });
        if taken.is_some() {
            return Err(ConnectError::IdTaken);
        }
        writer.insert(id.slot, guard);
        Ok(())
    }

    pub(crate) fn withdraw_id(&self, namespace: u32, id: SocketId, guard: &Guard) {
        self.ids.lock(self.id_hash(namespace, id.text)).remove(id.slot, guard);
    }

    pub(crate) fn check_name(&self, name: &str) -> Result<(), JoinError> {
        let max = self.limits.room_name_bytes;
        match name.len() {
            0 => Err(JoinError::NameEmpty),
            bytes if bytes > max => Err(JoinError::NameTooLong { bytes, max }),
            _ => Ok(()),
        }
    }

    fn id_hash(&self, namespace: u32, text: PublicId) -> u64 {
        self.hasher.hash_one((namespace, text.as_str()))
    }
}
