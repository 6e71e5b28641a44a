//! The engine and the model, side by side.

use std::collections::{BTreeMap, BTreeSet};

use roomcast::{Engine, JoinError, MemoryLane, Message, OwnedSocket, Socket, SocketId, Stats, Target};

use super::{Expr, Model, ROOMS, SOCKETS, room};

/// A verb on the engine. Sockets and rooms are numbers.
#[derive(Clone, Debug)]
pub enum Op {
    Connect(u8),
    Drop(usize),
    Disconnect(Expr),
    Join(usize, Vec<u8>),
    Leave(usize, Vec<u8>),
    LeaveAll(usize),
    JoinAll(Expr, Vec<u8>),
    LeaveMany(Expr, Vec<u8>),
    LeaveEverything(Expr),
    Broadcast(Expr),
    BroadcastPerRoom(Expr),
    BroadcastFrom(usize, Expr),
    Count(Expr),
}

/// Two lanes, so that selections are split.
pub struct Pair {
    engine: Engine,
    lanes: [MemoryLane; 2],
    sockets: Vec<Option<OwnedSocket>>,
    ids: Vec<SocketId>,
    model: Model,
}

impl Pair {
    pub fn new() -> Self {
        let engine = Engine::new();
        let lanes = [MemoryLane::new(&engine), MemoryLane::new(&engine)];
        Self { engine, lanes, sockets: Vec::new(), ids: Vec::new(), model: Model::default() }
    }

    /// Applies an operation to both, and compares what they say.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Connect(count) => self.connect(*count),
            Op::Drop(socket) => self.drop_socket(*socket),
            Op::Disconnect(expr) => self.disconnect(expr),
            Op::Join(socket, rooms) => self.join(*socket, rooms),
            Op::Leave(socket, rooms) => self.leave(*socket, rooms),
            Op::LeaveAll(socket) => {
                if let Some(handle) = self.handle(*socket) {
                    assert_eq!(handle.leave_all(), self.model.leave_all(&[*socket].into()));
                }
            }
            Op::JoinAll(expr, rooms) => {
                let sockets = self.model.select(expr);
                let changed = self.engine.to(self.target(expr)).join(names(rooms)).unwrap();
                assert_eq!((changed.sockets, changed.refused), (sockets.len(), 0));
                assert_eq!(changed.memberships, self.model.join(&sockets, rooms));
            }
            Op::LeaveMany(expr, rooms) => {
                let sockets = self.model.select(expr);
                let changed = self.engine.to(self.target(expr)).leave(names(rooms));
                assert_eq!((changed.sockets, changed.memberships), (sockets.len(), self.model.leave(&sockets, rooms)));
            }
            Op::LeaveEverything(expr) => {
                let sockets = self.model.select(expr);
                let changed = self.engine.to(self.target(expr)).leave_all();
                assert_eq!((changed.sockets, changed.memberships), (sockets.len(), self.model.leave_all(&sockets)));
            }
            Op::Broadcast(expr) => {
                let sent = self.engine.to(self.target(expr)).broadcast(&message());
                let wanted = self.model.select(expr).into_iter().map(|socket| (socket, 1)).collect();
                self.check_received(sent.matched, &wanted);
            }
            Op::BroadcastPerRoom(expr) => {
                let sent = self.engine.to(self.target(expr)).per_room().broadcast(&message());
                self.check_received(sent.matched, &self.model.copies(expr));
            }
            Op::BroadcastFrom(socket, expr) => self.broadcast_from(*socket, expr),
            Op::Count(expr) => self.count(expr),
        }
    }

    fn connect(&mut self, count: u8) {
        for _ in 0..count {
            if self.model.connected.len() >= SOCKETS {
                return;
            }
            let socket = self.lanes[self.ids.len() % 2].connect().unwrap();
            self.model.connected.insert(self.ids.len());
            self.ids.push(socket.id());
            self.sockets.push(Some(socket));
        }
    }

    fn drop_socket(&mut self, socket: usize) {
        let connected = self.model.disconnect(&[socket].into()) == 1;
        if let Some(owned) = self.sockets.get_mut(socket).and_then(Option::take) {
            assert_eq!(owned.is_connected(), connected);
        }
    }

    fn disconnect(&mut self, expr: &Expr) {
        let sockets = self.model.select(expr);
        assert_eq!(self.engine.to(self.target(expr)).disconnect(), self.model.disconnect(&sockets));
    }

    fn join(&mut self, socket: usize, rooms: &[u8]) {
        let Some(handle) = self.handle(socket) else { return };
        match handle.join(names(rooms)) {
            Ok(new) => assert_eq!(new, self.model.join(&[socket].into(), rooms)),
            Err(error) => {
                assert_eq!((error, self.model.connected.contains(&socket)), (JoinError::Gone, false));
            }
        }
    }

    fn leave(&mut self, socket: usize, rooms: &[u8]) {
        if let Some(handle) = self.handle(socket) {
            assert_eq!(handle.leave(names(rooms)), self.model.leave(&[socket].into(), rooms));
        }
    }

    fn broadcast_from(&mut self, socket: usize, expr: &Expr) {
        let Some(handle) = self.handle(socket) else { return };
        let sent = handle.to(self.target(expr)).broadcast(&message());
        let mut wanted = self.model.select(expr);
        wanted.remove(&socket);
        self.check_received(sent.matched, &wanted.into_iter().map(|socket| (socket, 1)).collect());
    }

    fn count(&mut self, expr: &Expr) {
        let wanted = self.model.select(expr);
        assert_eq!(self.engine.to(self.target(expr)).count(), wanted.len());
        let members: BTreeSet<SocketId> = self.engine.to(self.target(expr)).members().collect();
        assert_eq!(members, wanted.iter().map(|socket| self.ids[*socket]).collect());
    }

    fn check_received(&self, matched: usize, wanted: &BTreeMap<usize, usize>) {
        assert_eq!(matched, wanted.values().sum::<usize>());
        for (number, socket) in self.sockets.iter().enumerate() {
            let Some(socket) = socket else { continue };
            let got: usize = self.lanes.iter().map(|lane| lane.received(socket).len()).sum();
            assert_eq!(got, wanted.get(&number).copied().unwrap_or(0), "socket {number}");
        }
    }

    /// Both indexes and the statistics say what the model says.
    pub fn check(&self) {
        for number in 0..ROOMS {
            assert_eq!(self.engine.to(room(number)).count(), self.model.members(number).len());
        }
        for (number, id) in self.ids.iter().enumerate() {
            let found = self.engine.socket(id.as_str());
            assert_eq!(found.is_some(), self.model.connected.contains(&number));
            let rooms: BTreeSet<String> = found.map(|socket| socket.rooms().into_iter().collect()).unwrap_or_default();
            assert_eq!(rooms, self.model.rooms_of(number));
        }
        let names: BTreeSet<String> = self.engine.rooms().into_iter().collect();
        assert_eq!(names, self.model.rooms.keys().cloned().collect());
        let stats = self.engine.stats();
        assert_eq!((stats.sockets, stats.rooms), (self.model.connected.len(), self.model.rooms.len()));
        assert_eq!(stats.memberships, self.model.memberships());
    }

    /// Everybody leaves; nothing may be left.
    pub fn end(mut self) {
        self.check();
        self.sockets.clear();
        assert_eq!(self.engine.stats(), Stats::default());
        assert!(self.engine.rooms().is_empty());
    }

    fn handle(&self, socket: usize) -> Option<Socket> {
        self.sockets.get(socket)?.as_deref().cloned()
    }

    fn target<'a>(&self, expr: &Expr) -> Target<'a> {
        expr.target(&|socket| self.ids.get(socket).copied())
    }
}

fn names(rooms: &[u8]) -> Vec<String> {
    rooms.iter().map(|number| room(*number)).collect()
}

fn message() -> Message {
    Message::raw("e", "1")
}
