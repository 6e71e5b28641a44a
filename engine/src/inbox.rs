//! How other threads tell a lane something: one queue, taken as a whole.
//!
//! # Problem
//! Publishers of any thread append; one lane takes all there is in one go. A lane that sleeps must be woken by the push
//! that ends its emptiness; a lane that runs must not be woken at all, since a wake-up costs as much as a hundred pushes.
//!
//! # Protocol
//! One mutex guards the items and the waker of a sleeping lane. The lane stores its waker in the same critical section in
//! which it saw the queue empty, so *parked implies empty*. A push appends, takes the waker if there is one, unlocks and
//! only then wakes. So the push that ends emptiness wakes once, and later ones find no waker. A swap costs the lane one
//! lock a turn, not one an item; measured against lock-free queues it is the fastest of them at one push a message and
//! lane.
//!
//! `bytes` counts what was pushed and not yet reported done, so it also covers what a lane took and still works on.

use std::sync::atomic::Ordering;
use std::task::Waker;

use crate::sync::{AtomicU64, Mutex, broken};

/// A queue from many threads to one lane.
///
/// A push takes a short lock of this inbox only and never waits for the lane.
#[derive(Debug)]
pub struct Inbox<T> {
    state: Mutex<State<T>>,
    /// A statistic: nothing is ordered by it, so every access is Relaxed.
    bytes: AtomicU64,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<T>,
    parked: Option<Waker>,
    closed: bool,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        let state = State { items: Vec::new(), parked: None, closed: false };
        Self { state: Mutex::new(state), bytes: AtomicU64::new(0) }
    }
}

impl<T> Inbox<T> {
    /// Appends an item that stands for `bytes` bytes, and wakes the lane if it sleeps.
    ///
    /// # Errors
    /// Gives the item back when the inbox was closed.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return Err(item);
        }
        state.items.push(item);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let parked = state.parked.take();
        drop(state);
        if let Some(waker) = parked {
            waker.wake();
        }
        Ok(())
    }

    /// Moves all items to the end of `into`, in the order in which they were pushed. The lane calls [`Self::done`] when it
    /// has worked through them.
    pub fn take(&self, into: &mut Vec<T>) {
        let mut state = self.state.lock();
        if into.is_empty() {
            std::mem::swap(into, &mut state.items);
        } else {
            into.append(&mut state.items);
        }
    }

    /// Says that items of `bytes` bytes, taken before, are finished.
    pub fn done(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Parks the lane: true if the inbox is empty, and then the next push wakes `waker`. False if there is something.
    ///
    /// A source of wake-ups that remembers (a task, an eventfd) is to be drained *before* the call, not after.
    pub fn park(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if !state.items.is_empty() {
            return false;
        }
        if broken("inbox: parked under the lock") {
            drop(state);
            state = self.state.lock();
        }
        match &mut state.parked {
            Some(parked) => parked.clone_from(waker),
            parked => *parked = Some(waker.clone()),
        }
        true
    }

    /// Bytes of items that were pushed and are not done.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Refuses all further items and returns those that wait.
    pub fn close(&self) -> Vec<T> {
        let mut state = self.state.lock();
        state.closed = true;
        state.parked = None;
        std::mem::take(&mut state.items)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_push_that_ends_emptiness_wakes() {
        let (inbox, bell) = (Inbox::default(), Arc::new(Bell::default()));
        assert!(inbox.park(&Waker::from(Arc::clone(&bell))));
        inbox.push(1, 10).unwrap();
        inbox.push(2, 10).unwrap();
        assert_eq!((bell.0.load(Ordering::Relaxed), inbox.bytes()), (1, 20));
        assert!(!inbox.park(&Waker::from(Arc::clone(&bell))), "there is something to take");
        let mut items = Vec::new();
        inbox.take(&mut items);
        inbox.done(20);
        assert_eq!((items, inbox.bytes()), (vec![1, 2], 0));
    }

    #[test]
    fn a_closed_inbox_gives_items_back() {
        let inbox = Inbox::default();
        inbox.push("kept", 1).unwrap();
        assert_eq!(inbox.close(), ["kept"]);
        assert_eq!(inbox.push("late", 1), Err("late"));
    }
}
