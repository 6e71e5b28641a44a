//! Draining: orders into the log, in the inbox's order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use roomcast::{Class, Delivery, Outgoing};

use crate::codecs::CodecId;
use crate::guard;
use crate::key::Key;
use crate::lane::Lane;
use crate::log::Span;
use crate::order::Order;
use crate::outbox::Pushed;

/// Recipients that a turn serves at most.
const RECIPIENTS_MAX: usize = 65_536;
/// What adopting a connection counts like.
const ADOPTION_COST: usize = 1_024;

/// A delivery that is being given out. It stays open over turns, and nothing behind it overtakes.
pub(crate) struct Cursor {
    delivery: Delivery,
    bytes: usize,
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
            left = left.saturating_sub(if matches!(order, Order::Adopt(_)) { ADOPTION_COST } else { 1 });
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        let bytes = order.size();
        if let Order::Deliver(delivery) = order {
            self.cursor = Some(Cursor { delivery, bytes, tile: 0, spans: Encodings::default() });
            return;
        }
        self.done += bytes;
        match order {
            Order::Write { to, bytes } => self.write_staged(to, bytes),
            Order::Reply { to, socket, answer, counted } => self.reply(to, socket, answer, counted),
            Order::Closed(closed) => self.socket_closed(closed),
            Order::Outcome { socket, result } => self.socket_outcome(socket, result),
            Order::NoPlace { to, namespace, refusal } => self.socket_refused(to, &namespace, &refusal, true),
            Order::Message { to, message } => {
                self.call_or_close(to, |protocol, cx| protocol.handle_message(message, cx));
            }
            Order::Close { to, close } => self.begin_close(to, &close),
            Order::HandOver { from, to } => self.hand_over(from, to),
            Order::Adopt(adoption) => self.adopt(*adoption),
            Order::Drain { over } => self.begin_drain(over),
            Order::Stop => self.stop(),
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
        self.counters().deliveries.add(served);
        if cursor.tile < cursor.delivery.tiles.len() {
            self.cursor = Some(cursor);
        } else {
            self.done += cursor.bytes;
        }
        left.saturating_sub(served.max(1))
    }

    fn deliver_tile(&mut self, cursor: &mut Cursor, tile: roomcast::Tile) -> usize {
        let Self { table, log, spans, dirty, held_hits, codecs, encoded, shared, .. } = self;
        let mut encoder = Encoder { delivery: &cursor.delivery, codecs, encoded, shared };
        let encodings = &mut cursor.spans;
        let count = table.recipients(tile, cursor.delivery.clock, |binding| {
            let Some(span) = encodings.get(binding.codec, |codec| encoder.encode(codec, log)) else { return };
            if binding.held {
                held_hits.push(binding.route);
            } else if log.give(&mut spans[binding.route as usize], span) {
                dirty.push_back(binding.route);
            }
        });
        if !self.held_hits.is_empty() {
            self.hold_deliveries(cursor);
        }
        count
    }

    /// Copies a delivery for those of a tile whose clients have not heard that they are connected.
    fn hold_deliveries(&mut self, cursor: &Cursor) {
        for at in std::mem::take(&mut self.held_hits) {
            let Some(held) = self.held.get_mut(at as usize) else { continue };
            let Some(connection) = self.connections.get(held.connection.index as usize) else { continue };
            let Some(Some(Encoding::Done(span))) = cursor.spans.0.get(connection.codec.0 as usize) else { continue };
            let max = connection.wire.outbox_limit().unwrap_or(self.limits.outbox_bytes_max);
            let mut full = false;
            for (frame, class) in self.log.frames_of(*span) {
                match held.outbox.push(frame, class, max) {
                    Pushed::Kept => {}
                    Pushed::Replaced => self.shared.counters.replaced_latest.add(1),
                    Pushed::Dropped => self.shared.counters.dropped_volatile.add(1),
                    Pushed::Full => full = true,
                }
            }
            if full {
                let (key, queued) = (held.connection, held.outbox.bytes());
                self.cut_off(key, queued);
            }
        }
    }

    /// Appends output to the log, for one connection.
    pub(crate) fn append(&mut self, key: Key, frame: &[u8], class: Class) {
        if self.connection(key).is_some() {
            let span = self.log.append(frame, class);
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

    /// Moves what a protocol queued while it was reading into the log.
    fn write_staged(&mut self, to: Key, bytes: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend(self.staged.drain(..bytes.min(self.staged.len())));
        self.append(to, &scratch, Class::Reliable);
        self.scratch = scratch;
    }
}

impl Encodings {
    /// The delivery's span for a codec, encoding it if this is the first recipient that speaks it.
    fn get(&mut self, codec: CodecId, encode: impl FnOnce(CodecId) -> Encoding) -> Option<Span> {
        let at = codec.0 as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        match *self.0[at].get_or_insert_with(|| encode(codec)) {
            Encoding::Done(span) => Some(span),
            Encoding::Failed => None,
        }
    }
}

struct Encoder<'a> {
    delivery: &'a Delivery,
    codecs: &'a mut Vec<std::sync::Arc<dyn roomcast::Codec>>,
    encoded: &'a mut bytes::BytesMut,
    shared: &'a crate::shared::LaneShared,
}

impl Encoder<'_> {
    /// A codec writes into a buffer of its own, so that an error, a panic or a wrong codec cannot harm the log.
    fn encode(&mut self, codec: CodecId, log: &mut crate::log::TurnLog) -> Encoding {
        let counters = &self.shared.counters;
        counters.encodes.add(1);
        let at = codec.0 as usize;
        while self.codecs.len() <= at
            && let Some(next) = self.shared.codecs.get(CodecId(self.codecs.len() as u8))
        {
            self.codecs.push(next);
        }
        let Some(codec) = self.codecs.get(at) else { return Encoding::Failed };
        let out = Outgoing {
            message: &self.delivery.message,
            namespace: self.delivery.namespace.name(),
            ack: self.delivery.ack,
        };
        self.encoded.clear();
        let (encoded, event) = (&mut *self.encoded, self.delivery.message.event());
        match catch_unwind(AssertUnwindSafe(|| codec.encode(&out, encoded))) {
            Ok(Ok(())) => return Encoding::Done(log.append_encoded(self.encoded, self.delivery.message.class())),
            Ok(Err(error)) => tracing::debug!("event {event:?} was not sent: {error}"),
            Err(panic) => tracing::error!("a codec panicked at event {event:?}: {}", guard::text(&*panic)),
        }
        counters.encode_errors.add(1);
        Encoding::Failed
    }
}
