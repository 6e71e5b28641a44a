//! A client's side of a WebSocket.

use std::sync::Arc;

use bytes::BytesMut;
use parking_lot::Mutex;
use roomcast_lane::ManualConnection;

use super::flavor::{Flavor, Message};

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;

/// A WebSocket: of a session, or a candidate.
#[derive(Clone)]
pub(crate) struct WebSocket {
    pub(crate) stream: ManualConnection,
    /// Half a frame that came.
    rest: Arc<Mutex<Vec<u8>>>,
}

impl WebSocket {
    pub(crate) fn new(stream: ManualConnection) -> Self {
        Self { stream, rest: Arc::default() }
    }

    pub(crate) fn text(&self, text: &str) {
        self.frame(TEXT, text.as_bytes());
    }

    pub(crate) fn frame(&self, opcode: u8, payload: &[u8]) {
        self.stream.send(frame(opcode, payload));
    }

    pub(crate) fn close(&self, code: u16) {
        self.frame(CLOSE, &code.to_be_bytes());
    }

    /// All whole frames that came, as opcode and payload; what is behind them waits for more.
    pub(crate) fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = self.rest.lock();
        bytes.extend(self.stream.receive());
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while let Some((first, payload, tail)) = split(rest) {
            assert_eq!(first & 0xf0, 0x80, "whole frames without extensions");
            frames.push((first & 0x0f, payload.to_vec()));
            rest = tail;
        }
        *bytes = rest.to_vec();
        frames
    }

    /// All texts that came; nothing else may have.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |(opcode, payload)| {
            assert_eq!(opcode, TEXT);
            String::from_utf8(payload).unwrap()
        };
        self.frames().into_iter().map(text).collect()
    }
}

/// A frame's first byte, its payload, and what is behind it; `None` if it is not all there.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (second, rest) = rest.split_first()?;
    let (length, rest) = match second {
        126 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length) as usize, rest))?,
        length => (usize::from(*length), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((*first, payload, rest))
}

/// The frames that carry messages, as a client writes them.
pub(crate) fn frames(flavor: Flavor, messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let (packet, mut payload) = (message.packet(), BytesMut::new());
        packet.append_frame(flavor.framing(), &mut payload);
        let opcode = if flavor.framing().is_binary_frame(&packet) { BINARY } else { TEXT };
        bytes.extend(frame(opcode, &payload));
    }
    bytes
}

/// A frame as a client writes it.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
