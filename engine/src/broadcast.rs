//! From tiles to one delivery for each lane.

use smallvec::SmallVec;

use crate::engine::Engine;
use crate::lane::{Backlog, Delivery, Tile};
use crate::message::Message;
use crate::select::Select;
use crate::sync::{broken, epoch};
use crate::target::Expr;

/// What a broadcast found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Sockets that were selected, each counted once for each copy.
    pub matched: usize,
    /// Bytes that wait at the fullest of their lanes, this message not counted.
    pub backlog_bytes: u64,
    /// A lane had no room for more: nothing was sent to anybody.
    pub overloaded: bool,
}

/// A selection by lanes. Few engines have more lanes than cores.
#[derive(Default)]
struct Shares {
    shares: SmallVec<[Share; 4]>,
    /// Where the last tile went: tiles of one lane come together.
    last: usize,
}

struct Share {
    lane: u32,
    tiles: Vec<Tile>,
}

impl Engine {
    /// Sends a message to the members of an expression: one copy for each socket.
    pub(crate) fn broadcast(&self, expr: &Expr<'_>, message: &Message, ack: Option<u64>) -> Sent {
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (mut shares, mut matched) = (Shares::default(), 0);
        select.tiles(expr, |tile| {
            matched += tile.bits.count_ones() as usize;
            if let Some(lane) = self.core.slots.lane_of(tile.group) {
                shares.add(lane, tile);
            }
        });
        let backlog = shares.backlog(self);
        if backlog.full {
            return Sent { matched: 0, backlog_bytes: backlog.bytes, overloaded: true };
        }
        let clock = if broken("births: clock first") { self.core.slots.clock() } else { select.clock };
        shares.deliver(self, message, ack, clock);
        Sent { matched, backlog_bytes: backlog.bytes, overloaded: false }
    }
}

impl Shares {
    fn add(&mut self, lane: u32, tile: Tile) {
        if self.shares.get(self.last).is_none_or(|share| share.lane != lane) {
            self.last = self.shares.iter().position(|share| share.lane == lane).unwrap_or(self.shares.len());
            if self.last == self.shares.len() {
                self.shares.push(Share { lane, tiles: Vec::new() });
            }
        }
        self.shares[self.last].tiles.push(tile);
    }

    /// The fullest of the lanes.
    fn backlog(&self, engine: &Engine) -> Backlog {
        let lanes = self.shares.iter().filter_map(|share| engine.core.lane(share.lane));
        lanes.map(|lane| lane.backlog()).fold(Backlog::default(), |worst, backlog| Backlog {
            bytes: worst.bytes.max(backlog.bytes),
            full: worst.full || backlog.full,
        })
    }

    fn deliver(self, engine: &Engine, message: &Message, ack: Option<u64>, clock: u64) {
        for share in self.shares {
            let Some(lane) = engine.core.lane(share.lane) else { continue };
            lane.deliver(Delivery {
                message: message.clone(),
                namespace: engine.namespace.clone(),
                ack,
                clock,
                tiles: share.tiles.into(),
            });
        }
    }
}
