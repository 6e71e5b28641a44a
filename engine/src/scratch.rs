//! Buffers that a thread uses again, so that a selection allocates nothing for itself.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// What can be emptied and used again.
pub(crate) trait Reusable: Default + 'static {
    /// Those that a thread has at hand.
    fn stock() -> &'static LocalKey<Stock<Self>>;

    /// Forgets its contents, and keeps its memory.
    fn empty(&mut self);
}

/// A thread's unused buffers of one kind.
pub(crate) type Stock<T> = RefCell<Vec<T>>;

/// A buffer taken from the thread's stock, and given back empty.
///
/// It is taken out for the time of use: a panic in between loses it, and leaves nothing behind.
pub(crate) struct Scratch<T: Reusable>(T);

impl<T: Reusable> Scratch<T> {
    pub(crate) fn take() -> Self {
        // A thread that ends has no stock any more.
        Self(T::stock().try_with(|stock| stock.borrow_mut().pop()).ok().flatten().unwrap_or_default())
    }
}

impl<T: Reusable> Deref for Scratch<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Reusable> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Reusable> Drop for Scratch<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.0);
        buffer.empty();
        let _ = T::stock().try_with(|stock| stock.borrow_mut().push(buffer));
    }
}
