//! Clients that lose their connection and come back, and what they come back to.

use roomcast_socketio_protocol::socketio::Packet;

use super::house::ROOMS;
use super::past::Ticket;
use super::player::Player;
use super::stage::Stage;
use crate::tests::requests::Upload;
use crate::tests::websocket;
use crate::tests::world::World;

/// Players that there may be, with all that a client was before.
const LIVES_MAX: usize = 24;

impl Stage {
    /// Who somebody is by now.
    pub(super) fn life_of(&self, mut who: usize) -> usize {
        while let Some(next) = self.players[who].next {
            who = next;
        }
        who
    }

    /// A client loses its connection; or it comes, having lost it before or with the same step.
    pub(super) fn come_back(&mut self, who: usize, how: u8) {
        let player = &mut self.players[who];
        let (flavor, ticket, was_away) = (player.flavor, player.ticket.clone(), player.is_away);
        // Or somebody comes with its secret while it is there.
        let is_another = how & 3 == 3 && !was_away;
        if !was_away && !is_another {
            player.lose(how);
        }
        let loses_only = how & 0x40 != 0 && !was_away;
        if loses_only || self.is_draining || self.players.len() >= LIVES_MAX {
            return;
        }
        if !is_another {
            self.players[who].next = Some(self.players.len());
        }
        let room = if how & 8 == 0 { 1 << 20 } else { 100 };
        self.enter(flavor, (how & 4 != 0).then_some(room), how, ticket);
    }

    /// The program has somebody join a room, or leave it.
    pub(super) fn join_or_leave(&self, who: usize, how: u8) {
        let room = ROOMS[usize::from(how) % 2];
        let mut record = self.players[who].known.lock();
        let Some(socket) = record.socket.clone().filter(|socket| socket.is_connected()) else { return };
        if how & 2 == 0 {
            socket.join(room).unwrap();
            record.rooms.insert(room);
        } else {
            socket.leave(room);
            record.rooms.remove(room);
        }
    }
}

impl Player {
    /// It is let in: as who it was, or anew.
    pub(super) fn come_in(&mut self, data: Option<&str>) {
        let data: serde_json::Value = data.map_or_else(Default::default, |data| serde_json::from_str(data).unwrap());
        let text = |name: &str| data[name].as_str().map(str::to_owned);
        let mut record = self.known.lock();
        record.is_in = true;
        let pid = text("pid");
        assert_eq!(pid.is_some(), record.can_return);
        let Some(pid) = pid else { return };
        let (former, id) = (self.ticket.take(), text("sid").unwrap());
        let is_who_it_was = former.as_ref().is_some_and(|former| former.pid == pid && former.id == id);
        assert_eq!(is_who_it_was, record.is_recovered, "{former:?}, {data}");
        record.pid = Some(pid.clone());
        let after = former.as_ref().filter(|_| is_who_it_was).map_or(record.born_after, |former| former.after);
        // Clients keep it also when they begin anew.
        let offset = former.and_then(|former| former.offset);
        self.ticket = Some(Ticket { pid, id, offset, after });
    }

    /// An event has its offset behind its arguments, where its client can come back.
    pub(super) fn keep_offset(&mut self, offset: Option<String>, number: u32) {
        assert_eq!(offset.is_some(), self.ticket.is_some(), "{number} and its offset");
        if let Some(ticket) = &mut self.ticket {
            (ticket.offset, ticket.after) = (offset, number);
        }
    }

    /// Its connection is gone, with all that was on its way. `how` tells whether the server can see it.
    pub(super) fn lose(&mut self, how: u8) {
        (self.is_away, self.may_end, self.is_dropped, self.is_cut) = (true, true, true, true);
        self.get = None;
        self.former_gets.clear();
        self.lose_post(how.is_multiple_of(2));
        for line in self.lines.iter_mut().filter(|line| line.is_up()) {
            line.is_broken = true;
            match how % 3 {
                0 => {}
                1 => line.socket.stream.break_off(),
                _ => line.socket.stream.end(),
            }
        }
    }

    /// Says that it leaves.
    pub(super) fn leave(&mut self, world: &World) {
        if !self.is_connected || std::mem::replace(&mut self.has_left, true) {
            return;
        }
        let messages = self.flavor.messages(&Packet::disconnect("/"));
        if let Some(at) = self.own_line() {
            self.lines[at].socket.stream.send(websocket::frames(self.flavor, &messages));
        } else if let Some(poller) = &self.poller {
            let (content_type, body) = self.flavor.body(&messages, &[]);
            self.strays.push(world.ask(http::Method::POST, &poller.query(), content_type, &Upload::whole(body)));
        }
        (self.may_end, self.is_dropped, self.is_cut) = (true, true, true);
    }

    /// If somebody came with its secret and took its place, its socket is ended.
    pub(super) fn see_claim(&mut self) {
        let record = self.known.lock();
        self.is_dropped |= record.is_claimed;
        self.is_cut |= record.is_claimed && !record.is_in;
    }
}
