//! roomcast through its public interface, with a lane that does what a transport's lane does.

use std::{hint::black_box, sync::Arc};

use roomcast::{Backlog, Closed, Delivery, Engine, Inbox, Lane, LanePort, LaneTable, Message, OwnedSocket, Selection};

use super::{DATA, System};

/// Deliveries as they come, from any thread.
#[derive(Default)]
pub(crate) struct Orders(Inbox<Delivery>);

impl Lane for Orders {
    fn backlog(&self) -> Backlog {
        Backlog { bytes: self.0.bytes(), full: false }
    }

    fn deliver(&self, delivery: Delivery) {
        let size = delivery.size();
        // Refused only by a closed inbox, and this one is never closed.
        let _ = self.0.push(delivery, size);
    }

    /// Only when the whole system is dropped: the bench closes its sockets as a lane does.
    fn close(&self, _: Closed) {}
}

/// What a lane keeps of a connection between turns: the range of the turn's log that it has to write.
#[derive(Clone, Default)]
struct Connection {
    from: u32,
    to: u32,
}

pub(crate) struct Roomcast {
    engine: Engine,
    orders: Arc<Orders>,
    table: LaneTable<u32>,
    sockets: Vec<Option<OwnedSocket>>,
    connections: Vec<Connection>,
    dirty: Vec<u32>,
    taken: Vec<Delivery>,
    log_end: u32,
}

/// A public id, as long as a random one.
pub(crate) fn socket_id(number: usize) -> String {
    format!("socket{number:014}")
}

impl Roomcast {
    /// The lane's turn: each delivery is appended to the log once, and every recipient gets its range.
    fn turn(&mut self) -> usize {
        let mut recipients = 0;
        self.orders.0.take(&mut self.taken);
        for delivery in self.taken.drain(..) {
            self.orders.0.done(delivery.size());
            let (from, to) = (self.log_end, self.log_end + delivery.message.args_json().len() as u32);
            self.log_end = to;
            for tile in &delivery.tiles {
                recipients += self.table.recipients(*tile, delivery.clock, |index| {
                    let connection = &mut self.connections[*index as usize];
                    if connection.to != from {
                        connection.from = from;
                        self.dirty.push(*index);
                    }
                    connection.to = to;
                });
            }
        }
        recipients
    }

    /// One room is named as a program with one room names it.
    fn selection<'a>(&'a self, rooms: &'a [&'a str], except: &'a [&'a str]) -> Selection<'a> {
        let selection = match rooms {
            [room] => self.engine.to(*room),
            rooms => self.engine.to(rooms),
        };
        if except.is_empty() { selection } else { selection.except(except) }
    }

    fn socket(&self, socket: usize) -> &OwnedSocket {
        self.sockets[socket].as_ref().expect("the plan uses connected sockets only")
    }
}

impl System for Roomcast {
    const NAME: &'static str = "roomcast";

    fn new(sockets: usize) -> Self {
        let engine = Engine::new();
        let orders = Arc::new(Orders::default());
        let port: LanePort = engine.attach(Arc::clone(&orders) as Arc<dyn Lane>);
        let mut table = LaneTable::default();
        let connect = |number: usize| {
            let socket = port.connect(&socket_id(number)).expect("a fresh id");
            // `hot_room` counts on it: 32 sockets in a row share a group.
            debug_assert_eq!(socket.id().slot() as usize, number);
            table.bind(socket.id(), number as u32);
            Some(socket)
        };
        let owned = (0..sockets).map(connect).collect();
        Self {
            engine,
            orders,
            table,
            sockets: owned,
            connections: vec![Connection::default(); sockets],
            dirty: Vec::with_capacity(sockets),
            taken: Vec::new(),
            log_end: 1,
        }
    }

    fn join(&self, socket: usize, room: &str) {
        self.socket(socket).join(room).expect("within the limits");
    }

    fn leave(&self, socket: usize, room: &str) {
        self.socket(socket).leave(room);
    }

    fn select(&self, rooms: &[&str], except: &[&str]) -> usize {
        // Counted in a register: a counter that a closure captures would cost a store for each member, which no rival has.
        self.selection(rooms, except).tiles().iter().fold(0, |visited, tile| {
            tile.slots().fold(visited, |visited, slot| {
                black_box(slot);
                visited + 1
            })
        })
    }

    fn enqueue(&mut self, rooms: &[&str], except: &[&str]) -> usize {
        let sent = self.selection(rooms, except).broadcast(&Message::raw("message", DATA));
        let reached = self.turn();
        debug_assert_eq!(sent.matched, reached);
        reached
    }

    fn empty_queues(&mut self) {
        for index in self.dirty.drain(..) {
            self.connections[index as usize] = Connection::default();
        }
        self.log_end = 1;
    }

    fn add_members(&mut self, room: &str, rooms: &[&str]) {
        self.engine.to(room).join(rooms).expect("within the limits");
    }

    fn remove_members(&mut self, room: &str, rooms: &[&str]) {
        self.engine.to(room).leave(rooms);
    }

    fn leave_all(&mut self, room: &str) {
        self.engine.to(room).leave_all();
    }

    /// As a transport does when a connection ends: it closes, unbinds, and gives the slot back.
    fn disconnect(&mut self, socket: usize) {
        if let Some(owned) = self.sockets[socket].take() {
            owned.close();
            self.table.unbind(owned.id());
        }
    }
}
