//! What was broadcast lately, for sockets that lost their connection and come back.
//!
//! # Problem
//! A client whose connection broke connects again a moment later, says what it got last, and wants the rest: each message
//! once, none twice, in order, although others broadcast all the while. Socket.IO calls it connection state recovery.
//!
//! # Protocol
//! One mutex for each namespace that keeps a journal. A broadcast holds it from before its selection is read until every
//! lane has its delivery. So the broadcasts of the namespace are in one order: of their offsets, of their entries here, and
//! of their deliveries at each lane. Who comes back connects and joins its rooms under the same lock, when every
//! entry was looked at: what is older is in the list of what it missed, what is younger selects it. Nothing is both.
//!
//! That is why connecting is a part of [`Journal::resume`]: a socket that was connected before would be selected, as a
//! member of everyone and by its id, for messages which the journal has for it too.
//!
//! Entries are numbered without gaps, so an offset tells where to read on, and whether something after it is gone. The
//! first number is drawn at random for each journal: an offset of an earlier process or of another namespace lies outside
//! of what is kept, but for one case in 2^51 for each entry that is.
//!
//! # What it costs
//! Without a journal: one load and a branch for each broadcast, and a word for each namespace. With it the broadcasts of the
//! namespace run one after another, each for as long as its selection takes (about a nanosecond for each member), the pushes
//! and the wake-ups of lanes; each allocates a copy of its expression, and costs half as much again in a small room. Who comes
//! back looks at each entry since, and lets go of the lock every [`STEP`] entries, more as it goes on.
//!
//! Lock order: this one before all others. No code of the user's runs under it but `connect`: observers are told
//! afterwards, and what is thrown away is dropped afterwards, since attachments may have an owner.

mod meant;
mod offset;

use std::collections::VecDeque;
use std::fmt;

use smallvec::SmallVec;

use crate::changes::Changes;
use crate::error::{ConnectError, ResumeError};
use crate::message::{Class, Message};
use crate::select::Plan;
use crate::socket::OwnedSocket;
use crate::sync::{Mutex, SMALL, broken, random_state};
use crate::target::Expr;

use meant::{Meant, Who};
pub use offset::Offset;

/// Entries that are looked at under one hold of the lock, at first. It doubles each time, so that there is an end also beside
/// those who broadcast faster.
const STEP: usize = if SMALL { 1 } else { 1_024 };

/// The latest messages of a namespace; see [`Engine::keep_journal`](crate::Engine::keep_journal).
pub struct Journal {
    pages: Mutex<Pages>,
}

/// What the lock guards.
pub(crate) struct Pages {
    entries: VecDeque<Entry>,
    /// The youngest entry's, or the one before the first.
    last: u64,
    bytes: usize,
    bytes_max: usize,
    /// Waits to be dropped without the lock.
    evicted: SmallVec<[Entry; 2]>,
}

struct Entry {
    message: Message,
    meant: Meant,
    bytes: usize,
}

/// How much a journal holds, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Messages.
    pub entries: usize,
    /// Bytes of these, with what is noted beside each.
    pub bytes: usize,
}

/// A socket that lost its connection, as it was when it was disconnected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormerMember {
    /// The text of its id.
    pub id: String,
    /// The names of its rooms; its own need not be there.
    pub rooms: Vec<String>,
}

/// A socket that came back.
#[derive(Debug)]
pub struct Resumed {
    /// The socket, connected, in its rooms.
    pub socket: OwnedSocket,
    /// What it missed, in order.
    pub missed: Vec<(Message, Offset)>,
    /// Rooms that it could not join again: a limit was reached, or the name is another socket's id by now.
    pub refused: Vec<String>,
}

impl Journal {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let last = Offset::random(&random_state()).0;
        let (entries, evicted) = (VecDeque::new(), SmallVec::new());
        Self { pages: Mutex::new(Pages { entries, last, bytes: 0, bytes_max, evicted }) }
    }

    /// The offset of the youngest entry. For a client that got nothing yet; read before its socket is connected, so that
    /// nothing is between. Locks the journal.
    pub fn last(&self) -> Offset {
        Offset(self.pages.lock().last)
    }

    /// How much it holds. Locks the journal.
    pub fn stats(&self) -> JournalStats {
        let pages = self.pages.lock();
        JournalStats { entries: pages.entries.len(), bytes: pages.bytes }
    }

    /// Brings a socket back: connects it by `connect`, lets it join its former rooms, and gives it what was sent since
    /// `after` to a socket with its id in these rooms. A message is either among these or is sent to the new socket, never
    /// both, and none is left out.
    ///
    /// Missed are the messages that would have selected a connected socket with these rooms, whenever it joined them. Ids
    /// are compared by their text, also those of targets. Volatile messages and those that ask for an acknowledgement
    /// ([`Selection::ask`](crate::Selection::ask)) are not kept.
    ///
    /// `connect` is called once, under the journal's lock: it connects the socket under the former id, with
    /// [`LanePort::connect`](crate::LanePort::connect), binds it if its lane must not get a delivery before that, and does
    /// nothing else; sending anything would wait for itself. Observers are told of the rooms when the lock is gone.
    ///
    /// Looks at each entry since `after`, and at each room of its target; holds the lock for 1,024 of these at first, then for
    /// twice as many each time. Clones the missed messages, which stay in memory while the list does.
    ///
    /// # Errors
    /// [`ResumeError::NotCovered`]: an entry after `after` is gone, or `after` is none of this journal's; `connect` was not
    /// called. [`ResumeError::Connect`] is its error.
    pub fn resume(
        &self,
        who: &FormerMember,
        after: Offset,
        connect: impl FnOnce() -> Result<OwnedSocket, ConnectError>,
    ) -> Result<Resumed, ResumeError> {
        let member = Who::new(who);
        let (mut missed, mut read, mut step) = (Vec::new(), after.0, STEP);
        loop {
            let pages = self.pages.lock();
            for entry in pages.after(read).ok_or(ResumeError::NotCovered)?.take(step) {
                read += 1;
                if entry.meant.selects(&member) {
                    missed.push((entry.message.clone(), Offset(read)));
                }
            }
            if read == pages.last {
                let pages = (!broken("journal: connect under the lock")).then_some(pages);
                let socket = connect().map_err(ResumeError::Connect)?;
                let mut changes = Changes::new(socket.engine().core.observer.as_deref(), false);
                let refused = socket.engine().rejoin(socket.id(), &who.rooms, &mut changes);
                drop(pages);
                changes.report();
                return Ok(Resumed { socket, missed, refused });
            }
            step = step.saturating_mul(2);
        }
    }

    /// Holds the lock for a broadcast: from before its selection until every lane has it.
    pub(crate) fn write<R>(&self, broadcast: impl FnOnce(&mut Pages) -> R) -> R {
        let (result, evicted) = {
            let mut pages = self.pages.lock();
            (broadcast(&mut pages), std::mem::take(&mut pages.evicted))
        };
        drop(evicted);
        result
    }
}

impl Pages {
    /// Keeps a message, if its class is kept; the offset that it carries.
    pub(crate) fn keep(&mut self, message: &Message, expr: &Expr<'_>, plan: &Plan) -> Offset {
        if message.class() != Class::Volatile {
            let meant = Meant::new(expr, plan);
            let bytes = size_of::<Entry>() + message.size() + meant.heap_bytes();
            self.last += 1;
            self.bytes += bytes;
            self.entries.push_back(Entry { message: message.clone(), meant, bytes });
            self.evict();
        }
        self.last()
    }

    /// The offset of the youngest entry: what a message carries that is not kept.
    pub(crate) fn last(&self) -> Offset {
        Offset(self.last)
    }

    fn evict(&mut self) {
        while self.bytes > self.bytes_max
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= entry.bytes;
            self.evicted.push(entry);
        }
    }

    /// The entries after an offset, the oldest first; `None` if not all of them are there.
    fn after(&self, offset: u64) -> Option<impl Iterator<Item = &Entry>> {
        let missing = self.last.checked_sub(offset)?;
        let first = self.entries.len().checked_sub(usize::try_from(missing).ok()?)?;
        Some(self.entries.range(first..))
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
