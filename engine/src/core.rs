//! What all namespaces of an engine share: slots, rooms, lanes, limits.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use crate::sync::epoch::Guard;
use ahash::RandomState;

use crate::buckets::Buckets;
use crate::engine::Limits;
use crate::error::{ConnectError, JoinError};
use crate::id::{PublicId, SocketId};
use crate::interner::{Interner, NameIndex};
use crate::lane::Lane;
use crate::namespaces::Namespaces;
use crate::observer::Observer;
use crate::slots::Slots;
use crate::sync::{AtomicU32, AtomicUsize, random_state};

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
    pub(crate) namespaces: Namespaces,
    /// Sockets connected; a limit, not an order: Relaxed.
    sockets: AtomicUsize,
}

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
            namespaces: Namespaces::default(),
            sockets: AtomicUsize::new(0),
        }
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
