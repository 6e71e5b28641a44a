//! The toy's sessions of long-polling.

use std::{
    io::{self, BufReader, Write},
    net::TcpStream,
    sync::{Arc, Condvar, Mutex},
};

use super::{
    Member, Server, between,
    dialect::Dialect,
    http::{self, Request},
};

/// Packets in one answer at most.
const PACKETS_MAX: usize = 16;
const SEPARATOR: &str = "\u{1E}";

/// Packets that wait for the next poll.
#[derive(Default)]
pub(super) struct Session {
    packets: Mutex<Vec<String>>,
    more: Condvar,
}

/// Answers `request` and those that follow it, until the client leaves.
pub(super) fn converse(server: &Server, mut request: Request, mut stream: BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let body = answer(server, &request)?;
        stream.get_mut().write_all(&http::answer(&body))?;
        request = http::read_request(&mut stream)?;
    }
}

fn answer(server: &Server, request: &Request) -> io::Result<String> {
    let Ok(id) = between(&request.target, "&sid=", "&").parse::<usize>() else { return Ok(open(server)) };
    let session = Arc::clone(&server.sessions.lock().unwrap()[id]);
    let Some(posted) = &request.posted else { return Ok(session.poll()) };
    let member: Arc<dyn Member> = session;
    for packet in posted.split(SEPARATOR) {
        server.handle(Dialect::Sio, packet, &member)?;
    }
    Ok("ok".to_owned())
}

fn open(server: &Server) -> String {
    let mut sessions = server.sessions.lock().unwrap();
    sessions.push(Arc::default());
    format!(r#"0{{"sid":"{}","upgrades":[]}}"#, sessions.len() - 1)
}

impl Session {
    /// Waits for packets.
    fn poll(&self) -> String {
        let packets = self.packets.lock().unwrap();
        let mut packets = self.more.wait_while(packets, |packets| packets.is_empty()).unwrap();
        let count = packets.len().min(PACKETS_MAX);
        packets.drain(..count).collect::<Vec<_>>().join(SEPARATOR)
    }
}

impl Member for Session {
    fn send(&self, text: &[u8]) -> io::Result<()> {
        self.packets.lock().unwrap().push(String::from_utf8_lossy(text).into_owned());
        self.more.notify_one();
        Ok(())
    }

    fn ping(&self) -> io::Result<()> {
        self.send(b"2")
    }

    fn close(&self) -> io::Result<()> {
        self.send(b"1")
    }
}
