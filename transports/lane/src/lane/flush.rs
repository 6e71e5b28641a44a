//! Flushing: one write for each connection that got something; what a stream refuses goes to an outbox.

use std::io;

use roomcast::Class;

use crate::SMALL;
use crate::application::disconnect::DisconnectReason;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::log::{Frame, Spans};
use crate::lane::outbox::{Outbox, Pushed};
use crate::protocol::close::Close;
use crate::protocol::context::Place;

/// Connections that a turn flushes at most; between turns the sockets are looked at.
const CONNECTIONS_MAX: usize = if SMALL { 4 } else { 64 };
/// Pieces of an outbox that are written in one go.
const PIECES_MAX: usize = if SMALL { 2 } else { 16 };

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
        match self.write_spans(index, spans) {
            Ok(None) => self.after_write(index),
            Ok(Some(sent)) => self.spill(index, spans, sent),
            Err(error) => self.broken(index, &error),
        }
    }

    /// Writes all spans; `Some` with the number of bytes that went if not all did.
    fn write_spans(&mut self, index: u32, spans: Spans) -> io::Result<Option<usize>> {
        let Self { connections, log, scratch, shared, .. } = self;
        let connection = &mut connections[index as usize];
        if connection.outbox.is_some() || connection.io.is_none() {
            return Ok(Some(0));
        }
        let (io, waker) = (&mut connection.io, &connection.waker);
        let mut total = 0;
        let mut write = |bytes: &[u8]| {
            let sent = if bytes.is_empty() { 0 } else { io.write(waker, bytes)? };
            shared.counters.bytes_out.add(sent);
            shared.counters.writes.add(usize::from(sent > 0));
            total += sent;
            Ok::<_, io::Error>(sent == bytes.len())
        };
        if let Some(bytes) = log.contiguous(&spans) {
            let all = write(bytes)?;
            return Ok((!all).then_some(total));
        }
        scratch.clear();
        for piece in log.pieces(spans) {
            match piece {
                Frame::Log(bytes) => scratch.extend_from_slice(bytes),
                Frame::Shared(bytes) => {
                    if !write(scratch)? {
                        return Ok(Some(total));
                    }
                    scratch.clear();
                    if !write(bytes)? {
                        return Ok(Some(total));
                    }
                }
            }
        }
        let all = write(scratch)?;
        Ok((!all).then_some(total))
    }

    /// Puts what is left of the spans after `sent` bytes into the outbox, each frame as its class says.
    fn spill(&mut self, index: u32, spans: Spans, mut sent: usize) {
        let max = self.outbox_limit(index);
        let Self { connections, log, shared, now, .. } = self;
        let connection = &mut connections[index as usize];
        let outbox = connection.outbox.get_or_insert_with(|| Box::new(Outbox::new(&shared.budget, *now)));
        let mut full = false;
        for (frame, class) in log.frames(spans) {
            let length = frame.as_slice().len();
            if sent >= length {
                sent -= length;
                continue;
            }
            if sent > 0 {
                outbox.push_rest(frame, std::mem::take(&mut sent));
                continue;
            }
            match outbox.push(frame, class, max) {
                Pushed::Kept => {}
                Pushed::Replaced => shared.counters.replaced_latest.add(1),
                Pushed::Dropped => shared.counters.dropped_volatile.add(1),
                Pushed::Full => {
                    full = true;
                    break;
                }
            }
        }
        let queued = outbox.bytes();
        self.after_push(index, full, queued);
    }

    /// Sees to an outbox that got something: limits, the wake-up for writing, the clock for progress.
    fn after_push(&mut self, index: u32, full: bool, queued: usize) {
        let Some(key) = self.key_of(index) else { return };
        if full {
            return self.cut_off(key, queued);
        }
        if queued == 0 {
            self.connections[index as usize].outbox = None;
            return self.after_write(index);
        }
        let connection = &mut self.connections[index as usize];
        if connection.io.is_none() {
            self.call_at(key, Place::Ordered, |protocol, cx| protocol.handle_output(cx));
            self.after_write(index);
        } else {
            let (io, waker) = (&mut connection.io, &connection.waker);
            if io.want_write(waker) {
                self.make_ready(index);
            }
            self.rearm(key);
        }
        if self.shared.budget.is_exhausted() {
            self.cut_off_largest();
        }
    }

    /// The process-wide budget is exhausted: this lane's largest outbox has to go.
    fn cut_off_largest(&mut self) {
        let sizes = self.connections.iter().map(|(index, connection)| {
            (connection.outbox.as_ref().map_or(0, |outbox| outbox.bytes()), index, connection.generation)
        });
        if let Some((queued, index, generation)) = sizes.max()
            && queued > 0
        {
            self.cut_off(Key { index: index as u32, generation }, queued);
        }
    }

    /// Writes on with an outbox. False if the connection is gone.
    pub(crate) fn write_outbox(&mut self, index: u32) -> bool {
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
                    if outbox.is_empty() {
                        connection.outbox = None;
                        self.after_write(index);
                        return true;
                    }
                    if sent < length {
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
            if sent == bytes.len() {
                return;
            }
        }
        let outbox = connection.outbox.get_or_insert_with(|| Box::new(Outbox::new(&shared.budget, *now)));
        let full = if sent > 0 {
            outbox.push_rest(Frame::Log(bytes), sent);
            false
        } else {
            !outbox.push_control(bytes, max)
        };
        let queued = outbox.bytes();
        self.after_push(key.index, full, queued);
    }

    pub(crate) fn outbox_limit(&self, index: u32) -> usize {
        let wire = self.connections.get(index as usize).and_then(|connection| connection.wire.outbox_limit());
        wire.unwrap_or(self.limits.outbox_bytes_max)
    }

    /// Ends a connection that does not take its messages. No last words: they would never arrive.
    pub(crate) fn cut_off(&mut self, key: Key, queued_bytes: usize) {
        self.counters().slow_consumers.add(1);
        let reason = DisconnectReason::SlowConsumer { queued_bytes };
        tracing::debug!("connection cut off: {reason}");
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
    pub(crate) fn append_kept(&mut self, key: Key, frames: Vec<(bytes::Bytes, Class)>) {
        for (frame, class) in frames {
            if frame.len() >= crate::lane::log::SHARED_BYTES {
                let span = self.log.append_shared(frame, class);
                self.give(key.index, span);
            } else {
                self.append(key, &frame, class);
            }
        }
    }
}
