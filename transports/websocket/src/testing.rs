//! Connections without a network: a lane driven by hand, clients that write masked frames.

use std::sync::Arc;
use std::time::Duration;

use roomcast::Engine;
use roomcast_http::OpenCount;
use roomcast_lane::{Application, Handshake, ManualConnection, ManualLane, Wire};

use crate::codec::JsonCodec;
use crate::connection::{Connection, Mount};
use crate::dialect::Dialect;
use crate::options::Options;
use crate::rooms::Policy;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A lane with one mounted endpoint.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) lane: ManualLane,
    pub(crate) open: OpenCount,
    wire: Wire,
    mount: Arc<Mount>,
}

/// A client's side.
pub(crate) struct Client(pub(crate) ManualConnection);

impl World {
    pub(crate) fn rooms() -> Self {
        Self::new(Dialect::Rooms(Policy::allow_all()), Options::default(), ())
    }

    pub(crate) fn events(application: impl Application) -> Self {
        Self::new(Dialect::Events, Options::default(), application)
    }

    pub(crate) fn echo() -> Self {
        Self::new(Dialect::Echo, Options::echo(), ())
    }

    pub(crate) fn new(dialect: Dialect, options: Options, application: impl Application) -> Self {
        let engine = Engine::new();
        let lane = ManualLane::new(&engine);
        let wire = Wire::new(lane.register(JsonCodec), application);
        Self { engine, lane, open: OpenCount::default(), wire, mount: Arc::new(Mount { dialect, options }) }
    }

    /// A client whose hello, if there is one, still has to be received.
    pub(crate) fn connect(&mut self) -> Client {
        let (mount, open) = (Arc::clone(&self.mount), self.open.enter());
        let mut handshake = Handshake::new("websocket");
        handshake.uri = "/ws?name=ann".parse().unwrap();
        let make = move || Connection::new(mount, Some(Box::new(handshake)), open);
        let client = Client(self.lane.connect(&self.wire, 1 << 20, make));
        self.lane.run();
        client
    }

    /// A client that was greeted, and its id.
    pub(crate) fn greeted(&mut self) -> (Client, String) {
        let client = self.connect();
        let hello: serde_json::Value = serde_json::from_str(&client.texts().remove(0)).unwrap();
        let id = hello["data"]["id"].as_str().unwrap().to_owned();
        (client, id)
    }

    /// Sends a text and gives the texts that came by then.
    pub(crate) fn ask(&mut self, client: &Client, text: &str) -> Vec<String> {
        client.text(text);
        self.lane.run();
        client.texts()
    }

    pub(crate) fn advance(&mut self, seconds: f64) {
        self.lane.advance(Duration::from_secs_f64(seconds));
    }
}

impl Client {
    pub(crate) fn text(&self, text: &str) {
        self.frame(TEXT, text.as_bytes());
    }

    pub(crate) fn frame(&self, opcode: u8, payload: &[u8]) {
        self.0.send(frame(true, opcode, payload));
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    /// All frames that came, whole ones, as opcode and payload.
    pub(crate) fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        let bytes = self.0.receive();
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while let [first, second, tail @ ..] = rest {
            let (head, len) = match second {
                126 => (2, usize::from(u16::from_be_bytes([tail[0], tail[1]]))),
                127 => (8, u64::from_be_bytes(tail[..8].try_into().unwrap()) as usize),
                len => (0, usize::from(*len)),
            };
            assert_eq!(first & 0xf0, 0x80, "whole frames without extensions");
            frames.push((first & 0x0f, tail[head..head + len].to_vec()));
            rest = &tail[head + len..];
        }
        assert!(rest.is_empty(), "half a frame");
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

    /// The code and the reason of the close that came, the only frame.
    #[track_caller]
    pub(crate) fn closed_with(&self) -> (u16, String) {
        let frames = self.frames();
        let [(CLOSE, payload)] = &frames[..] else { panic!("no close alone: {frames:?}") };
        (u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8(payload[2..].to_vec()).unwrap())
    }
}

/// A frame as a client writes it.
pub(crate) fn frame(last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![if last { 0x80 | opcode } else { opcode }];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | len as u8),
        len @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
