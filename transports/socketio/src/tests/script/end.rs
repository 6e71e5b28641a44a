//! Letting everybody get all there is, checking it, and leaving.

use std::collections::HashSet;

use roomcast_lane::DisconnectReason;

use super::house::{Decision, Verb};
use super::player::{Fate, Player, Way};
use super::stage::{Stage, answer};

const ROUNDS_MAX: usize = 10_000;

impl Stage {
    pub(super) fn end(mut self) {
        for player in &mut self.players {
            let mut record = player.known.lock();
            if record.decision == Decision::Wait {
                record.decision = Decision::Admit;
            }
            drop(record);
            player.end_posts();
        }
        self.settle(|_, _| {});
        // Candidates that are none yet leave.
        for player in &mut self.players {
            for line in player.lines.iter_mut().filter(|line| line.five.is_none() && line.is_up()) {
                line.is_broken = true;
                line.socket.stream.break_off();
            }
        }
        self.settle(|player, world| {
            if player.own_line().is_none() && player.get.is_none() {
                player.get = player.poller.as_ref().map(|poller| world.get(poller));
            }
        });
        let alive: Vec<bool> = self.players.iter().map(|player| self.is_alive(player)).collect();
        for (player, alive) in self.players.iter_mut().zip(alive) {
            player.see_claim();
            player.check(alive);
        }
        self.leave();
    }

    /// Works until nothing more comes.
    fn settle(&mut self, mut each: impl FnMut(&mut Player, &mut crate::tests::world::World)) {
        for _ in 0..ROUNDS_MAX {
            for player in &mut self.players {
                while answer(player) {}
                let is_over =
                    player.poller.as_ref().is_none_or(|poller| self.world.mount.sessions.find(&poller.sid).is_none());
                if !player.is_away && (!is_over || player.own_line().is_some()) {
                    each(player, &mut self.world);
                }
            }
            self.world.run();
            if !self.players.iter_mut().fold(false, |any, player| player.read() | any) {
                return;
            }
        }
        panic!("there is always more");
    }

    fn is_alive(&self, player: &Player) -> bool {
        match &player.poller {
            Some(poller) => self.world.mount.sessions.find(&poller.sid).is_some(),
            None => player.own_line().is_some() && !player.lines[0].socket.stream.is_ended(),
        }
    }

    /// Everybody leaves, and nothing remains.
    fn leave(mut self) {
        for player in &mut self.players {
            for line in &player.lines {
                if player.is_away {
                    // Nobody reads what waits for it.
                    line.socket.stream.break_off();
                    continue;
                }
                line.socket.close(1000);
                line.socket.stream.end();
            }
            if let Some(poller) = player.poller.clone() {
                // By a close packet if it polls, else by the end of its WebSocket.
                let body = if poller.flavor.is_v3() { "1:1" } else { "1" };
                player.strays.push(self.world.post(&poller, body));
            }
        }
        // Candidates of sessions that are gone wait for their time, and so do good-byes, which may begin late.
        for seconds in [19.0, 1.0] {
            self.world.advance(seconds);
            for player in &mut self.players {
                player.read();
            }
        }
        for player in &mut self.players {
            assert!(
                player.get.is_none() && player.post.is_none() && player.strays.is_empty(),
                "a request has no answer"
            );
            let record = player.known.lock();
            let was_let_in = record.decision == Decision::Admit && record.socket.is_some() && !player.is_cut;
            // One that keeps to no rule may come in again.
            let is_told_once = record.byes <= 1 && (!was_let_in || player.may_end || record.byes == 1);
            assert!(is_told_once || player.is_wild, "{} byes", record.byes);
            let is_why = record.bye.as_ref().is_none_or(|bye| match bye.reason {
                DisconnectReason::ClientLeft => player.has_left,
                DisconnectReason::ServerLeft => record.is_thrown_out || record.is_claimed,
                DisconnectReason::ParseError => false,
                _ => true,
            });
            assert!(is_why || player.is_wild, "{:?}", record.bye.as_ref().map(|bye| &bye.reason));
        }
        assert_eq!(self.world.counts(), (0, 0, 0), "sessions, sockets, connections");
        // Whom a program lets in after its lane has ended, nobody takes back.
        assert!(self.is_draining || self.world.io.sockets("/") == 0);
        let stats = self.world.lane.stats();
        assert_eq!((stats.inbox_bytes, stats.outbox_bytes), (0, 0));
    }
}

impl Player {
    fn check(&self, alive: bool) {
        assert!(alive || self.may_end, "its session ended without a reason");
        if self.is_wild {
            return;
        }
        self.check_got(alive);
        self.check_heard(alive);
        self.check_upgrade(alive);
    }

    /// What it was told.
    fn check_got(&self, alive: bool) {
        let mut got = self.got.iter().peekable();
        let is_whole = alive && !self.is_cut;
        for expected in &self.known.lock().expected {
            if got.next_if(|number| **number == expected.number).is_none() && !expected.is_light {
                // All that is left must be missing.
                assert!(!is_whole, "{} did not come: {:?}", expected.number, self.got);
                break;
            }
        }
        assert_eq!(got.next(), None, "twice, out of order, or behind a gap: {:?}", self.got);
    }

    /// What it said.
    fn check_heard(&self, alive: bool) {
        let record = self.known.lock();
        let heard: HashSet<u32> = record.heard.iter().copied().collect();
        assert_eq!(heard.len(), record.heard.len(), "something was heard twice: {:?}", record.heard);
        let is_whole = alive && !self.is_dropped;
        let of_way = |way: Way| self.said.iter().filter(move |said| said.way == way);
        let ways = std::iter::once(Way::Post).chain((0..self.lines.len()).map(Way::Line));
        for way in ways {
            let in_order: Vec<u32> =
                of_way(way).map(|said| said.number).filter(|number| heard.contains(number)).collect();
            let as_heard: Vec<u32> = record.heard.iter().copied().filter(|number| in_order.contains(number)).collect();
            assert_eq!(in_order, as_heard, "{way:?}");
            let is_there = |said: &&super::player::Said| heard.contains(&said.number);
            if let Way::Line(at) = way {
                let missing = of_way(way).position(|said| !heard.contains(&said.number));
                let behind = missing.map(|at| of_way(way).skip(at).filter(is_there).count());
                assert_eq!(behind.unwrap_or_default(), 0, "{way:?} has a gap");
                assert!(missing.is_none() || !is_whole || !self.is_own(at), "{way:?} was not heard to its end");
            } else if is_whole {
                let is_upgraded = self.lines.iter().any(|line| line.five.is_some());
                let must_be_heard = |fate: Fate| match fate {
                    Fate::Sent | Fate::Taken => true,
                    Fate::Left => !is_upgraded,
                    Fate::Unsent | Fate::Refused => false,
                };
                let missing = of_way(way).find(|said| must_be_heard(said.fate) && !is_there(said));
                assert!(missing.is_none(), "a POST was not heard");
                let is_refused = of_way(way).any(|said| said.fate == Fate::Refused && said.is_early);
                assert!(!is_refused || self.may_end, "a POST was refused without a reason");
            }
        }
        let place = |number: &u32| record.heard.iter().position(|heard| heard == number);
        for (at, line) in self.lines.iter().enumerate() {
            let first = of_way(Way::Line(at)).find_map(|said| place(&said.number));
            let last = line.five.iter().flat_map(|five| &five.before).filter_map(place).max();
            assert!(first.is_none() || last < first, "frames were heard before POSTs: {:?}", record.heard);
        }
        let asked: HashSet<u64> = self
            .said
            .iter()
            .filter(|said| said.verb != Verb::Note && heard.contains(&said.number))
            .map(|said| said.number.into())
            .collect();
        let acked: HashSet<u64> = self.acks.iter().copied().collect();
        assert_eq!(acked.len(), self.acks.len(), "answered twice");
        assert!(acked.is_subset(&asked) && (!is_whole || acked == asked), "answers: {acked:?} of {asked:?}");
    }

    fn is_own(&self, at: usize) -> bool {
        self.lines[at].is_up() && self.lines[at].five.as_ref().is_some_and(|five| five.is_sure)
    }

    /// A WebSocket that did everything right is the session's.
    fn check_upgrade(&self, alive: bool) {
        for line in &self.lines {
            let is_sure = line.five.as_ref().is_some_and(|five| five.is_sure);
            assert!(!alive || self.may_end || !is_sure || line.is_up(), "an upgrade failed");
        }
    }
}
