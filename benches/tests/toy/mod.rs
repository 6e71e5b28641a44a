//! A room server of a hundred lines that can be told to misbehave: the load generator must notice.
//!
//! It understands only what the load generator sends, and relies on its masking key being zero.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// What the server does to one message, the twenty-first, at one member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Honest,
    Loses,
    Doubles,
    /// Sends it after the next one.
    Delays,
    /// Changes a character of it.
    Garbles,
    /// Delivers it to all, but refuses it in the reply.
    Refuses,
    /// Closes the member's connection instead.
    Closes,
    /// Sends a ping before it; no fault.
    Pings,
}

const SPECIAL: u32 = 20;

struct Server {
    manner: Manner,
    rooms: Mutex<HashMap<String, Vec<Arc<Mutex<TcpStream>>>>>,
    published: AtomicU32,
    held: Mutex<Option<Vec<u8>>>,
}

/// Serves on a free port of the loopback address until the process ends.
pub(crate) fn serve(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server =
        Arc::new(Server { manner, rooms: Mutex::default(), published: AtomicU32::new(0), held: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            // A connection that is reset ends its thread: the load generator leaves so.
            thread::spawn(move || server.converse(stream));
        }
    });
    address
}

impl Server {
    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let echo = upgrade(&mut stream)?;
        let writer = Arc::new(Mutex::new(stream.try_clone()?));
        if !echo {
            send(&writer, br#"{"event":"hello","data":{"id":"somebody"}}"#)?;
        }
        loop {
            let (opcode, payload) = read_frame(&mut stream)?;
            let text = String::from_utf8_lossy(&payload);
            match opcode {
                1 if echo => send(&writer, &payload)?,
                1 if text.contains(r#""op":"broadcast""#) => self.broadcast(&text, &writer)?,
                1 if text.contains(r#""op":"join""#) => self.join(&text, &writer)?,
                1 => send(
                    &writer,
                    format!(r#"{{"reply":{},"ok":true,"socket":"x"}}"#, between(&text, "\"id\":", ",")).as_bytes(),
                )?,
                _ => {}
            }
        }
    }

    fn join(&self, text: &str, writer: &Arc<Mutex<TcpStream>>) -> io::Result<()> {
        let room = between(text, "\"room\":\"", "\"").to_owned();
        self.rooms.lock().unwrap().entry(room).or_default().push(Arc::clone(writer));
        send(writer, br#"{"reply":1,"ok":true}"#)
    }

    fn broadcast(&self, text: &str, writer: &Arc<Mutex<TcpStream>>) -> io::Result<()> {
        let (room, data) = (between(text, "\"rooms\":[\"", "\""), between(text, "\"data\":\"", "\""));
        let delivery = format!(r#"{{"event":"message","data":"{data}"}}"#).into_bytes();
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        for (at, member) in self.rooms.lock().unwrap().get(room).into_iter().flatten().enumerate() {
            // A member that is gone is no fault of the others.
            let _ = if at == 0 { self.deliver_specially(number, &delivery, member) } else { send(member, &delivery) };
        }
        let granted = !(self.manner == Manner::Refuses && number == SPECIAL);
        send(writer, format!(r#"{{"reply":null,"ok":{granted}}}"#).as_bytes())
    }

    fn deliver_specially(&self, number: u32, delivery: &[u8], to: &Mutex<TcpStream>) -> io::Result<()> {
        let held = self.held.lock().unwrap().take();
        match self.manner {
            _ if number != SPECIAL => send(to, delivery)?,
            Manner::Loses => {}
            Manner::Delays => *self.held.lock().unwrap() = Some(delivery.to_vec()),
            Manner::Doubles => {
                send(to, delivery)?;
                send(to, delivery)?;
            }
            Manner::Garbles => {
                let mut garbled = delivery.to_vec();
                let last = garbled.len() - 3;
                garbled[last] ^= 1;
                send(to, &garbled)?;
            }
            Manner::Closes => to.lock().unwrap().write_all(&[0x88, 2, 0x03, 0xE9])?,
            Manner::Pings => {
                to.lock().unwrap().write_all(&[0x89, 2, b'h', b'i'])?;
                send(to, delivery)?;
            }
            Manner::Honest | Manner::Refuses => send(to, delivery)?,
        }
        held.map_or(Ok(()), |late| send(to, &late))
    }
}

/// Answers the upgrade; whether it is for the echo.
fn upgrade(stream: &mut TcpStream) -> io::Result<bool> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    stream.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )?;
    Ok(head.starts_with(b"GET /ws/echo "))
}

fn read_frame(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let mut length = usize::from(head[1] & 0x7F);
    if length == 126 {
        let mut extended = [0; 2];
        stream.read_exact(&mut extended)?;
        length = usize::from(u16::from_be_bytes(extended));
    }
    let mut rest = vec![0; 4 + length];
    stream.read_exact(&mut rest)?;
    Ok((head[0] & 0x0F, rest.split_off(4)))
}

fn send(to: &Mutex<TcpStream>, text: &[u8]) -> io::Result<()> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..=125 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(text);
    to.lock().unwrap().write_all(&frame)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |parts| parts.1);
    rest.split_once(after).map_or(rest, |parts| parts.0)
}
