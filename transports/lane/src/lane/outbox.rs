//! What a stream did not take.
//!
//! Absent while a connection keeps up. It holds *pieces* that end where frames end, so that a control frame can go in behind
//! the first piece, whatever waits. Small frames are collected into pieces of up to 16 KiB; large ones are shared with the
//! other recipients. The memory of all outboxes of a lane is counted in its [`Account`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use roomcast::{Class, Key};

use crate::lane::budget::Account;
use crate::lane::log::{Frame, Note, SHARED_BYTES};

/// What a piece costs beside its bytes, near enough.
const PIECE_COST: usize = 64;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Kept,
    /// It waits, and an older one with its key was removed.
    Replaced,
    /// It was left out.
    Dropped,
    /// It was not taken: the outbox holds its maximum already.
    Full,
}

#[derive(Debug)]
enum Piece {
    /// Whole frames, or the rest of one and then whole ones; and how many messages they are.
    Own(Vec<u8>, u32),
    Shared(Bytes, u32),
    Latest(Key, Bytes),
    /// Was replaced.
    Nothing,
}

impl Piece {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(bytes, _) => bytes,
            Self::Shared(bytes, _) | Self::Latest(_, bytes) => bytes,
            Self::Nothing => &[],
        }
    }

    fn messages(&self) -> usize {
        match self {
            Self::Own(_, messages) | Self::Shared(_, messages) => *messages as usize,
            Self::Latest(..) => 1,
            Self::Nothing => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    pieces: VecDeque<Piece>,
    /// How many pieces were ever taken off the front: the number of the first one.
    first: u64,
    /// Where the waiting piece of each key is, by number.
    latest: HashMap<Key, u64>,
    /// Pieces that are [`Piece::Nothing`].
    holes: usize,
    /// Bytes of the first piece that are sent.
    sent: usize,
    /// The first piece is a frame of which the peer has a part: nothing may come before its end.
    begun: bool,
    control: Vec<u8>,
    control_sent: usize,
    /// Bytes that wait here.
    bytes: usize,
    /// Bytes that the stream has taken and holds itself.
    held: usize,
    /// Bytes that were ever taken.
    taken: usize,
    /// When it last became shorter, or began.
    progress: Instant,
    account: Arc<Account>,
}

impl Outbox {
    pub(crate) fn new(account: &Arc<Account>, now: Instant) -> Self {
        Self {
            pieces: VecDeque::new(),
            first: 0,
            latest: HashMap::new(),
            holes: 0,
            sent: 0,
            begun: false,
            control: Vec::new(),
            control_sent: 0,
            bytes: 0,
            held: 0,
            taken: 0,
            progress: now,
            account: Arc::clone(account),
        }
    }

    /// Bytes that wait, in the stream too.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.held
    }

    /// Bytes that were taken since it began.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// The stream holds so many bytes of what it was given: they wait as those here do.
    pub(crate) fn stream_holds(&mut self, held: usize, now: Instant) {
        if held < self.held {
            self.progress = now;
        }
        if held != self.held {
            self.changed(|outbox| outbox.held = held);
        }
    }

    /// Messages that wait. Those of a piece that is written in part count, all of them.
    pub(crate) fn messages(&self) -> usize {
        self.pieces.iter().map(Piece::messages).sum()
    }

    /// When it last became shorter, or began.
    pub(crate) fn progress(&self) -> Instant {
        self.progress
    }

    /// What it costs in memory.
    fn weight(&self) -> usize {
        self.bytes() + self.pieces.len() * PIECE_COST
    }

    /// Appends the rest of a frame whose beginning the stream took: must come first, whatever its class.
    pub(crate) fn push_rest(&mut self, rest: Frame<'_>, messages: u32, sent: usize) {
        debug_assert!(self.pieces.is_empty() && self.control.is_empty());
        self.begun = true;
        self.changed(|outbox| match rest {
            Frame::Log(bytes) => outbox.append(&bytes[sent..], messages),
            Frame::Shared(bytes) => outbox.add(Piece::Shared(bytes.slice(sent..), messages)),
        });
    }

    /// Appends a whole frame, as its class says. A frame is taken if the outbox held less than `max` before it, not counted
    /// what it replaces.
    pub(crate) fn push(&mut self, frame: Frame<'_>, note: Note, max: usize) -> Pushed {
        if note.class == Class::Volatile {
            return Pushed::Dropped;
        }
        let replaceable = match note.class {
            Class::Latest(key) => self.replaceable(key),
            _ => None,
        };
        let freed = replaceable.map_or(0, |at| self.pieces[at].as_slice().len());
        if self.weight() - freed >= max {
            return Pushed::Full;
        }
        self.changed(|outbox| {
            if let Some(at) = replaceable {
                outbox.remove(at);
            }
            match (frame, note.class) {
                (Frame::Log(bytes), Class::Latest(key)) => {
                    outbox.add(Piece::Latest(key, Bytes::copy_from_slice(bytes)));
                }
                (Frame::Shared(bytes), Class::Latest(key)) => outbox.add(Piece::Latest(key, bytes.clone())),
                (Frame::Shared(bytes), _) => outbox.add(Piece::Shared(bytes.clone(), note.messages)),
                (Frame::Log(bytes), _) => outbox.append(bytes, note.messages),
            }
        });
        if replaceable.is_some() { Pushed::Replaced } else { Pushed::Kept }
    }

    /// Puts control bytes behind the first piece; false if the outbox holds its maximum.
    pub(crate) fn push_control(&mut self, bytes: &[u8], max: usize) -> bool {
        if self.weight() >= max {
            return false;
        }
        self.changed(|outbox| {
            outbox.control.extend_from_slice(bytes);
            outbox.bytes += bytes.len();
        });
        true
    }

    /// What is to be written next.
    pub(crate) fn chunk(&self) -> &[u8] {
        let control = &self.control[self.control_sent..];
        match self.pieces.front() {
            Some(piece) if self.begun || control.is_empty() => &piece.as_slice()[self.sent..],
            _ => control,
        }
    }

    /// The stream took `count` bytes of [`Self::chunk`].
    pub(crate) fn advance(&mut self, count: usize, now: Instant) {
        self.progress = now;
        self.taken = self.taken.wrapping_add(count);
        let from_control = !self.begun && self.control_sent < self.control.len();
        self.changed(|outbox| {
            outbox.bytes -= count;
            if from_control { outbox.advance_control(count) } else { outbox.advance_piece(count) }
        });
    }

    fn advance_control(&mut self, count: usize) {
        self.control_sent += count;
        if self.control_sent == self.control.len() {
            self.control = Vec::new();
            self.control_sent = 0;
        }
    }

    fn advance_piece(&mut self, count: usize) {
        self.sent += count;
        self.begun = true;
        if self.pieces.front().is_some_and(|piece| piece.as_slice().len() == self.sent) {
            self.begun = false;
            self.sent = 0;
            self.pop();
            self.skip_holes();
        }
    }

    /// Takes all frames out, in order, control bytes first.
    pub(crate) fn drain(&mut self) -> Vec<(Bytes, Note)> {
        self.changed(|outbox| {
            outbox.bytes = 0;
            outbox.latest.clear();
            outbox.first += outbox.pieces.len() as u64;
            outbox.holes = 0;
            outbox.begun = false;
            let control = std::mem::take(&mut outbox.control).split_off(std::mem::take(&mut outbox.control_sent));
            let mut skip = std::mem::take(&mut outbox.sent);
            let pieces = std::mem::take(&mut outbox.pieces).into_iter().map(|piece| {
                let messages = piece.messages() as u32;
                let (bytes, class) = match piece {
                    Piece::Own(bytes, _) => (Bytes::from(bytes), Class::Reliable),
                    Piece::Shared(bytes, _) => (bytes, Class::Reliable),
                    Piece::Latest(key, bytes) => (bytes, Class::Latest(key)),
                    Piece::Nothing => (Bytes::new(), Class::Reliable),
                };
                (bytes.slice(std::mem::take(&mut skip)..), Note { class, messages })
            });
            let all = std::iter::once((Bytes::from(control), Note::OWN)).chain(pieces);
            all.filter(|(bytes, _)| !bytes.is_empty()).collect()
        })
    }

    /// What waits, in the order of [`Self::chunk`].
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut pieces = self.pieces.iter().map(Piece::as_slice);
        let control = &self.control[self.control_sent..];
        let begun = if self.begun { pieces.next().map(|piece| &piece[self.sent..]) } else { None };
        begun.into_iter().chain([control]).chain(pieces).filter(|bytes| !bytes.is_empty())
    }

    fn append(&mut self, bytes: &[u8], messages: u32) {
        self.bytes += bytes.len();
        // What comes after a control frame must not get in front of it: the frame may be a pong, and this a good-bye.
        let control_next = self.begun && self.pieces.len() == 1 && !self.control.is_empty();
        match self.pieces.back_mut() {
            Some(Piece::Own(last, count)) if !control_next && last.len() + bytes.len() <= SHARED_BYTES => {
                last.extend_from_slice(bytes);
                *count += messages;
            }
            _ => self.pieces.push_back(Piece::Own(bytes.to_vec(), messages)),
        }
    }

    fn add(&mut self, piece: Piece) {
        self.bytes += piece.as_slice().len();
        if let Piece::Latest(key, _) = piece {
            self.latest.insert(key, self.first + self.pieces.len() as u64);
        }
        self.pieces.push_back(piece);
    }

    /// Where the waiting piece of a key is, unless the peer has a part of it.
    fn replaceable(&self, key: Key) -> Option<usize> {
        let at = (self.latest.get(&key)? - self.first) as usize;
        (at > 0 || !self.begun).then_some(at)
    }

    fn remove(&mut self, at: usize) {
        let removed = std::mem::replace(&mut self.pieces[at], Piece::Nothing);
        self.bytes -= removed.as_slice().len();
        if let Piece::Latest(key, _) = removed {
            self.latest.remove(&key);
        }
        self.holes += 1;
        self.skip_holes();
        if self.holes > 32 && self.holes > self.pieces.len() / 2 {
            self.compact();
        }
    }

    fn pop(&mut self) {
        if let Some(piece) = self.pieces.pop_front() {
            if let Piece::Latest(key, _) = piece
                && self.latest.get(&key) == Some(&self.first)
            {
                self.latest.remove(&key);
            }
            self.first += 1;
        }
    }

    /// No hole stands first, where [`Self::chunk`] looks, nor last, where most of them arise.
    fn skip_holes(&mut self) {
        while let Some(Piece::Nothing) = self.pieces.front() {
            self.pop();
            self.holes -= 1;
        }
        while let Some(Piece::Nothing) = self.pieces.back() {
            self.pieces.pop_back();
            self.holes -= 1;
        }
    }

    fn compact(&mut self) {
        self.pieces.retain(|piece| !matches!(piece, Piece::Nothing));
        self.holes = 0;
        self.latest.clear();
        for (at, piece) in self.pieces.iter().enumerate() {
            if let Piece::Latest(key, _) = piece {
                self.latest.insert(*key, self.first + at as u64);
            }
        }
    }

    /// Does something and settles the difference with the account.
    fn changed<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.weight();
        let result = change(self);
        self.account.settle(before, self.weight());
        result
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.account.settle(self.weight(), 0);
    }
}

#[cfg(test)]
mod tests;
