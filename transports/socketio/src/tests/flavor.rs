//! What a client speaks: a revision, a parser, with or without bytes; and how it writes and reads that.

use bytes::{Bytes, BytesMut};
use roomcast_socketio_protocol::engineio::{
    BodyLimits, Data, Framing, Packet as EnginePacket, PacketKind, Payload, PayloadBuilder, PayloadLimits, Revision,
};
use roomcast_socketio_protocol::socketio::{self, DecodeLimits, Decoder, Packet, decode_msgpack};

/// A way to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flavor {
    pub(crate) revision: Revision,
    pub(crate) msgpack: bool,
    pub(crate) base64: bool,
}

/// A message of Engine.IO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// A packet of Engine.IO, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) kind: PacketKind,
    pub(crate) message: Message,
}

/// Puts messages together to packets of Socket.IO, as a client does.
pub(crate) struct Ear {
    msgpack: bool,
    revision: socketio::Revision,
    decoder: Decoder,
}

impl Flavor {
    pub(crate) const V4: Self = Self { revision: Revision::V4, msgpack: false, base64: false };
    pub(crate) const V3: Self = Self { revision: Revision::V3, msgpack: false, base64: false };

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..8).map(Self::numbered)
    }

    /// One of eight.
    pub(crate) fn numbered(number: u8) -> Self {
        let revision = if number & 1 == 0 { Revision::V4 } else { Revision::V3 };
        Self { revision, msgpack: number & 2 != 0, base64: number & 4 != 0 }
    }

    pub(crate) fn framing(self) -> Framing {
        Framing { revision: self.revision, base64: self.base64 }
    }

    /// The query of its requests.
    pub(crate) fn query(self, transport: &str) -> String {
        let parser = if self.msgpack { "&parser=msgpack" } else { "" };
        let base64 = if self.base64 { "&b64=1" } else { "" };
        format!("EIO={}&transport={transport}{parser}{base64}", self.revision.number())
    }

    pub(crate) fn is_v3(self) -> bool {
        self.revision == Revision::V3
    }

    fn socketio(self) -> socketio::Revision {
        match self.revision {
            Revision::V3 => socketio::Revision::V4,
            Revision::V4 => socketio::Revision::V5,
        }
    }

    /// The messages that a packet of Socket.IO is.
    pub(crate) fn messages(self, packet: &Packet<'_>) -> Vec<Message> {
        let mut bytes = BytesMut::new();
        if self.msgpack {
            packet.encode_msgpack(1 << 20, &mut bytes).unwrap();
            return vec![Message::Binary(bytes.to_vec())];
        }
        packet.encode_text(&mut bytes);
        let text = Message::Text(String::from_utf8(bytes.to_vec()).unwrap());
        let attachments = packet.attachments().iter().map(|bytes| Message::Binary(bytes.to_vec()));
        std::iter::once(text).chain(attachments).collect()
    }

    /// A body that hands in messages, and behind them other packets of text; and its type.
    pub(crate) fn body(self, messages: &[Message], others: &[(PacketKind, &str)]) -> (&'static str, Bytes) {
        let limits = BodyLimits { packets_max: usize::MAX, bytes_max: usize::MAX };
        let mut body = PayloadBuilder::new(self.framing(), None, limits);
        for message in messages {
            body.push(&message.packet());
        }
        for (kind, text) in others {
            body.push(&EnginePacket::new(*kind, text));
        }
        let body = body.finish();
        (body.content_type, body.bytes)
    }

    /// The packets that answer a poll.
    pub(crate) fn packets(self, content_type: &str, body: &[u8]) -> Vec<Heard> {
        let limits = PayloadLimits { bytes_max: usize::MAX, packets_max: usize::MAX };
        let payload = match content_type {
            "application/octet-stream" => {
                assert!(!self.base64, "bytes for a client that cannot take them");
                Payload::binary(self.revision, body, &limits)
            }
            _ => Payload::text(self.revision, body, &limits),
        };
        payload.unwrap().map(|packet| Heard::new(packet.unwrap())).collect()
    }

    /// The packet in a frame of a WebSocket.
    pub(crate) fn packet(self, is_binary: bool, bytes: &[u8]) -> Heard {
        assert!(!is_binary || !self.base64, "bytes for a client that cannot take them");
        let packet = match is_binary {
            true => EnginePacket::parse_binary(self.revision, bytes),
            false => EnginePacket::parse(self.revision, str::from_utf8(bytes).unwrap()),
        };
        Heard::new(packet.unwrap())
    }
}

impl Message {
    pub(crate) fn packet(&self) -> EnginePacket<'_> {
        match self {
            Self::Text(text) => EnginePacket::message(text),
            Self::Binary(bytes) => EnginePacket::binary(bytes),
        }
    }
}

impl Heard {
    fn new(packet: EnginePacket<'_>) -> Self {
        let message = match packet.data {
            Data::Text(text) => Message::Text(text.into()),
            Data::Binary(bytes) => Message::Binary(bytes.into_owned()),
        };
        Self { kind: packet.kind, message }
    }
}

impl Ear {
    pub(crate) fn new(flavor: Flavor) -> Self {
        let revision = flavor.socketio();
        Self { msgpack: flavor.msgpack, revision, decoder: Decoder::new(revision) }
    }

    /// The packet that is complete with this message.
    pub(crate) fn hear(&mut self, message: &Message) -> Option<Packet<'static>> {
        let limits = DecodeLimits::default();
        match (message, self.msgpack) {
            (Message::Binary(bytes), true) => Some(decode_msgpack(bytes, self.revision, &limits).unwrap()),
            (Message::Text(text), true) => panic!("text for a client that speaks msgpack: {text}"),
            (Message::Binary(bytes), false) => self.decoder.handle_binary(bytes, &limits).unwrap(),
            (Message::Text(text), false) => self.decoder.handle_text(text, &limits).unwrap().map(Packet::into_owned),
        }
    }
}
