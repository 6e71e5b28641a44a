//! A room server of five hundred lines that can be told to misbehave: the load generator must notice.
//!
//! It understands only what the load generator sends, and relies on its masking key being zero.

mod dialect;
mod http;
mod polling;
mod requests;
mod websocket;

use std::{
    collections::HashMap,
    io::{self, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use dialect::Dialect;
use polling::Session;

/// What the server does to one message, the twenty-first, at one member; likewise to one answer, where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Honest,
    Loses,
    Doubles,
    /// Sends it after the next one.
    Delays,
    /// Changes a character of it.
    Garbles,
    /// Delivers it to all, but refuses it in the reply. Where publications have no reply: refuses to join.
    Refuses,
    /// Closes the member's connection instead.
    Closes,
    /// Sends a ping before it; no fault.
    Pings,
}

const SPECIAL: u32 = 20;

/// A way to a client.
trait Member: Send + Sync {
    fn send(&self, text: &[u8]) -> io::Result<()>;
    fn ping(&self) -> io::Result<()>;
    fn close(&self) -> io::Result<()>;
}

/// A server that runs until the process ends.
pub(crate) struct Toy {
    pub(crate) address: SocketAddr,
    server: Arc<Server>,
}

struct Server {
    manner: Manner,
    rooms: Mutex<HashMap<String, Vec<Arc<dyn Member>>>>,
    sessions: Mutex<Vec<Arc<Session>>>,
    /// Those that make virtual requests; the index is the id.
    sockets: Mutex<Vec<Arc<dyn Member>>>,
    published: AtomicU32,
    told: AtomicU32,
    pongs: AtomicU32,
    held: Mutex<Option<Vec<u8>>>,
}

/// Serves on a free port of the loopback address.
pub(crate) fn serve(manner: Manner) -> Toy {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server {
        manner,
        rooms: Mutex::default(),
        sessions: Mutex::default(),
        sockets: Mutex::default(),
        published: AtomicU32::new(0),
        told: AtomicU32::new(0),
        pongs: AtomicU32::new(0),
        held: Mutex::default(),
    });
    let toy = Toy { address, server: Arc::clone(&server) };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            // A connection that is reset ends its thread: the load generator leaves so.
            thread::spawn(move || server.converse(stream));
        }
    });
    toy
}

impl Toy {
    /// Pings that were answered so far.
    pub(crate) fn pongs(&self) -> u32 {
        self.server.pongs.load(Ordering::Relaxed)
    }
}

impl Server {
    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let request = http::read_request(&mut stream)?;
        match Dialect::of(&request.target) {
            Some(dialect) => websocket::converse(self, dialect, stream),
            None => polling::converse(self, request, stream),
        }
    }

    /// Does what a client asks for in `text`.
    fn handle(&self, dialect: Dialect, text: &str, from: &Arc<dyn Member>) -> io::Result<()> {
        if dialect.is_pong(text) {
            self.pongs.fetch_add(1, Ordering::Relaxed);
        }
        if dialect == Dialect::Sails {
            return requests::handle(self, text, from);
        }
        if let Some((room, data)) = dialect.publication(text) {
            self.publish(dialect, room, data)?;
            let granted = !self.refuses_this_publication();
            return dialect.reply_to_publication(granted).map_or(Ok(()), |reply| from.send(reply.as_bytes()));
        }
        for room in dialect.rooms_to_join(text) {
            self.rooms.lock().unwrap().entry(room.to_owned()).or_default().push(Arc::clone(from));
        }
        dialect.answer(text, self.manner != Manner::Refuses).map_or(Ok(()), |answer| from.send(answer.as_bytes()))
    }

    /// Whether the last publication is to be refused.
    fn refuses_this_publication(&self) -> bool {
        self.manner == Manner::Refuses && self.published.load(Ordering::Relaxed) == SPECIAL + 1
    }

    fn publish(&self, dialect: Dialect, room: &str, data: &str) -> io::Result<()> {
        let delivery = dialect.delivery(data).into_bytes();
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        for (at, member) in self.rooms.lock().unwrap().get(room).into_iter().flatten().enumerate() {
            if at == 0 {
                self.deliver_specially(number, &delivery, member.as_ref())?;
            } else {
                // A member that is gone is no fault of the others.
                let _ = member.send(&delivery);
            }
        }
        Ok(())
    }

    fn deliver_specially(&self, number: u32, delivery: &[u8], to: &dyn Member) -> io::Result<()> {
        let held = self.held.lock().unwrap().take();
        match self.manner {
            _ if number != SPECIAL => to.send(delivery)?,
            Manner::Loses => {}
            Manner::Delays => *self.held.lock().unwrap() = Some(delivery.to_vec()),
            Manner::Doubles => {
                to.send(delivery)?;
                to.send(delivery)?;
            }
            Manner::Garbles => {
                let mut garbled = delivery.to_vec();
                let last = garbled.len() - 3;
                garbled[last] ^= 1;
                to.send(&garbled)?;
            }
            Manner::Closes => to.close()?,
            Manner::Pings => {
                to.ping()?;
                to.send(delivery)?;
            }
            Manner::Honest | Manner::Refuses => to.send(delivery)?,
        }
        held.map_or(Ok(()), |late| to.send(&late))
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |parts| parts.1);
    rest.split_once(after).map_or(rest, |parts| parts.0)
}
