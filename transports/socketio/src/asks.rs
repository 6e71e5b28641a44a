//! Answers that clients owe: one table for a namespace.
//!
//! An event that asks for an answer carries one number for all its recipients, so that it is encoded once. The table knows,
//! for each number, who has been asked and has not answered. A socket that leaves is taken out of all of them, so nobody
//! waits for who is gone, and no socket owes more than 1,024. One lock, held for one change; asking `n` sockets costs about
//! 0.1 us for each.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use roomcast::{Engine, SocketId};
use roomcast_lane::{Event, Seldom};

use crate::emit_with_ack::AckError;

static PANICKED: Seldom = Seldom::new();

/// What became of one socket's answer.
pub(crate) type Outcome = (SocketId, Result<Event<'static>, AckError>);

/// The table of one namespace.
#[derive(Default)]
pub(crate) struct Asks {
    table: Mutex<Table>,
}

/// Answers that one socket may owe: what a client makes the server keep by not answering.
const OWED_MAX: usize = 1_024;

#[derive(Default)]
struct Table {
    next: u64,
    asks: HashMap<u64, Ask>,
    /// Under which numbers a socket owes answers, the oldest first.
    debts: HashMap<SocketId, Vec<u64>>,
    /// Sockets that can be asked at all, a bit for each slot. A slot is not used again before its socket has left here.
    speakers: Vec<u64>,
}

struct Ask {
    waiting: HashSet<SocketId>,
    tell: Arc<Tell>,
}

/// Hears each outcome, once for each socket, outside of all locks. It is dropped when there will be no more.
pub(crate) type Tell = dyn Fn(Outcome) + Send + Sync;
/// Outcomes on their way out of the table.
type Told = Vec<(Arc<Tell>, Outcome)>;

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
        let told = {
            let mut table = self.table.lock();
            let (word, bit) = place(id);
            if let Some(speakers) = table.speakers.get_mut(word) {
                *speakers &= !bit;
            }
            table.give_up(id)
        };
        tell(told);
    }

    /// Notes that `ids` are asked, and who hears of the answers; gives the number. Who cannot be asked, or is gone already, is
    /// an outcome at once.
    pub(crate) fn ask(&self, engine: &Engine, ids: &[SocketId], heard_by: Arc<Tell>) -> u64 {
        let mut told = Told::new();
        let mut table = self.table.lock();
        let number = table.next;
        table.next += 1;
        let mut waiting = HashSet::with_capacity(ids.len());
        for &id in ids {
            match table.owe(id, number) {
                Ok(()) => drop(waiting.insert(id)),
                Err(why) => told.push((Arc::clone(&heard_by), (id, Err(why)))),
            }
        }
        if !waiting.is_empty() {
            table.asks.insert(number, Ask { waiting, tell: heard_by });
            // Who left between the selection and now has not found its debt.
            for &id in ids {
                if engine.to(id).count() == 0 {
                    told.extend(table.give_up(id));
                }
            }
        }
        drop(table);
        tell(told);
        number
    }

    /// A socket answered. Unasked answers, and second ones, are nothing.
    pub(crate) fn answer(&self, id: SocketId, number: u64, answer: Event<'static>) {
        let told = {
            let mut table = self.table.lock();
            table.forget_debt(id, number);
            table.settle(id, number, Ok(answer))
        };
        tell(told.into_iter().collect());
    }

    /// Nobody waits for these answers any longer; who still owed one.
    pub(crate) fn forget(&self, number: u64) -> Vec<SocketId> {
        let mut table = self.table.lock();
        let Some(ask) = table.asks.remove(&number) else { return Vec::new() };
        let waiting: Vec<_> = ask.waiting.iter().copied().collect();
        for id in &waiting {
            table.forget_debt(*id, number);
        }
        drop(table);
        waiting
    }
}

/// Tells outcomes. Who hears them may be the program's own code: its panic is its own.
fn tell(told: Told) {
    for (tell, outcome) in told {
        if catch_unwind(AssertUnwindSafe(|| tell(outcome))).is_err() {
            PANICKED.say(|left_out| tracing::error!("what was to hear of an acknowledgement panicked{left_out}"));
        }
    }
}

impl Table {
    fn speaks(&self, id: SocketId) -> bool {
        let (word, bit) = place(id);
        self.speakers.get(word).is_some_and(|speakers| speakers & bit != 0)
    }

    fn owe(&mut self, id: SocketId, number: u64) -> Result<(), AckError> {
        if !self.speaks(id) {
            return Err(AckError::Unsupported);
        }
        let numbers = self.debts.entry(id).or_default();
        if numbers.len() >= OWED_MAX {
            return Err(AckError::OwesTooMany);
        }
        numbers.push(number);
        Ok(())
    }

    fn give_up(&mut self, id: SocketId) -> Told {
        let debts = self.debts.remove(&id).unwrap_or_default();
        debts.into_iter().filter_map(|number| self.settle(id, number, Err(AckError::Disconnected))).collect()
    }

    fn settle(
        &mut self,
        id: SocketId,
        number: u64,
        outcome: Result<Event<'static>, AckError>,
    ) -> Option<(Arc<Tell>, Outcome)> {
        let ask = self.asks.get_mut(&number)?;
        if !ask.waiting.remove(&id) {
            return None;
        }
        let tell = match ask.waiting.is_empty() {
            true => self.asks.remove(&number)?.tell,
            false => Arc::clone(&ask.tell),
        };
        Some((tell, (id, outcome)))
    }

    fn forget_debt(&mut self, id: SocketId, number: u64) {
        if let Some(numbers) = self.debts.get_mut(&id) {
            if let Ok(at) = numbers.binary_search(&number) {
                numbers.remove(at);
            }
            if numbers.is_empty() {
                self.debts.remove(&id);
            }
        }
    }
}

fn place(id: SocketId) -> (usize, u64) {
    (id.slot() as usize / 64, 1 << (id.slot() % 64))
}
