//! An array of cells that is read without a lock and replaced as a whole: what room tables and name indexes stand on.
//!
//! # Protocol
//! One writer at a time, the holder of the owner's mutex, changes cells in place, or makes a new array, fills it and
//! publishes it. The old one is retired through the epoch: readers that hold it are pinned, and go on reading it.
//!
//! # Orderings
//! The pointer is swapped AcqRel and loaded Acquire, so who sees an array sees what was written into it before. The
//! orderings of the cells themselves are their owners' business.
//!
//! # Layout
//! One allocation: the length, then the cells. A handle is one thin pointer, null for an empty array.

use std::sync::atomic::Ordering::{AcqRel, Acquire};

use crate::sync::epoch::{Atomic, Guard, Owned, Shared};
use crate::sync::{AtomicU64, order};

use array::Array;

/// A retired array of this size is handed to the collector at once, smaller ones when a bag of them is full.
const FLUSH_BYTES: usize = 4096;

/// The published array.
pub(crate) struct Cells(Atomic<Array>);

/// An array that nobody else has seen yet.
pub(crate) struct NewCells(Owned<Array>);

impl Default for Cells {
    /// No cells.
    fn default() -> Self {
        Self(Atomic::null())
    }
}

impl Cells {
    /// The cells, as they are published now. Takes no lock.
    pub(crate) fn load<'g>(&self, guard: &'g Guard) -> &'g [AtomicU64] {
        // Acquire: pairs with the swap in replace().
        let array = self.0.load(Acquire, guard);
        // SAFETY: a published array is retired through the epoch only, and the guard pins it.
        unsafe { array.as_ref() }.map_or(&[], array::cells)
    }

    /// Puts a new array in the place of the present one. One writer at a time, see the module.
    pub(crate) fn publish<'g>(&self, new: NewCells, guard: &'g Guard) -> &'g [AtomicU64] {
        let new = new.0.into_shared(guard);
        self.replace(new, guard);
        // SAFETY: `new` was just made from an Owned and is retired by a later replace() only; the guard keeps it alive even
        // then.
        array::cells(unsafe { new.deref() })
    }

    /// Publishes an empty array.
    pub(crate) fn clear(&self, guard: &Guard) {
        self.replace(Shared::null(), guard);
    }

    fn replace<'g>(&self, new: Shared<'g, Array>, guard: &'g Guard) {
        // Release: pairs with the Acquire load in load(): readers of the new array see its cells.
        let old = self.0.swap(new, order(AcqRel, "cells: publish"), guard);
        if old.is_null() {
            return;
        }
        // SAFETY: `old` was the published array, the swap took it out of reach of new readers, and only this call took it
        // out; readers that hold it are pinned.
        unsafe {
            let bytes = size_of_val(array::cells(old.deref()));
            guard.defer_destroy(old);
            if bytes >= FLUSH_BYTES {
                guard.flush();
            }
        }
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        let array = std::mem::replace(&mut self.0, Atomic::null());
        // SAFETY: `&mut self`: there is no other reader or writer, and the pointer came from an Owned.
        drop(unsafe { array.try_into_owned() });
    }
}

impl NewCells {
    /// So many cells, all zero.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self(array::zeroed(len))
    }
}

impl std::ops::Deref for NewCells {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        array::cells(&self.0)
    }
}

#[cfg(not(any(loom, shuttle)))]
mod array {
    use std::mem::MaybeUninit;

    use super::{AtomicU64, Owned};

    /// Always initialised as a whole, by [`zeroed`]. crossbeam allocates it in one piece, behind a thin pointer.
    pub(super) type Array = [MaybeUninit<AtomicU64>];

    pub(super) fn zeroed(len: usize) -> Owned<Array> {
        let mut array = Owned::<Array>::init(len);
        array.fill_with(|| MaybeUninit::new(AtomicU64::new(0)));
        array
    }

    pub(super) fn cells(array: &Array) -> &[AtomicU64] {
        // SAFETY: every array comes from zeroed(), which initialises all of its cells.
        unsafe { array.assume_init_ref() }
    }
}

#[cfg(any(loom, shuttle))]
mod array {
    use super::{AtomicU64, Owned};

    /// Models cannot see raw memory.
    pub(super) type Array = Box<[AtomicU64]>;

    pub(super) fn zeroed(len: usize) -> Owned<Array> {
        Owned::new(std::iter::repeat_with(|| AtomicU64::new(0)).take(len).collect())
    }

    pub(super) fn cells(array: &Array) -> &[AtomicU64] {
        array
    }
}
