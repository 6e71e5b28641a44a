//! One WebSocket connection of the load generator.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use super::{
    Dialect, Fault,
    dialect::{PING, PONG},
    transport::{self, Received, Transport},
    wire::{self, Frame, close_code, put_frame, take_frame},
};

/// The example key of RFC 6455 section 1.3, and what a server must answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A connection: a stream, the beginning of a frame whose rest is still to come, and bytes the kernel
/// did not take.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    dialect: Dialect,
    state: State,
    id: String,
    carry: Vec<u8>,
    unsent: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// The answer to the upgrade is due.
    Upgrading,
    /// So many texts of the greeting came.
    Greeting(usize),
    Greeted,
}

impl Transport for Connection {
    fn open(address: SocketAddr, dialect: Dialect) -> Result<Self, Fault> {
        let stream = transport::connect(address)?;
        let (id, carry, unsent) = (String::new(), Vec::new(), Vec::new());
        let mut connection = Self { stream, dialect, state: State::Upgrading, id, carry, unsent };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
            dialect.path()
        );
        connection.send(request.as_bytes())?;
        Ok(connection)
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn is_greeted(&self) -> bool {
        self.state == State::Greeted
    }

    fn say(&mut self, texts: &[String]) -> Result<(), Fault> {
        let mut frames = Vec::new();
        texts.iter().for_each(|text| put_frame(&mut frames, wire::TEXT, text.as_bytes()));
        Ok(self.send(&frames)?)
    }

    fn listen(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn receive(
        &mut self,
        buffer: &mut [u8],
        mut on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Received, Fault> {
        let Some(filled) = transport::receive(&mut self.stream, &self.carry, buffer)? else {
            return Ok(Received::Nothing);
        };
        let mut input = &buffer[..filled];
        if self.state != State::Greeted {
            input = self.be_greeted(input)?;
        }
        while self.state == State::Greeted
            && let Some((frame, used)) = take_frame(input)?
        {
            input = &input[used..];
            if let Some(text) = self.text_of(&frame)? {
                on(text)?;
            }
        }
        if input.len() == buffer.len() {
            return Err(Fault::Frame("larger than the receive buffer"));
        }
        self.carry.clear();
        self.carry.extend_from_slice(input);
        Ok(if filled == buffer.len() { Received::Full } else { Received::All })
    }

    fn flush(&mut self) -> io::Result<()> {
        transport::flush(&mut self.stream, &mut self.unsent)
    }
}

impl Connection {
    /// The id of this socket; empty where the dialect has no use for it, and before the greeting.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Sends frames, in one write if the kernel takes them; the rest waits for [`Transport::flush`].
    pub(crate) fn send(&mut self, frames: &[u8]) -> io::Result<()> {
        transport::send(&mut self.stream, &mut self.unsent, frames)
    }

    /// Takes what `input` has of the answer to the upgrade and of the greeting, and returns the rest.
    #[cold]
    fn be_greeted<'a>(&mut self, mut input: &'a [u8]) -> Result<&'a [u8], Fault> {
        if self.state == State::Upgrading {
            let Some(rest) = take_head(input)? else { return Ok(input) };
            input = rest;
            self.greeted_with(0);
        }
        while let State::Greeting(number) = self.state
            && let Some((frame, used)) = take_frame(input)?
        {
            input = &input[used..];
            if let Some(text) = self.text_of(&frame)?.filter(|text| !self.dialect.may_come_with_a_greeting(text)) {
                if let Some(answer) = self.dialect.be_greeted(number, text)? {
                    self.say(&[answer.to_owned()])?;
                }
                if let Some(id) = self.dialect.id_in_greeting(number, text) {
                    self.id = id;
                }
                self.greeted_with(number + 1);
            }
        }
        Ok(input)
    }

    fn greeted_with(&mut self, texts: usize) {
        self.state = if self.dialect.is_greeted(texts) { State::Greeted } else { State::Greeting(texts) };
    }

    /// The text in `frame`. If it has none, what it asks for is done.
    #[inline]
    fn text_of<'a>(&mut self, frame: &Frame<'a>) -> Result<Option<&'a [u8]>, Fault> {
        if frame.opcode == wire::TEXT && frame.payload != PING {
            return Ok(Some(frame.payload));
        }
        self.control(frame)
    }

    #[cold]
    fn control<'a>(&mut self, frame: &Frame<'a>) -> Result<Option<&'a [u8]>, Fault> {
        match frame.opcode {
            wire::TEXT if self.dialect.has_heartbeats() => self.say(&[PONG.to_owned()])?,
            wire::TEXT => return Ok(Some(frame.payload)),
            wire::PING => {
                let mut pong = Vec::new();
                put_frame(&mut pong, wire::PONG, frame.payload);
                self.send(&pong)?;
            }
            wire::PONG => {}
            wire::CLOSE => return Err(Fault::Closed(close_code(frame.payload))),
            _ => return Err(Fault::Frame("neither text nor control")),
        }
        Ok(None)
    }
}

/// What follows the answer to the upgrade in `input`; `None` while that is not complete.
fn take_head(input: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&input[..end]);
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
        return Err(Fault::Handshake(head.lines().next().unwrap_or_default().to_owned()));
    }
    Ok(Some(&input[end + 4..]))
}
