//! Flushing: one write for each connection that got something; what a stream refuses goes to an outbox.

use std::io;

use bytes::Bytes;
use roomcast::Class;

use crate::SMALL;
use crate::application::disconnect::DisconnectReason;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::connection::Holds;
use crate::lane::log::{Frame, Note, SHARED_BYTES, Spans};
use crate::lane::outbox::{Outbox, Pushed};
use crate::protocol::close::Close;

/// Connections that a turn flushes at most; between turns the sockets are looked at.
const CONNECTIONS_MAX: usize = if SMALL { 4 } else { 64 };
/// Pieces of an outbox that are written in one go.
const PIECES_MAX: usize = if SMALL { 2 } else { 16 };

/// Why a connection is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slow {
    /// More waits for it than may.
    OverLimit,
    /// It took nothing for too long.
    Stalled,
    /// More waits for all connections together than may, and for it most.
    OverBudget,
}

impl Lane {
    pub(crate) fn flush_some(&mut self) {
        for _ in 0..CONNECTIONS_MAX {
            let Some(index) = self.dirty.pop_front() else { break };
            self.flush(index);
        }
        if self.dirty.is_empty() && self.cursor.is_none() && !self.log.is_empty() {
            self.log.clear();
        }
    }

    /// Writes what a connection got so far, before its turn.
    pub(crate) fn flush_now(&mut self, key: Key) {
        if self.connection(key).is_some() {
            self.flush(key.index);
        }
    }

    /// Writes what a connection got this turn.
    fn flush(&mut self, index: u32) {
        let Some(spans) = self.spans.get_mut(index as usize) else { return };
        let spans = std::mem::replace(spans, Spans::EMPTY);
        // The index may stand in the queue for a connection that is gone.
        if spans.is_empty() || !self.connections.contains(index as usize) {
            return;
        }
        let (sent, result) = self.write_spans(index, spans);
        match result {
            Ok(true) => self.after_write(index),
            Ok(false) => self.spill(index, spans, sent),
            Err(error) => {
                self.counters().lost.add_shared(self.log.messages(spans, sent));
                self.broken(index, &error);
            }
        }
    }

    /// Writes all spans. How many bytes went, and whether they were all, and none is left in the stream.
    fn write_spans(&mut self, index: u32, spans: Spans) -> (usize, io::Result<bool>) {
        let Self { connections, log, scratch, shared, .. } = self;
        let connection = &mut connections[index as usize];
        let mut total = 0;
        if connection.outbox.is_some() || connection.io.is_none() {
            return (total, Ok(false));
        }
        let (io, waker) = (&mut connection.io, &connection.waker);
        let mut write = |bytes: &[u8]| {
            let sent = if bytes.is_empty() { 0 } else { io.write(waker, bytes)? };
            shared.counters.bytes_out.add(sent);
            shared.counters.writes.add(usize::from(sent > 0));
            total += sent;
            Ok(sent == bytes.len())
        };
        let result = match log.contiguous(&spans) {
            Some(bytes) => write(bytes),
            None => gather(log.pieces(spans), scratch, &mut write),
        };
        (total, result.map(|all| all && connection.io.held() == 0))
    }

    /// Puts what is left of the spans after `sent` bytes into the outbox, each frame as its class says.
    fn spill(&mut self, index: u32, spans: Spans, mut sent: usize) {
        let max = self.outbox_limit(index);
        let Self { connections, log, shared, now, .. } = self;
        let connection = &mut connections[index as usize];
        let keeps_up = connection.outbox.is_none()
            && connection.io.is_none()
            && connection.protocol.as_ref().is_some_and(|protocol| protocol.takes_output());
        let outbox = connection.outbox.get_or_insert_with(|| Box::new(Outbox::new(shared.account(), *now)));
        let (mut full, mut lost) = (false, 0);
        for (frame, mut note) in log.frames(spans) {
            if keeps_up && note.class == Class::Volatile {
                note.class = Class::Reliable;
            }
            let length = frame.as_slice().len();
            if sent >= length {
                sent -= length;
                continue;
            }
            if sent > 0 {
                outbox.push_rest(frame, note.messages, std::mem::take(&mut sent));
                continue;
            }
            match if full { Pushed::Full } else { outbox.push(frame, note, max) } {
                Pushed::Kept => {}
                Pushed::Replaced => shared.counters.replaced_latest.add(1),
                Pushed::Dropped => shared.counters.dropped_volatile.add(1),
                Pushed::Full => (full, lost) = (true, lost + note.messages as usize),
            }
        }
        shared.counters.lost.add_shared(lost);
        outbox.stream_holds(connection.io.held(), *now);
        let queued = outbox.bytes();
        self.after_push(index, full, queued);
    }

    /// Sees to an outbox that got something: limits, the wake-up for writing, the clock for progress.
    fn after_push(&mut self, index: u32, full: bool, queued: usize) {
        let Some(key) = self.key_of(index) else { return };
        if full {
            return self.cut_off(key, queued, Slow::OverLimit);
        }
        if queued == 0 {
            self.connections[index as usize].outbox = None;
            return self.after_write(index);
        }
        let (max, now) = (self.outbox_limit(index), self.now);
        let connection = &mut self.connections[index as usize];
        if connection.io.is_none() {
            self.call_or_close(key, |protocol, cx| protocol.handle_output(cx));
            self.after_write(index);
        } else {
            if queued > max / 2 {
                connection.hold_for_output(max, now);
            }
            let (io, waker) = (&mut connection.io, &connection.waker);
            if io.want_write(waker) {
                self.make_ready(index);
            }
            self.rearm(key);
        }
        self.mind_budget(queued);
    }

    /// Writes on with an outbox. False if the connection is gone.
    pub(crate) fn write_outbox(&mut self, index: u32) -> bool {
        let is_there = self.write_pieces(index);
        if is_there && let Some(key) = self.key_of(index) {
            self.release_output(key);
        }
        is_there
    }

    /// Hears a peer again that has taken enough.
    fn release_output(&mut self, key: Key) {
        let max = self.outbox_limit(key.index);
        if self.connection(key).is_some_and(|connection| connection.has_taken_enough(max)) {
            self.release(key, Holds::OUTPUT);
        }
    }

    fn write_pieces(&mut self, index: u32) -> bool {
        let Self { connections, shared, now, .. } = self;
        let Some(connection) = connections.get_mut(index as usize) else { return false };
        let (io, waker) = (&mut connection.io, &connection.waker);
        let Some(outbox) = connection.outbox.as_mut().filter(|_| !io.is_none()) else { return true };
        for _ in 0..PIECES_MAX {
            let chunk = outbox.chunk();
            let length = chunk.len();
            match io.write(waker, chunk) {
                Ok(sent) => {
                    shared.counters.bytes_out.add(sent);
                    shared.counters.writes.add(usize::from(sent > 0));
                    if sent > 0 {
                        outbox.advance(sent, *now);
                    }
                    let held = io.held();
                    outbox.stream_holds(held, *now);
                    if outbox.is_empty() {
                        connection.outbox = None;
                        self.after_write(index);
                        return true;
                    }
                    if sent < length || held > 0 {
                        if io.want_write(waker) {
                            self.make_ready(index);
                        }
                        return true;
                    }
                }
                Err(error) => {
                    self.broken(index, &error);
                    return false;
                }
            }
        }
        self.make_ready(index);
        true
    }

    /// Writes control bytes at once, or behind the frame that is on its way.
    pub(crate) fn write_control(&mut self, key: Key, bytes: &[u8]) {
        if self.connection(key).is_some_and(|connection| std::mem::take(&mut connection.greets)) {
            self.flush_now(key);
        }
        let max = self.outbox_limit(key.index);
        let Self { connections, shared, now, .. } = self;
        let Some(connection) = connections.get_mut(key.index as usize) else { return };
        let mut sent = 0;
        if connection.outbox.is_none() && !connection.io.is_none() {
            match connection.io.write(&connection.waker, bytes) {
                Ok(count) => sent = count,
                Err(error) => return self.broken(key.index, &error),
            }
            shared.counters.bytes_out.add(sent);
            shared.counters.writes.add(usize::from(sent > 0));
            if sent == bytes.len() && connection.io.held() == 0 {
                return;
            }
        }
        let outbox = connection.outbox.get_or_insert_with(|| Box::new(Outbox::new(shared.account(), *now)));
        outbox.stream_holds(connection.io.held(), *now);
        let full = if sent == 0 {
            !outbox.push_control(bytes, max)
        } else {
            if sent < bytes.len() {
                outbox.push_rest(Frame::Log(bytes), Note::OWN.messages, sent);
            }
            false
        };
        let queued = outbox.bytes();
        self.after_push(key.index, full, queued);
    }

    pub(crate) fn outbox_limit(&self, index: u32) -> usize {
        let wire = self.connections.get(index as usize).and_then(|connection| connection.wire.outbox_limit());
        wire.unwrap_or(self.limits.outbox_bytes_max)
    }

    /// Ends a connection that does not take its messages. No last words: they would never arrive.
    pub(crate) fn cut_off(&mut self, key: Key, queued_bytes: usize, why: Slow) {
        let counters = self.counters();
        counters.slow_consumers.add(1);
        match why {
            Slow::OverLimit => counters.slow_over_limit.add(1),
            Slow::Stalled => counters.slow_stalled.add(1),
            Slow::OverBudget => counters.slow_over_budget.add(1),
        }
        let reason = DisconnectReason::SlowConsumer { queued_bytes };
        tracing::debug!("connection cut off: {reason}, {why:?}");
        if let Some(connection) = self.connection(key) {
            connection.io.reset();
        }
        self.remove(key, &Close::new(1008, "slow consumer", reason));
    }

    /// The stream failed.
    pub(crate) fn broken(&mut self, index: u32, error: &io::Error) {
        tracing::debug!("connection lost: {error}");
        if let Some(key) = self.key_of(index) {
            self.remove(key, &Close::new(1006, "", DisconnectReason::TransportError));
        }
    }

    /// Gives a connection frames that were kept elsewhere.
    pub(crate) fn append_kept(&mut self, key: Key, frames: Vec<(Bytes, Note)>) {
        for (frame, note) in frames {
            if self.connection(key).is_none() {
                self.counters().lost.add_shared(note.messages as usize);
            } else if frame.len() >= SHARED_BYTES {
                let span = self.log.append_shared(frame, note);
                self.give(key.index, span);
            } else {
                self.append(key, &frame, note);
            }
        }
    }
}

/// Writes pieces: shared ones by themselves, what lies between them copied together. Whether all went.
fn gather<'a>(
    pieces: impl Iterator<Item = Frame<'a>>,
    scratch: &mut Vec<u8>,
    write: &mut impl FnMut(&[u8]) -> io::Result<bool>,
) -> io::Result<bool> {
    scratch.clear();
    for piece in pieces {
        match piece {
            Frame::Log(bytes) => scratch.extend_from_slice(bytes),
            Frame::Shared(bytes) => {
                if !write(scratch)? || !write(bytes)? {
                    return Ok(false);
                }
                scratch.clear();
            }
        }
    }
    write(scratch)
}
