//! Answers that clients owe: one table for a namespace.
//!
//! An event that asks for an answer carries one number for all its recipients, so that it is encoded once. The table knows,
//! for each number, who has been asked and has not answered. A socket that leaves is taken out of all of them, so nobody
//! waits for who is gone. One lock, held for one change; asking `n` sockets costs about 0.1 us for each.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use roomcast::{Engine, SocketId};
use roomcast_lane::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::emit_with_ack::AckError;

/// What became of one socket's answer.
pub(crate) type Outcome = (SocketId, Result<Event<'static>, AckError>);

/// The table of one namespace.
#[derive(Default)]
pub(crate) struct Asks {
    next: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    asks: HashMap<u64, Ask>,
    /// Under which numbers a socket owes answers.
    debts: HashMap<SocketId, Vec<u64>>,
    /// Sockets that can be asked at all, a bit for each slot. A slot is not used again before its socket has left here.
    speakers: Vec<u64>,
}

struct Ask {
    waiting: HashSet<SocketId>,
    /// Bounded by the number of those who were asked.
    outcomes: UnboundedSender<Outcome>,
}

impl Asks {
    /// A socket speaks Socket.IO, so it can be asked.
    pub(crate) fn enter(&self, id: SocketId) {
        let mut table = self.table.lock();
        let (word, bit) = place(id);
        if table.speakers.len() <= word {
            table.speakers.resize(word + 1, 0);
        }
        table.speakers[word] |= bit;
    }

    /// A socket is gone: whoever waits for it waits no longer.
    pub(crate) fn leave(&self, id: SocketId) {
        let mut table = self.table.lock();
        let (word, bit) = place(id);
        if let Some(speakers) = table.speakers.get_mut(word) {
            *speakers &= !bit;
        }
        table.give_up(id);
    }

    /// Notes that `ids` are asked; gives the number, and where the outcomes come. Who cannot be asked, or is gone already, is
    /// an outcome at once.
    pub(crate) fn ask(&self, engine: &Engine, ids: &[SocketId]) -> (u64, UnboundedReceiver<Outcome>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (outcomes, receiver) = unbounded_channel();
        let mut table = self.table.lock();
        let mut waiting = HashSet::with_capacity(ids.len());
        for &id in ids {
            if table.speaks(id) {
                waiting.insert(id);
                table.debts.entry(id).or_default().push(number);
            } else {
                // A receiver that is gone wants none of it.
                let _ = outcomes.send((id, Err(AckError::Unsupported)));
            }
        }
        if waiting.is_empty() {
            return (number, receiver);
        }
        table.asks.insert(number, Ask { waiting, outcomes });
        // Who left between the selection and now has not found its debt.
        for &id in ids {
            if engine.to(id).count() == 0 {
                table.give_up(id);
            }
        }
        (number, receiver)
    }

    /// A socket answered. Unasked answers, and second ones, are nothing.
    pub(crate) fn answer(&self, id: SocketId, number: u64, answer: Event<'static>) {
        let mut table = self.table.lock();
        table.settle(id, number, Ok(answer));
        table.forget_debt(id, number);
    }

    /// Nobody waits for these answers any longer; who still owed one.
    pub(crate) fn forget(&self, number: u64) -> Vec<SocketId> {
        let mut table = self.table.lock();
        let Some(ask) = table.asks.remove(&number) else { return Vec::new() };
        let waiting: Vec<_> = ask.waiting.into_iter().collect();
        for id in &waiting {
            table.forget_debt(*id, number);
        }
        waiting
    }
}

impl Table {
    fn speaks(&self, id: SocketId) -> bool {
        let (word, bit) = place(id);
        self.speakers.get(word).is_some_and(|speakers| speakers & bit != 0)
    }

    fn give_up(&mut self, id: SocketId) {
        for number in self.debts.remove(&id).unwrap_or_default() {
            self.settle(id, number, Err(AckError::Disconnected));
        }
    }

    fn settle(&mut self, id: SocketId, number: u64, outcome: Result<Event<'static>, AckError>) {
        let Some(ask) = self.asks.get_mut(&number) else { return };
        if ask.waiting.remove(&id) {
            // A receiver that is gone wants none of it.
            let _ = ask.outcomes.send((id, outcome));
        }
        if ask.waiting.is_empty() {
            self.asks.remove(&number);
        }
    }

    fn forget_debt(&mut self, id: SocketId, number: u64) {
        if let Some(numbers) = self.debts.get_mut(&id) {
            numbers.retain(|owed| *owed != number);
            if numbers.is_empty() {
                self.debts.remove(&id);
            }
        }
    }
}

fn place(id: SocketId) -> (usize, u64) {
    (id.slot() as usize / 64, 1 << (id.slot() % 64))
}
