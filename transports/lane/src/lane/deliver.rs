//! Draining: orders into the log, in the inbox's order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::BytesMut;
use roomcast::{Codec, Delivery, Outgoing, Tile};

use crate::SMALL;
use crate::guard;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::connection::State;
use crate::lane::flush::Slow;
use crate::lane::held::{Held, HeldMessage};
use crate::lane::log::{Audience, Note, Span, TurnLog};
use crate::lane::outbox::Pushed;
use crate::lanes::codecs::CodecId;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;

/// Recipients that a turn serves at most.
const RECIPIENTS_MAX: usize = if SMALL { 48 } else { 65_536 };
/// What adopting a connection counts like.
const ADOPTION_COST: usize = if SMALL { 8 } else { 1_024 };
/// What is kept of the buffer for staged output when it is empty.
const STAGED_KEEP: usize = 256 * 1024;

/// A delivery that is being given out. It stays open over turns, and nothing behind it overtakes.
pub(crate) struct Cursor {
    delivery: Delivery,
    tile: usize,
    spans: Encodings,
}

/// Where a delivery stands in the log, by codec.
#[derive(Default)]
struct Encodings(Vec<Option<Encoding>>);

#[derive(Clone, Copy)]
enum Encoding {
    Done(Span),
    Failed,
}

impl Lane {
    pub(crate) fn drain_orders(&mut self) {
        let mut left = RECIPIENTS_MAX;
        while left > 0 {
            if self.cursor.is_some() {
                if self.log.is_full() && !self.dirty.is_empty() {
                    return;
                }
                left = self.deliver(left);
                continue;
            }
            if self.log.is_full() {
                return;
            }
            let Some(order) = self.orders.pop_front() else { return };
            self.obeyed += 1;
            left = left.saturating_sub(if matches!(order, Order::Adopt(_)) { ADOPTION_COST } else { 1 });
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        let bytes = order.size();
        if let Order::Deliver(delivery) = order {
            self.in_hand = bytes;
            self.cursor = Some(Cursor { delivery, tile: 0, spans: Encodings::default() });
            return;
        }
        self.done += bytes;
        match order {
            Order::Write { to, bytes } => self.write_staged(to, bytes),
            Order::WriteShared { to, frames } if self.takes_output(to) => {
                self.append_kept(to, vec![(frames, Note::OWN)]);
            }
            Order::WriteShared { .. } => {}
            Order::Reply { to, socket, answer, counted } => self.reply(to, socket, answer, counted),
            Order::Closed(closed) => self.socket_closed(closed),
            Order::Outcome { socket, result } => self.socket_outcome(socket, result),
            Order::NoPlace { to, namespace, refusal, holds_input } => {
                self.socket_refused(to, &namespace, &refusal, holds_input);
            }
            Order::Message { to, message } => {
                self.call_or_close(to, |protocol, cx| protocol.handle_message(message, cx));
            }
            Order::Close { to, close } => self.begin_close(to, &close),
            Order::HandOver { from, to } => self.hand_over(from, to),
            Order::Adopt(adoption) => self.adopt(*adoption),
            Order::Listen(acceptor) => self.listen(*acceptor),
            Order::Drain { over } => self.begin_drain(over),
            Order::Relieve => self.relieve(),
            Order::Stop => self.stop(),
            #[cfg(test)]
            Order::Fail => panic!("as asked"),
            Order::Deliver(_) => {}
        }
    }

    /// Goes on with the open delivery for about `left` recipients; returns how many are left.
    fn deliver(&mut self, left: usize) -> usize {
        let Some(mut cursor) = self.cursor.take() else { return left };
        let mut served = 0;
        while served < left
            && let Some(tile) = cursor.delivery.tiles.get(cursor.tile).copied()
        {
            served += self.deliver_tile(&mut cursor, tile);
            cursor.tile += 1;
        }
        if cursor.tile < cursor.delivery.tiles.len() {
            self.cursor = Some(cursor);
        } else {
            self.done += std::mem::take(&mut self.in_hand);
        }
        left.saturating_sub(served.max(1))
    }

    fn deliver_tile(&mut self, cursor: &mut Cursor, tile: Tile) -> usize {
        let Self { table, log, spans, dirty, held_hits, codecs, encoded, shared, .. } = self;
        let Delivery { message, namespace, ack, offset, clock, tiles } = &cursor.delivery;
        let audience = if tiles.len() == 1 && tile.bits.count_ones() == 1 { Audience::One } else { Audience::Many };
        let mut encoder = Encoder { codecs, encoded, shared, audience };
        let out = Outgoing { message, namespace: namespace.name(), ack: *ack, offset: *offset };
        let encodings = &mut cursor.spans;
        let mut unencoded = 0;
        let count = table.recipients(tile, *clock, |binding| {
            if binding.held {
                held_hits.push(binding.route);
            } else if let Some(span) = encodings.get(binding.codec, |codec| encoder.encode(codec, &out, log)) {
                if log.give(&mut spans[binding.route as usize], span) {
                    dirty.push_back(binding.route);
                }
            } else {
                unencoded += 1;
            }
        });
        let selected = tile.bits.count_ones() as usize;
        shared.counters.deliveries.add(selected);
        let lost = selected - count + unencoded;
        if lost > 0 {
            shared.counters.lost.add_shared(lost);
        }
        while let Some(at) = self.held_hits.pop() {
            self.hold_delivery(at, &cursor.delivery);
        }
        count
    }

    /// Keeps a delivery for one whose client has not heard that it is connected.
    fn hold_delivery(&mut self, at: u32, delivery: &Delivery) {
        let Some(held) = self.held.get(at as usize) else {
            return self.counters().lost.add_shared(1);
        };
        let key = held.connection;
        let max = self.outbox_limit(key.index);
        let Some(held) = self.held.get_mut(at as usize) else { return };
        match held.push(delivery, max) {
            Pushed::Kept => {}
            Pushed::Replaced => self.counters().replaced_latest.add(1),
            Pushed::Dropped => self.counters().dropped_volatile.add(1),
            Pushed::Full => {
                let queued = held.bytes();
                self.counters().lost.add_shared(1);
                self.cut_off(key, queued, Slow::OverLimit);
            }
        }
    }

    /// Gives out what was kept for a socket.
    pub(crate) fn deliver_held(&mut self, key: Key, namespace: &str, held: Held) {
        for HeldMessage { message, ack, offset } in held.into_messages() {
            let codec = self.connection(key).map(|connection| connection.codec);
            let Self { log, codecs, encoded, shared, .. } = self;
            let out = Outgoing { message: &message, namespace, ack, offset };
            let mut encoder = Encoder { codecs, encoded, shared, audience: Audience::One };
            match codec.map(|codec| encoder.encode(codec, &out, log)) {
                Some(Encoding::Done(span)) => self.give(key.index, span),
                Some(Encoding::Failed) | None => self.counters().lost.add_shared(1),
            }
        }
    }

    /// Appends output to the log, for one connection.
    pub(crate) fn append(&mut self, key: Key, frame: &[u8], note: Note) {
        if self.connection(key).is_some() {
            let span = self.log.append(Audience::One, frame, note);
            self.give(key.index, span);
        }
    }

    pub(crate) fn give(&mut self, index: u32, span: Span) {
        if let Some(spans) = self.spans.get_mut(index as usize)
            && self.log.give(spans, span)
        {
            self.dirty.push_back(index);
        }
    }

    /// Whether what a protocol queued while it was reading still goes out: nothing comes behind its last words.
    fn takes_output(&mut self, key: Key) -> bool {
        self.connection(key).is_some_and(|connection| !matches!(connection.state, State::Closing { .. }))
    }

    /// Moves what a protocol queued while it was reading into the log.
    fn write_staged(&mut self, to: Key, bytes: usize) {
        let mut staged = std::mem::take(&mut self.staged);
        let bytes = bytes.min(staged.len());
        if staged.as_slices().0.len() < bytes {
            staged.make_contiguous();
        }
        if self.takes_output(to) {
            self.append(to, &staged.as_slices().0[..bytes], Note::OWN);
        }
        staged.drain(..bytes);
        if staged.is_empty() {
            staged.shrink_to(STAGED_KEEP);
        }
        self.staged = staged;
    }
}

impl Encodings {
    /// The delivery's span for a codec, encoding it if this is the first recipient that speaks it.
    #[inline]
    fn get(&mut self, codec: CodecId, encode: impl FnOnce(CodecId) -> Encoding) -> Option<Span> {
        let encoding = match self.0.get(codec.0 as usize) {
            Some(Some(encoding)) => *encoding,
            _ => self.add(codec, encode(codec)),
        };
        match encoding {
            Encoding::Done(span) => Some(span),
            Encoding::Failed => None,
        }
    }

    #[cold]
    fn add(&mut self, codec: CodecId, encoding: Encoding) -> Encoding {
        let at = codec.0 as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(encoding);
        encoding
    }
}

struct Encoder<'a> {
    codecs: &'a mut Vec<Arc<dyn Codec>>,
    encoded: &'a mut BytesMut,
    shared: &'a LaneShared,
    audience: Audience,
}

impl Encoder<'_> {
    /// A codec writes into a buffer of its own, so that an error, a panic or a wrong codec cannot harm the log.
    fn encode(&mut self, codec: CodecId, out: &Outgoing<'_>, log: &mut TurnLog) -> Encoding {
        let counters = &self.shared.counters;
        counters.encodes.add(1);
        let at = codec.0 as usize;
        while self.codecs.len() <= at
            && let Some(next) = self.shared.codecs.get(CodecId(self.codecs.len() as u8))
        {
            self.codecs.push(next);
        }
        let (event, note) = (out.message.event(), Note::message(out.message.class()));
        self.encoded.clear();
        let (codec, encoded) = (self.codecs.get(at), &mut *self.encoded);
        match catch_unwind(AssertUnwindSafe(|| codec.map(|codec| codec.encode(out, encoded)))) {
            Ok(Some(Ok(()))) => return Encoding::Done(log.append_encoded(self.audience, self.encoded, note)),
            Ok(Some(Err(error))) => tracing::debug!("event {event:?} was not sent: {error}"),
            Ok(None) => tracing::error!("event {event:?} was not sent: its codec is not registered with these lanes"),
            Err(panic) => tracing::error!("a codec panicked at event {event:?}: {}", guard::text(&*panic)),
        }
        counters.encode_errors.add(1);
        Encoding::Failed
    }
}
