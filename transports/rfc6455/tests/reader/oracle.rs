//! The same stream through tungstenite's own connection.

use crate::outcome::{End, Event, Outcome};
use std::io::{self, Read, Write};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

/// What tungstenite makes of `stream`, with the same limit of a message.
///
/// It takes lengths in any form: from the first frame on whose length is longer than need be it sees nothing, and the
/// verdict is 1002.
///
/// It judges a frame when its payload is there, ours when the header is. `padding` adds that many zeros, with which it
/// comes to its verdict on a frame that `stream` only begins.
pub(crate) fn run(stream: &[u8], message_bytes_max: usize, padding: usize) -> Outcome {
    let Some(at) = first_long_form(stream) else { return run_any_form(stream, message_bytes_max, padding) };
    let mut outcome = run_any_form(&stream[..at], message_bytes_max, 0);
    if outcome.end == End::Open {
        outcome.end = End::Closed(Some(1002));
    }
    outcome
}

/// Where the first frame begins whose length is not in its shortest form, if its header is whole.
fn first_long_form(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = stream.get(at..)?;
        let [_, second, more @ ..] = rest else { return None };
        let (form, least) = match second & 0x7f {
            126 => (2, 126),
            127 => (8, 1 << 16),
            _ => (0, 0),
        };
        let in_form = more.get(..form)?.iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
        let len = if form == 0 { u64::from(second & 0x7f) } else { in_form };
        let head_len = 2 + form + if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < head_len {
            return None;
        }
        if len < least {
            return Some(at);
        }
        at = (at + head_len).checked_add(usize::try_from(len).ok()?)?;
    }
}

fn run_any_form(stream: &[u8], message_bytes_max: usize, padding: usize) -> Outcome {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max.max(125))); // it holds for control frames too
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let padding = io::repeat(0).take(padding as u64);
    let mut peer = Peer { input: stream.chain(padding) };
    let mut events = Vec::new();
    loop {
        let end = match context.read(&mut peer) {
            Ok(Message::Text(text)) => {
                events.push(Event::Text(text.as_str().to_owned()));
                continue;
            }
            Ok(Message::Binary(bytes)) => {
                events.push(Event::Binary(bytes.to_vec()));
                continue;
            }
            Ok(Message::Ping(bytes)) => {
                events.push(Event::Ping(bytes.to_vec()));
                continue;
            }
            Ok(Message::Pong(bytes)) => {
                events.push(Event::Pong(bytes.to_vec()));
                continue;
            }
            // A code that must not be sent comes as 1002 from here, which is the code to answer it with.
            Ok(Message::Close(frame)) => End::Closed(frame.map(|frame| frame.code.into())),
            Ok(Message::Frame(frame)) => unreachable!("only for writing: {frame}"),
            Err(Error::Io(_)) => End::Open,
            Err(Error::Capacity(_)) => End::Closed(Some(1009)),
            Err(Error::Utf8(_)) => End::Closed(Some(1007)),
            Err(Error::Protocol(_)) => End::Closed(Some(1002)),
            Err(other) => panic!("tungstenite: {other}"),
        };
        return Outcome { events, end };
    }
}

/// Gives the input, then nothing more; takes all output.
struct Peer<R> {
    input: R,
}

impl<R: Read> Read for Peer<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.input.read(to)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl<R> Write for Peer<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
