//! Reading: bytes from streams to protocols.

use std::io;

use crate::SMALL;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::connection::{Connection, ENDED, State};
use crate::lane::input::{Input, ROOM_BYTES};
use crate::lanes::order::Order;
use crate::protocol::Progress;
use crate::protocol::close::{Close, Farewell};
use crate::protocol::context::Place;

/// Connections that a turn reads at most, once each.
const CONNECTIONS_MAX: usize = if SMALL { 4 } else { 64 };
/// Connections that a turn reads when the lane is behind, beside new ones.
const BEHIND_MAX: usize = if SMALL { 1 } else { 4 };

/// What a read came to.
enum Came {
    Bytes { count: usize, more: bool },
    Nothing,
    End,
}

/// Bytes of orders that one call may make before its peer waits for the next turn, and no more than a quarter of what may
/// wait for it.
const FED_BYTES: usize = if SMALL { 1 << 10 } else { 256 << 10 };

impl Came {
    fn count(came: &io::Result<Self>) -> usize {
        if let Ok(Self::Bytes { count, .. }) = came { *count } else { 0 }
    }
}

impl Lane {
    /// Reads, and takes the orders that this made.
    pub(crate) fn read_some(&mut self) {
        if self.is_behind() {
            let before = self.orders.len();
            self.read_few();
            self.take_orders();
            self.reads_at = self.reads_at.max(self.obeyed) + (self.orders.len() - before) as u64;
        } else {
            self.reads_at = self.obeyed;
            self.read_ready();
            self.take_orders();
        }
    }

    fn read_ready(&mut self) {
        for _ in 0..CONNECTIONS_MAX.min(self.unread.len() + self.ready.len()) {
            if let Some(index) = self.next_unread() {
                self.read_due(index);
            } else if let Some(index) = self.next_ready() {
                if self.write_outbox(index) {
                    self.read_due(index);
                }
            } else {
                return;
            }
        }
    }

    /// Lets the ready connections write, and reads new ones and a few of the others.
    fn read_few(&mut self) {
        for _ in 0..CONNECTIONS_MAX.min(self.ready.len()) {
            let Some(index) = self.next_ready() else { break };
            if !self.write_outbox(index) {
                continue;
            }
            if self.connections.get(index as usize).is_some_and(|connection| connection.wire.is_mute()) {
                self.read_due(index);
            } else {
                self.put_off(index);
            }
        }
        for _ in 0..if self.reads_at <= self.obeyed { BEHIND_MAX } else { 0 } {
            let Some(index) = self.next_unread() else { return };
            self.read_due(index);
        }
    }

    /// Puts a connection at the end of those to be read, unless it stands there.
    fn put_off(&mut self, index: u32) {
        if let Some(connection) = self.connections.get_mut(index as usize)
            && !std::mem::replace(&mut connection.unread, true)
        {
            self.unread.push_back(index);
        }
    }

    fn next_ready(&mut self) -> Option<u32> {
        let index = self.ready.pop_front()?;
        if let Some(connection) = self.connections.get_mut(index as usize) {
            connection.queued = false;
        }
        Some(index)
    }

    fn next_unread(&mut self) -> Option<u32> {
        let index = self.unread.pop_front()?;
        if let Some(connection) = self.connections.get_mut(index as usize) {
            connection.unread = false;
        }
        Some(index)
    }

    /// Reads a connection, and has the deadline looked at that passed before.
    fn read_due(&mut self, index: u32) {
        self.read(index);
        if let Some(connection) = self.connections.get(index as usize)
            && connection.overdue
            && !connection.io.is_none()
        {
            self.overdue.push(Key { index, generation: connection.generation });
        }
    }

    fn read(&mut self, index: u32) {
        let Some(key) = self.key_of(index) else { return };
        let connection = &mut self.connections[index as usize];
        if let State::Closing { farewell: Farewell::Finish, .. } = connection.state {
            return self.discard(index);
        }
        if !connection.takes_input() {
            return self.read_held(key);
        }
        if connection.io.is_none() {
            return self.go_on(key);
        }
        if std::mem::take(&mut connection.unseen)
            && let Some(input) = connection.input.take_if(|input| input.is_complete())
        {
            self.feed_kept(key, input);
            return self.make_ready(index);
        }
        if connection.peer_ended {
            return self.peer_ended(key);
        }
        let came = match connection.input.take() {
            Some(input) if !input.is_small() => self.read_behind(key, input),
            small => self.read_shared(key, small),
        };
        match came {
            Ok(Came::Bytes { more: true, .. }) => self.make_ready(index),
            Ok(Came::Bytes { .. } | Came::Nothing) => {}
            Ok(Came::End) => self.peer_ended(key),
            Err(error) => self.broken(index, &error),
        }
    }

    /// Reads into the lane's buffer, behind a copy of what waits.
    fn read_shared(&mut self, key: Key, kept: Option<Box<Input>>) -> io::Result<Came> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let length = kept.as_ref().map_or(0, |kept| kept.len());
        if let Some(kept) = &kept {
            buffer[..length].copy_from_slice(kept.as_slice());
        }
        let came = read_stream(&mut self.connections[key.index as usize], &mut buffer[length..]);
        if let Ok(Came::Bytes { count, .. }) = came {
            self.shared.counters.bytes_in.add(count);
            let want = kept.as_ref().map_or(0, |kept| kept.want());
            let total = length + count;
            let progress =
                if total < want { Progress::default().wanting(want) } else { self.feed(key, &mut buffer[..total]) };
            let used = progress.used.min(total);
            self.keep(key, (used < total).then(|| Box::new(Input::new(buffer[used..total].to_vec(), progress.want))));
        } else {
            self.keep(key, kept);
        }
        self.buffer = buffer;
        came
    }

    /// Reads behind what waits, in its own buffer.
    fn read_behind(&mut self, key: Key, mut input: Box<Input>) -> io::Result<Came> {
        let connection = &mut self.connections[key.index as usize];
        let came = input.read(|space| read_stream(connection, space), Came::count);
        if let Ok(Came::Bytes { count, .. }) = came {
            self.shared.counters.bytes_in.add(count);
            if input.is_complete() {
                self.feed_kept(key, input);
                return came;
            }
        }
        self.keep(key, Some(input));
        came
    }

    /// Reads a little while input is held, so that an end of the peer is noticed. It is made ready again when it is released.
    fn read_held(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        if connection.state != State::Open || connection.peer_ended {
            return;
        }
        let mut input = connection.input.take().unwrap_or_default();
        let is_deaf = input.is_enough_to_hold();
        let came = match is_deaf {
            true => Ok(Came::Nothing),
            false => self.read_little(key, &mut input),
        };
        let Some(connection) = self.connection(key) else { return };
        let count = Came::count(&came);
        connection.unseen |= count > 0;
        connection.peer_ended = matches!(came, Ok(Came::End));
        if connection.peer_ended || is_deaf && connection.io.has_ended() {
            connection.held_until.get_or_insert(now + ENDED);
        }
        let is_over = connection.peer_ended && input.len() == 0;
        connection.input = (input.len() > 0).then_some(input);
        self.counters().bytes_in.add(count);
        match came {
            Ok(Came::Bytes { more: true, .. }) => self.make_ready(key.index),
            Ok(Came::End) if is_over => self.peer_ended(key),
            Ok(_) => self.rearm(key),
            Err(error) => self.broken(key.index, &error),
        }
    }

    /// Reads a little behind what waits, by way of the lane's buffer: mostly nothing comes.
    fn read_little(&mut self, key: Key, input: &mut Input) -> io::Result<Came> {
        let Self { connections, buffer, .. } = self;
        let came = read_stream(&mut connections[key.index as usize], &mut buffer[..ROOM_BYTES]);
        input.append(&buffer[..Came::count(&came)]);
        came
    }

    /// A deadline of a connection whose input is held. An end behind more than is read meanwhile is found only here.
    pub(crate) fn time_out_hold(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        if connection.is_deaf() && connection.io.has_ended() {
            connection.held_until.get_or_insert(now + ENDED);
        }
        let is_held = connection.state == State::Open && connection.holds.any();
        if is_held && connection.held_until.is_some_and(|until| until <= now) {
            self.peer_ended(key);
        }
    }

    /// Whether a call has made so many orders that they should be worked on before the peer is heard further: a little input may
    /// ask for much output.
    pub(crate) fn is_fed(&self, key: Key, orders_before: u64) -> bool {
        let max = FED_BYTES.min(self.outbox_limit(key.index) / 4).max(1);
        self.shared.inbox.bytes().saturating_sub(orders_before) >= max as u64
    }

    fn feed_kept(&mut self, key: Key, mut input: Box<Input>) {
        let progress = self.feed(key, input.as_mut_slice());
        let used = progress.used.min(input.len());
        let rest = (used < input.len()).then(|| {
            input.consume(used, progress.want);
            input
        });
        self.keep(key, rest);
    }

    fn keep(&mut self, key: Key, input: Option<Box<Input>>) {
        let is_fed = std::mem::take(&mut self.fed);
        if let Some(connection) = self.connection(key)
            && connection.state != State::Ending
        {
            let is_there = input.is_some();
            connection.unseen |= (connection.holds.any() || is_fed) && is_there;
            connection.input = input;
            // What the former protocol left is not shown to this one by a further read: none may come.
            if is_there && connection.unseen && !connection.holds.any() {
                self.make_ready(key.index);
            }
        }
    }

    /// Gives a protocol its input.
    fn feed(&mut self, key: Key, input: &mut [u8]) -> Progress {
        let orders_before = self.shared.inbox.bytes();
        match self.call_at(key, Place::Reading, |protocol, cx| protocol.handle_input(input, cx)) {
            Some(Ok(progress)) => {
                self.fed = self.is_fed(key, orders_before);
                progress
            }
            Some(Err(close)) => {
                self.end_input(key, close);
                Progress::used(input.len())
            }
            None => Progress::used(input.len()),
        }
    }

    /// The protocol wants to hear no more. The close takes the way of all output, behind what was queued.
    pub(crate) fn end_input(&mut self, key: Key, close: Close) {
        let Some(connection) = self.connection(key) else { return };
        connection.input = None;
        match &mut connection.state {
            State::Closing { farewell, .. } => {
                *farewell = Farewell::Finish;
                self.step_closing(key);
            }
            State::Ending => {}
            state @ State::Open => {
                *state = State::Ending;
                self.shared.push(Order::Close { to: key, close });
            }
        }
    }

    fn peer_ended(&mut self, key: Key) {
        let Some(connection) = self.connection(key) else { return };
        connection.peer_ended = true;
        if matches!(connection.state, State::Closing { .. }) {
            return self.end_input(key, Close::ended());
        }
        if let Some(close) = self.call_at(key, Place::Reading, |protocol, cx| protocol.handle_end(cx)) {
            self.end_input(key, close);
        }
    }

    /// Reads to the end what nobody wants, so that closing the stream does not destroy our last words on their way.
    fn discard(&mut self, index: u32) {
        let Some(key) = self.key_of(index) else { return };
        let connection = &mut self.connections[index as usize];
        match read_stream(connection, &mut self.buffer) {
            Ok(Came::Bytes { more: true, .. }) => self.make_ready(index),
            Ok(Came::Bytes { .. } | Came::Nothing) => {}
            Ok(Came::End) => connection.peer_ended = true,
            Err(error) => return self.broken(index, &error),
        }
        self.step_closing(key);
    }

    /// Lets a stream-less connection go on with what it put aside.
    fn go_on(&mut self, key: Key) {
        if let Some(Err(close)) = self.call_at(key, Place::Reading, |protocol, cx| protocol.handle_ready(cx)) {
            self.end_input(key, close);
        }
    }

    /// A reason to hold input is gone.
    pub(crate) fn release(&mut self, key: Key, reason: u8) {
        if let Some(connection) = self.connection(key)
            && connection.holds.clear(reason)
        {
            self.make_ready(key.index);
        }
    }
}

fn read_stream(connection: &mut Connection, into: &mut [u8]) -> io::Result<Came> {
    if connection.io.is_none() {
        return Ok(Came::Nothing);
    }
    match connection.io.read(&connection.waker, into) {
        Ok(0) => Ok(Came::End),
        Ok(count) => Ok(Came::Bytes { count, more: count == into.len() || connection.io.rearm(&connection.waker) }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Came::Nothing),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Came::Bytes { count: 0, more: true }),
        Err(error) => Err(error),
    }
}
