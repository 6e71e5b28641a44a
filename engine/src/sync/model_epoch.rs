//! What the engine uses of crossbeam-epoch, for loom and shuttle: what is deferred runs when nobody is pinned. (The real
//! one has a collector for the whole process, which would carry what one execution deferred into another one.)
//!
//! Stricter than the real one in one point: who pins sees what happened before earlier unpins. Models cover that by
//! exploring the schedules in which the pin comes first.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

#[cfg(loom)]
use loom as checked;
#[cfg(shuttle)]
use shuttle as checked;

use checked::sync::atomic::{AtomicPtr, AtomicUsize, fence};

checked::lazy_static! {
    static ref COLLECTOR: Collector = Collector::default();
}

#[derive(Default)]
struct Collector {
    pins: AtomicUsize,
    deferred: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

checked::thread_local! {
    static DEPTH: Cell<usize> = Cell::new(0);
}

pub(crate) struct Guard(());

pub(crate) fn pin() -> Guard {
    // A nested pin touches nothing that others see, as the real one.
    let depth = DEPTH.with(|depth| depth.replace(depth.get() + 1));
    if depth == 0 {
        COLLECTOR.pins.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }
    Guard(())
}

impl Guard {
    pub(crate) fn defer<F: FnOnce() + Send + 'static>(&self, f: F) {
        COLLECTOR.deferred.lock().unwrap().push(Box::new(f));
    }

    pub(crate) unsafe fn defer_destroy<T>(&self, shared: Shared<'_, T>) {
        let address = shared.0 as usize;
        // SAFETY: by the caller's contract the pointer came from an Owned and nobody will reach it when this runs.
        self.defer(move || drop(unsafe { Box::from_raw(address as *mut T) }));
    }

    pub(crate) fn flush(&self) {}
}

impl Drop for Guard {
    fn drop(&mut self) {
        if DEPTH.with(|depth| depth.replace(depth.get() - 1)) > 1 {
            return;
        }
        let deferred = mem::take(&mut *COLLECTOR.deferred.lock().unwrap());
        if COLLECTOR.pins.fetch_sub(1, Ordering::AcqRel) == 1 {
            deferred.into_iter().for_each(|f| f());
        } else {
            COLLECTOR.deferred.lock().unwrap().extend(deferred);
        }
    }
}

pub(crate) struct Atomic<T>(AtomicPtr<T>);

pub(crate) struct Owned<T>(Box<T>);

pub(crate) struct Shared<'g, T>(*mut T, PhantomData<&'g T>);

impl<T> Default for Atomic<T> {
    fn default() -> Self {
        Self::null()
    }
}

impl<T> Atomic<T> {
    pub(crate) fn null() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    pub(crate) fn load<'g>(&self, ordering: Ordering, _: &'g Guard) -> Shared<'g, T> {
        Shared(self.0.load(ordering), PhantomData)
    }

    pub(crate) fn swap<'g>(&self, new: impl Into<Shared<'g, T>>, ordering: Ordering, _: &'g Guard) -> Shared<'g, T> {
        Shared(self.0.swap(new.into().0, ordering), PhantomData)
    }

    pub(crate) unsafe fn try_into_owned(self) -> Option<Owned<T>> {
        let pointer = self.0.load(Ordering::Relaxed);
        // SAFETY: by the caller's contract nobody else has the pointer, which came from an Owned.
        (!pointer.is_null()).then(|| Owned(unsafe { Box::from_raw(pointer) }))
    }
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Box::new(value))
    }

    pub(crate) fn into_shared<'g>(self, _: &'g Guard) -> Shared<'g, T> {
        self.into()
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<Owned<T>> for Shared<'_, T> {
    fn from(owned: Owned<T>) -> Self {
        Self(Box::into_raw(owned.0), PhantomData)
    }
}

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<'_, T> {}

impl<'g, T> Shared<'g, T> {
    pub(crate) fn null() -> Self {
        Self(std::ptr::null_mut(), PhantomData)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub(crate) unsafe fn deref(&self) -> &'g T {
        // SAFETY: by the caller's contract it is not null, and the guard of 'g keeps it.
        unsafe { &*self.0 }
    }

    pub(crate) unsafe fn as_ref(&self) -> Option<&'g T> {
        // SAFETY: by the caller's contract the guard of 'g keeps it.
        unsafe { self.0.as_ref() }
    }
}
