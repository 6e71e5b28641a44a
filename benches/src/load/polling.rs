//! One session of Engine.IO long-polling (revision 4) on one HTTP/1.1 connection.
//!
//! One request is open at a time: a GET that waits for packets, or a POST of what has to be said, and then a GET again.
//! A browser says things on a second connection; here members say nothing once they are in their rooms, but pongs.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use super::{
    Dialect, Fault,
    dialect::{PING, PONG},
    transport::{self, Received, Transport},
};

/// What separates the packets of a payload.
const SEPARATOR: u8 = 0x1E;
const NOOP: &[u8] = b"6";
const CLOSE: &[u8] = b"1";

/// A session.
#[derive(Debug)]
pub(crate) struct Polling {
    stream: TcpStream,
    address: SocketAddr,
    dialect: Dialect,
    /// Path and query, with the id of the session as soon as there is one.
    path: String,
    /// The request that polls, made once.
    poll: Vec<u8>,
    open: Open,
    /// Texts of the greeting that came.
    greeted_with: usize,
    /// Whether to poll although nothing was said.
    listens: bool,
    /// Packets that wait until the open request is answered.
    unsaid: Vec<String>,
    carry: Vec<u8>,
    unsent: Vec<u8>,
}

/// The request that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Get,
    Post,
}

impl Transport for Polling {
    fn open(address: SocketAddr, dialect: Dialect) -> Result<Self, Fault> {
        let mut session = Self {
            stream: transport::connect(address)?,
            address,
            dialect,
            path: dialect.path().to_owned(),
            poll: Vec::new(),
            open: Open::Nothing,
            greeted_with: 0,
            listens: false,
            unsaid: Vec::new(),
            carry: Vec::new(),
            unsent: Vec::new(),
        };
        session.prepare_poll();
        session.ask()?;
        Ok(session)
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn is_greeted(&self) -> bool {
        self.dialect.is_greeted(self.greeted_with)
    }

    fn say(&mut self, texts: &[String]) -> Result<(), Fault> {
        self.unsaid.extend_from_slice(texts);
        self.listen()
    }

    fn listen(&mut self) -> Result<(), Fault> {
        self.listens = true;
        if self.open == Open::Nothing { self.ask() } else { Ok(()) }
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        mut on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Received, Fault> {
        let Some(filled) = transport::receive(&mut self.stream, &self.carry, buffer)? else {
            return Ok(Received::Nothing);
        };
        let mut input = &buffer[..filled];
        while let Some((body, used)) = take_answer(input)? {
            input = &input[used..];
            match std::mem::replace(&mut self.open, Open::Nothing) {
                Open::Get => self.take_payload(body, &mut on)?,
                Open::Post if body == b"ok" => {}
                Open::Post | Open::Nothing => return Err(Fault::answer(body)),
            }
            self.ask()?;
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

impl Polling {
    fn take_payload(&mut self, body: &[u8], on: &mut impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        for packet in body.split(|byte| *byte == SEPARATOR) {
            match packet {
                PING => self.unsaid.push(PONG.to_owned()),
                NOOP => {}
                CLOSE => return Err(Fault::Closed(None)),
                text if self.is_greeted() => on(text)?,
                text => self.be_greeted(text)?,
            }
        }
        Ok(())
    }

    #[cold]
    fn be_greeted(&mut self, text: &[u8]) -> Result<(), Fault> {
        let answer = self.dialect.be_greeted(self.greeted_with, text)?;
        if self.greeted_with == 0 {
            let id = session_id(text).ok_or_else(|| Fault::unexpected(text))?;
            self.path = format!("{}&sid={id}", self.dialect.path());
            self.prepare_poll();
        }
        self.unsaid.extend(answer.map(str::to_owned));
        self.greeted_with += 1;
        Ok(())
    }

    fn prepare_poll(&mut self) {
        self.poll = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", self.path, self.address).into_bytes();
    }

    /// Sends the next request, if there is a reason for one.
    fn ask(&mut self) -> Result<(), Fault> {
        if !self.unsaid.is_empty() {
            self.open = Open::Post;
            let post = self.post();
            transport::send(&mut self.stream, &mut self.unsent, &post)?;
        } else if self.listens || !self.is_greeted() {
            self.open = Open::Get;
            transport::send(&mut self.stream, &mut self.unsent, &self.poll)?;
        }
        Ok(())
    }

    /// The request that says what is unsaid.
    #[cold]
    fn post(&mut self) -> Vec<u8> {
        let body = std::mem::take(&mut self.unsaid).join("\u{1E}");
        let (path, address, length) = (&self.path, self.address, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain;charset=UTF-8\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// The body of the answer at the front of `input`, and the bytes the answer takes; `None` if it is not all there.
fn take_answer(input: &[u8]) -> Result<Option<(&[u8], usize)>, Fault> {
    let Some(head) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let mut lines = input[..head].split(|byte| *byte == b'\n');
    if !lines.next().is_some_and(|line| line.starts_with(b"HTTP/1.1 200 ")) {
        return Err(Fault::answer(input));
    }
    let length = lines.find_map(content_length).ok_or_else(|| Fault::answer(input))?;
    let body = head + 4;
    let end = body.checked_add(length).ok_or_else(|| Fault::answer(input))?;
    Ok(input.get(body..end).map(|body| (body, end)))
}

/// The length that a header says, if it is the one that says it.
fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    str::from_utf8(value).ok()?.trim().parse().ok()
}

/// The id in `0{"sid":"ID",...`.
fn session_id(text: &[u8]) -> Option<&str> {
    str::from_utf8(text).ok()?.strip_prefix(r#"0{"sid":""#)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-length: 5\r\n\r\n40\x1E41";
        for cut in 0..answer.len() {
            assert_eq!(take_answer(&answer[..cut]).unwrap(), None, "cut at {cut}");
        }
        let twice = answer.repeat(2);
        assert_eq!(take_answer(&twice).unwrap(), Some((&b"40\x1E41"[..], answer.len())));
    }

    #[test]
    fn answers_without_a_length_or_a_200_are_refused() {
        for bad in ["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            assert!(matches!(take_answer(bad.as_bytes()), Err(Fault::Answer(_))), "{bad}");
        }
        assert_eq!(content_length(b"Content-Length: 12\r"), Some(12));
        assert_eq!(content_length(b"Content-Length: many"), None);
        assert_eq!(content_length(b"Content-Type: 12"), None);
    }

    #[test]
    fn the_session_has_the_id_of_the_open_packet() {
        assert_eq!(session_id(br#"0{"sid":"a_b-c","upgrades":[]}"#), Some("a_b-c"));
        assert_eq!(session_id(b"40"), None);
    }
}
