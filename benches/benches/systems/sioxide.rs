//! The local adapter of socketioxide-core, with a stub where its server would be.
//!
//! Two things are added that its users add themselves: a look-up from session id to socket (the server's
//! own map does it), and the memory of who has been seen where a selection has several rooms, since the
//! adapter's iterator yields a socket once for each of them.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hint::black_box,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use socketioxide_core::{
    Sid, Str, Uid, Value,
    adapter::{
        AckStreamItem, BroadcastIter, BroadcastOptions, CoreLocalAdapter, RemoteSocketData, Room, SocketEmitter,
        errors::SocketError,
    },
    packet::{Packet, PacketData},
    parser::{Parse, ParseError, ParserError, ParserState},
};

use super::{DATA, System, queues::Queues};

pub(crate) struct Sioxide {
    adapter: CoreLocalAdapter<Emitter>,
    server: Arc<Server>,
    sids: Vec<Sid>,
}

/// What stands for the server.
struct Server {
    sockets: HashMap<Sid, usize>,
    queues: Mutex<Queues>,
    call: Mutex<Call>,
}

/// What the next `send_many` is to do, and how many it met.
#[derive(Default)]
struct Call {
    enqueue: bool,
    distinct: bool,
    met: usize,
}

struct Emitter {
    server: Arc<Server>,
    path: Str,
}

impl Sioxide {
    /// Puts the message into everybody's queue; without one it only visits them.
    fn broadcast(&self, rooms: &[&str], except: &[&str], message: Option<Bytes>) -> usize {
        *self.server.call.lock().unwrap() = Call { enqueue: message.is_some(), distinct: rooms.len() > 1, met: 0 };
        let packet = Packet::event("/", Value::Bytes(message.unwrap_or_default()));
        self.adapter.broadcast(packet, options(rooms, except)).unwrap();
        self.server.call.lock().unwrap().met
    }
}

impl System for Sioxide {
    const NAME: &'static str = "socketioxide";

    fn new(sockets: usize) -> Self {
        let sids: Vec<Sid> = (0..sockets).map(|_| Sid::new()).collect();
        let server = Arc::new(Server {
            sockets: sids.iter().copied().zip(0..).collect(),
            queues: Mutex::new(Queues::new(sockets)),
            call: Mutex::default(),
        });
        let emitter = Emitter { server: Arc::clone(&server), path: Str::from("/") };
        Self { adapter: CoreLocalAdapter::new(emitter), server, sids }
    }

    fn join(&self, socket: usize, room: &str) {
        self.adapter.add_all(self.sids[socket], room.to_owned());
    }

    fn leave(&self, socket: usize, room: &str) {
        self.adapter.del(self.sids[socket], room.to_owned());
    }

    fn select(&self, rooms: &[&str], except: &[&str]) -> usize {
        self.broadcast(rooms, except, None)
    }

    fn enqueue(&mut self, rooms: &[&str], except: &[&str]) -> usize {
        self.broadcast(rooms, except, Some(Bytes::copy_from_slice(DATA.as_bytes())))
    }

    fn empty_queues(&mut self) {
        self.server.queues.lock().unwrap().empty();
    }

    fn add_members(&mut self, room: &str, rooms: &[&str]) {
        self.adapter.add_sockets(options(&[room], &[]), owned(rooms));
    }

    fn remove_members(&mut self, room: &str, rooms: &[&str]) {
        self.adapter.del_sockets(options(&[room], &[]), owned(rooms));
    }

    fn leave_all(&mut self, room: &str) {
        for sid in self.adapter.sockets(options(&[room], &[])) {
            self.adapter.del_all(sid);
        }
    }

    fn disconnect(&mut self, socket: usize) {
        self.adapter.del_all(self.sids[socket]);
    }
}

fn options(rooms: &[&str], except: &[&str]) -> BroadcastOptions {
    let mut options = BroadcastOptions::default();
    options.rooms.extend(owned(rooms));
    options.except.extend(owned(except));
    options
}

fn owned(rooms: &[&str]) -> Vec<Room> {
    rooms.iter().map(|room| Room::Owned((*room).to_owned())).collect()
}

/// As a number: the other systems have no more to show.
fn visit(sids: impl Iterator<Item = Sid>) -> usize {
    sids.fold(0, |met, sid| {
        black_box(usize::from(sid.as_str().as_bytes()[0]));
        met + 1
    })
}

impl Emitter {
    fn enqueue(&self, sids: impl Iterator<Item = Sid>, message: &Bytes) -> usize {
        let queues = self.server.queues.lock().unwrap();
        sids.fold(0, |met, sid| {
            queues.push(self.server.sockets[&sid], message);
            met + 1
        })
    }
}

impl SocketEmitter for Emitter {
    type AckError = NoAck;
    type AckStream = futures_util::stream::Empty<AckStreamItem<NoAck>>;

    fn send_many(&self, sids: BroadcastIter<'_>, data: Value) -> Result<(), Vec<SocketError>> {
        let Value::Bytes(message) = data else { unreachable!("the bench sends bytes") };
        let mut call = self.server.call.lock().unwrap();
        call.met = match (call.distinct, call.enqueue) {
            (false, false) => visit(sids),
            (false, true) => self.enqueue(sids, &message),
            (true, enqueue) => {
                let mut seen = HashSet::new();
                let distinct = sids.filter(|sid| seen.insert(*sid));
                if enqueue { self.enqueue(distinct, &message) } else { visit(distinct) }
            }
        };
        Ok(())
    }

    fn parser(&self) -> impl Parse {
        Encoded
    }

    fn path(&self) -> &Str {
        &self.path
    }

    fn server_id(&self) -> Uid {
        Uid::ZERO
    }

    fn ack_timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn get_all_sids(&self, filter: impl Fn(&Sid) -> bool) -> Vec<Sid> {
        self.server.sockets.keys().filter(|sid| filter(sid)).copied().collect()
    }

    fn get_remote_sockets(&self, _: BroadcastIter<'_>) -> Vec<RemoteSocketData> {
        unreachable!("the bench asks for none")
    }

    fn send_many_volatile(&self, _: BroadcastIter<'_>, _: Value) {
        unreachable!("the bench sends reliably")
    }

    fn send_many_with_ack(&self, _: BroadcastIter<'_>, _: Packet, _: Option<Duration>) -> (Self::AckStream, u32) {
        unreachable!("the bench asks for no acknowledgement")
    }

    fn disconnect_many(&self, _: Vec<Sid>) -> Result<(), Vec<SocketError>> {
        unreachable!("the bench disconnects through the adapter")
    }
}

/// The error of acknowledgements, of which there are none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NoAck;

impl fmt::Display for NoAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no acknowledgement")
    }
}

impl std::error::Error for NoAck {}

/// Payloads that are encoded already: what is measured is the adapter.
#[derive(Clone, Copy, Default)]
struct Encoded;

impl Parse for Encoded {
    fn encode(self, packet: Packet) -> Value {
        match packet.inner {
            PacketData::Event(data, _) => data,
            _ => unreachable!("the bench sends events"),
        }
    }

    fn decode_str(self, _: &ParserState, _: Str) -> Result<Packet, ParseError> {
        unreachable!("the bench receives nothing")
    }

    fn decode_bin(self, _: &ParserState, _: Bytes) -> Result<Packet, ParseError> {
        unreachable!("the bench receives nothing")
    }

    fn encode_value<T: ?Sized + Serialize>(self, _: &T, _: Option<&str>) -> Result<Value, ParserError> {
        unreachable!("the bench's data is encoded already")
    }

    fn decode_value<'de, T: Deserialize<'de>>(self, _: &'de mut Value, _: bool) -> Result<T, ParserError> {
        unreachable!("the bench receives nothing")
    }

    fn decode_default<'de, T: Deserialize<'de>>(self, _: Option<&'de Value>) -> Result<T, ParserError> {
        unreachable!("the bench receives nothing")
    }

    fn encode_default<T: ?Sized + Serialize>(self, _: &T) -> Result<Value, ParserError> {
        unreachable!("the bench's data is encoded already")
    }

    fn read_event(self, _: &Value) -> Result<&str, ParserError> {
        unreachable!("the bench receives nothing")
    }
}
