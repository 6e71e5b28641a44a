//! From tiles to one delivery for each lane.

use smallvec::SmallVec;

use crate::core::Core;
use crate::engine::Engine;
use crate::id::SocketId;
use crate::journal::{Offset, Pages};
use crate::lane::{Backlog, Delivery, Tile};
use crate::message::Message;
use crate::select::Select;
use crate::sync::{broken, epoch};
use crate::target::Expr;
use crate::tile_list::TileList;

/// What a broadcast found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Sockets that were selected, each counted once for each copy.
    pub matched: usize,
    /// Bytes that wait at the fullest of their lanes, this message not counted.
    pub backlog_bytes: u64,
    /// A lane had no room for more: nothing was sent to anybody, or, room by room, to no further room.
    pub overloaded: bool,
}

/// A selection by lanes. Few engines have more lanes than cores.
struct Shares(SmallVec<[Share; 4]>);

/// What a delivery carries beside message and recipients.
#[derive(Clone, Copy)]
struct Stamp {
    clock: u64,
    ack: Option<u64>,
    offset: Option<Offset>,
}

struct Share {
    lane: u32,
    tiles: Vec<Tile>,
}

impl Engine {
    /// Sends a message to the members of an expression: one copy for each socket.
    pub(crate) fn broadcast(&self, expr: &Expr<'_>, message: &Message) -> Sent {
        match self.journal() {
            None => self.send(expr, message, None),
            Some(journal) => journal.write(|pages| self.send(expr, message, Some(pages))),
        }
    }

    fn send(&self, expr: &Expr<'_>, message: &Message, journal: Option<&mut Pages>) -> Sent {
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (tiles, plan) = select.collect(expr);
        let matched = tiles.count();
        let shares = Shares::new(&tiles, &self.core);
        let backlog = shares.backlog(self);
        if backlog.full {
            return Sent { matched: 0, backlog_bytes: backlog.bytes, overloaded: true };
        }
        let clock = if broken("births: clock first") { self.core.slots.clock() } else { select.clock };
        let offset = journal.map(|pages| pages.keep(message, expr, &plan));
        shares.deliver(self, message, Stamp { clock, ack: None, offset });
        Sent { matched, backlog_bytes: backlog.bytes, overloaded: false }
    }
}

impl Engine {
    /// Asks the members of an expression for an acknowledgement: one copy for each socket. `number` is told who they are.
    pub(crate) fn ask(&self, expr: &Expr<'_>, message: &Message, number: impl FnOnce(&[SocketId]) -> u64) -> Sent {
        let (ids, shares, clock) = self.named(expr);
        let backlog = shares.backlog(self);
        if backlog.full {
            return Sent { matched: 0, backlog_bytes: backlog.bytes, overloaded: true };
        }
        // It is the user's, so it is called without a pin.
        let ack = number(&ids);
        let deliver = |offset| shares.deliver(self, message, Stamp { clock, ack: Some(ack), offset });
        match self.journal() {
            None => deliver(None),
            Some(journal) => journal.write(|pages| deliver(Some(pages.last()))),
        }
        Sent { matched: ids.len(), backlog_bytes: backlog.bytes, overloaded: false }
    }

    /// A selection by name and by lanes, both of the same sockets, and its clock.
    fn named(&self, expr: &Expr<'_>) -> (Vec<SocketId>, Shares, u64) {
        let guard = epoch::pin();
        let select = Select::new(self, &guard);
        let (tiles, _) = select.collect(expr);
        // Who has no name any more has no binding either, so the delivery does not reach it.
        let ids = tiles.iter().flat_map(|tile| select.ids(tile)).collect();
        (ids, Shares::new(&tiles, &self.core), select.clock)
    }
}

impl Shares {
    fn new(tiles: &TileList, core: &Core) -> Self {
        let mut shares: SmallVec<[Share; 4]> = SmallVec::new();
        if let Some(lane) = core.only_lane() {
            shares.extend((tiles.len() > 0).then(|| Share { lane, tiles: tiles.iter().collect() }));
            return Self(shares);
        }
        // Tiles of one lane come together, by chunks.
        let mut last = 0;
        for tile in tiles.iter() {
            let Some(lane) = core.slots.lane_of(tile.group) else { continue };
            if shares.get(last).is_none_or(|share| share.lane != lane) {
                last = shares.iter().position(|share| share.lane == lane).unwrap_or(shares.len());
            }
            if last == shares.len() {
                shares.push(Share { lane, tiles: Vec::with_capacity(tiles.len()) });
            }
            shares[last].tiles.push(tile);
        }
        Self(shares)
    }

    /// The fullest of the lanes.
    fn backlog(&self, engine: &Engine) -> Backlog {
        let lanes = self.0.iter().filter_map(|share| engine.core.lane(share.lane));
        lanes.map(|lane| lane.backlog()).fold(Backlog::default(), |worst, backlog| Backlog {
            bytes: worst.bytes.max(backlog.bytes),
            full: worst.full || backlog.full,
        })
    }

    fn deliver(self, engine: &Engine, message: &Message, stamp: Stamp) {
        let Stamp { clock, ack, offset } = stamp;
        for share in self.0 {
            let Some(lane) = engine.core.lane(share.lane) else { continue };
            lane.deliver(Delivery {
                message: message.clone(),
                namespace: engine.namespace.clone(),
                ack,
                offset,
                clock,
                tiles: share.tiles.into(),
            });
        }
    }
}
