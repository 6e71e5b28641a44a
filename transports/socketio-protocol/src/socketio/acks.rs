//! Answers that a client owes to the server.
//!
//! The number of an answer comes from a counter that all sockets of a namespace share, so that an event for many of
//! them is encoded once; each socket knows which numbers it was asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What a socket was asked and has not answered. `T` is whatever the answer has to reach.
///
/// Nothing is allocated before something is asked. A client can only take out what was put in, so an answer that nobody
/// asked for, or a second one, changes nothing.
#[derive(Debug)]
#[expect(clippy::box_collection, reason = "most sockets owe nothing, and a map is 48 bytes")]
pub struct Acks<T> {
    waiting: Option<Box<HashMap<u64, T>>>,
    max: usize,
}

impl<T> Acks<T> {
    /// At most `max` may be outstanding at a time.
    pub const fn new(max: usize) -> Self {
        Self { waiting: None, max }
    }

    /// The event with this number goes out to the socket. Cost: one look into a hash map.
    ///
    /// # Errors
    /// Gives `waiter` back if the client owes too many answers already, or another one under this number.
    pub fn ask(&mut self, id: u64, waiter: T) -> Result<(), T> {
        if self.len() >= self.max {
            return Err(waiter);
        }
        match self.waiting.get_or_insert_default().entry(id) {
            Entry::Occupied(_) => Err(waiter),
            Entry::Vacant(place) => {
                place.insert(waiter);
                Ok(())
            }
        }
    }

    /// An answer came, or nobody waits for it any longer: who waited.
    pub fn take(&mut self, id: u64) -> Option<T> {
        let waiting = self.waiting.as_mut()?;
        let waiter = waiting.remove(&id);
        if waiting.is_empty() {
            self.waiting = None;
        }
        waiter
    }

    /// The socket is gone: all that still wait, in no particular order.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.waiting.take().into_iter().flat_map(|waiting| waiting.into_values())
    }

    /// How many answers are owed.
    pub fn len(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.len())
    }

    /// Whether no answer is owed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reaches_who_asked_once() {
        let mut acks = Acks::new(2);
        assert_eq!(acks.take(0), None, "unasked");
        assert_eq!(acks.ask(7, 'a'), Ok(()));
        assert_eq!(acks.ask(7, 'b'), Err('b'), "the number is in use");
        assert_eq!(acks.ask(u64::MAX, 'c'), Ok(()));
        assert_eq!(acks.ask(9, 'd'), Err('d'), "too many");
        assert_eq!((acks.take(7), acks.take(7), acks.len()), (Some('a'), None, 1));
        assert_eq!(acks.ask(9, 'd'), Ok(()));
        let mut rest: Vec<_> = acks.take_all().collect();
        rest.sort_unstable();
        assert_eq!((rest, acks.is_empty()), (vec!['c', 'd'], true));
    }

    #[test]
    fn a_socket_that_was_not_asked_owns_no_heap() {
        let mut acks = Acks::new(1);
        acks.ask(1, ()).unwrap();
        acks.take(1).unwrap();
        assert!(acks.waiting.is_none());
        assert!(size_of::<Acks<()>>() <= 16);
    }
}
