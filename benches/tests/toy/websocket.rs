//! The toy's WebSockets.

use std::{
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, atomic::Ordering},
};

use super::{Member, Server, dialect::Dialect};

struct Writer {
    dialect: Dialect,
    stream: Mutex<TcpStream>,
}

/// Answers the upgrade and serves the client until it leaves.
pub(super) fn converse(server: &Server, dialect: Dialect, mut stream: BufReader<TcpStream>) -> io::Result<()> {
    stream.get_mut().write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )?;
    let writer: Arc<dyn Member> = Arc::new(Writer { dialect, stream: Mutex::new(stream.get_ref().try_clone()?) });
    for text in dialect.greeting() {
        writer.send(text.as_bytes())?;
    }
    loop {
        let (opcode, payload) = read_frame(&mut stream)?;
        match opcode {
            0x1 => server.handle(dialect, &String::from_utf8_lossy(&payload), &writer)?,
            0xA => drop(server.pongs.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

impl Member for Writer {
    fn send(&self, text: &[u8]) -> io::Result<()> {
        self.send_frame(0x1, text)
    }

    fn ping(&self) -> io::Result<()> {
        if self.dialect.has_heartbeats() { self.send(b"2") } else { self.send_frame(0x9, b"hi") }
    }

    fn close(&self) -> io::Result<()> {
        self.send_frame(0x8, &1001_u16.to_be_bytes())
    }
}

impl Writer {
    fn send_frame(&self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            length @ 0..=125 => frame.push(length as u8),
            length => {
                frame.push(126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        self.stream.lock().unwrap().write_all(&frame)
    }
}

fn read_frame(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
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
