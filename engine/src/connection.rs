//! The life of a socket in the engine: connect, disconnect, free. `slots.rs` has the protocol.

use crate::changes::Changes;
use crate::contain::drop_each;
use crate::engine::Engine;
use crate::error::ConnectError;
use crate::id::{PublicId, SocketId};
use crate::lane::{Closed, Tile};
use crate::slots::Group;
use crate::sync::epoch::{self, Guard};
use crate::sync::{SMALL, broken};

/// Rooms that are left under one hold of the group's lock.
pub(crate) const BATCH: usize = if SMALL { 1 } else { 64 };

impl Engine {
    /// Gives the slot to a new socket of this namespace.
    pub(crate) fn connect(&self, slot: u32, text: PublicId) -> Result<SocketId, ConnectError> {
        let guard = epoch::pin();
        let (core, namespace) = (&self.core, self.namespace.number());
        let id = core.slots.bear(slot, namespace, text);
        let Some(group) = core.slots.group(id.group()) else { return Err(ConnectError::Id) };
        if let Err(taken) = core.publish_id(namespace, id, &guard) {
            group.free(id, &mut group.lock());
            return Err(taken);
        }
        let _state = group.lock();
        group.set_alive(id);
        // The room of everybody never dies.
        let _ = self.namespace.everyone().add(Tile::of_slot(slot), core.slots.groups(), &guard);
        Ok(id)
    }

    /// Disconnects the socket, if it is connected, and says so to its lane, and whether the whole `connection` is to end. True
    /// for the call that did it.
    pub(crate) fn disconnect(&self, id: SocketId, connection: bool) -> bool {
        let Some(rooms) = self.close(id) else { return false };
        let lane = self.core.slots.lane_of(id.group()).and_then(|lane| self.core.lane(lane));
        if let Some(lane) = lane {
            lane.close(Closed { id, rooms, connection });
        }
        true
    }

    /// The same without telling the lane. Its rooms, if they are to be reported, for the call that did it.
    pub(crate) fn close(&self, id: SocketId) -> Option<Vec<String>> {
        let (core, guard) = (&self.core, epoch::pin());
        let group = core.slots.group(id.group())?;
        let (reporting, data) = {
            let mut state = group.lock();
            if !group.set_dead(id) {
                return None;
            }
            core.withdraw_id(self.namespace.number(), id, &guard);
            (state.reporting & id.bit() != 0, state.take_data(id.slot))
        };
        let mut changes = Changes::new(core.observer.as_deref(), reporting);
        self.leave_as_dead(group, id, &mut changes, &guard);
        drop(guard);
        // Values of users: no lock is held, and no pin.
        drop_each(data);
        let rooms = changes.rooms();
        changes.report();
        Some(rooms)
    }

    /// Lets the slot be used again; by the owner, when the lane has no binding for the socket any more.
    pub(crate) fn free(&self, id: SocketId) {
        self.disconnect(id, false);
        let Some(group) = self.core.slots.group(id.group()) else { return };
        let mut changes = Changes::new(self.core.observer.as_deref(), false);
        {
            let guard = epoch::pin();
            // Another thread may be at it: what it has not left yet is left here. It leaves the room of everybody last.
            if self.namespace.everyone().bits(id.group(), &guard) & id.bit() != 0 {
                self.leave_as_dead(group, id, &mut changes, &guard);
            }
        }
        changes.report();
        group.free(id, &mut group.lock());
        self.core.dismiss();
    }

    /// Takes a dead socket out of its rooms. Nothing is added to it any more, so one look at its rooms is enough.
    fn leave_as_dead(&self, group: &Group, id: SocketId, changes: &mut Changes<'_>, guard: &Guard) {
        if broken("births: clearing before") {
            return;
        }
        let owned = |group: &Group| {
            let is_owner = group.is_born(id) || broken("disconnect: birth again");
            if is_owner { id.bit() } else { 0 }
        };
        let state = group.lock();
        let tile = Tile { group: id.group(), bits: owned(group) };
        self.leave_rooms(group, state, tile, owned, changes, guard);
        let _state = group.lock();
        if group.is_born(id) {
            self.namespace.everyone().remove(Tile::of_slot(id.slot), self.core.slots.groups(), guard);
        }
    }
}
