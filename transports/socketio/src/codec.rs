//! How packets and messages are written, for each way in which a session may take them.
//!
//! | carrier | a message of text | a message of bytes |
//! |---|---|---|
//! | WebSocket, revision 4 | text frame `4...` | binary frame, the bytes alone |
//! | WebSocket, revision 3 | text frame `4...` | binary frame, the byte 4 and the bytes |
//! | WebSocket, `b64=1` | text frame `4...` | text frame, `b` (`b4`) and base64 |
//! | polling | a record | a record |
//!
//! A packet of Socket.IO is one message of text and one of bytes for each attachment; in msgpack it is one of bytes. They are
//! one unit for the lane: nothing comes between them, and all or nothing of them is left out.

use std::borrow::Cow;
use std::convert::Infallible;

use bytes::{BufMut, BytesMut};
use roomcast::{Codec, EncodeError, Message, Offset, Outgoing, is_reserved_event};
use roomcast_lane::{CodecId, Lanes};
use roomcast_rfc6455::{Kind, frame};
use roomcast_socketio_protocol::engineio::{DataKind, Framing, Packet as EnginePacket, Revision, append_record};
use roomcast_socketio_protocol::socketio::{Args, Packet};

/// The most that one packet may take in msgpack, in bytes: an attachment that is named often stands there as often.
const MSGPACK_BYTES_MAX: usize = 64 << 20;

/// What takes the messages of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// Polls: messages wait as records, since their framing depends on the poll.
    Records(Revision),
    /// A WebSocket.
    Frames(Framing),
}

/// How packets of Socket.IO are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parser {
    /// The default parser: text, and attachments.
    #[default]
    Text,
    /// socket.io-msgpack-parser.
    Msgpack,
}

impl Carrier {
    fn revision(self) -> Revision {
        match self {
            Self::Records(revision) | Self::Frames(Framing { revision, .. }) => revision,
        }
    }

    /// Appends a message that `body` writes.
    pub(crate) fn append<E>(
        self,
        kind: DataKind,
        to: &mut BytesMut,
        body: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        match (self, kind) {
            (Self::Records(_), kind) => append_record(to, kind, body),
            (Self::Frames(_), DataKind::Text) => frame(to, Kind::Text, |to| {
                to.put_u8(b'4');
                body(to)
            })
            .map(drop),
            (Self::Frames(Framing { revision, base64: false }), DataKind::Binary) => frame(to, Kind::Binary, |to| {
                if revision == Revision::V3 {
                    to.put_u8(4);
                }
                body(to)
            })
            .map(drop),
            (Self::Frames(framing), DataKind::Binary) => {
                let mut bytes = BytesMut::new();
                body(&mut bytes)?;
                let Ok(_range) = frame(to, Kind::Text, |to| {
                    EnginePacket::binary(&bytes).append_frame(framing, to);
                    Ok::<_, Infallible>(())
                });
                Ok(())
            }
        }
    }

    /// Appends a message that is there already.
    pub(crate) fn append_bytes(self, kind: DataKind, bytes: &[u8], to: &mut BytesMut) {
        let Ok(()) = self.append(kind, to, |to| {
            to.put_slice(bytes);
            Ok::<_, Infallible>(())
        });
    }

    /// Appends a packet, whole.
    pub(crate) fn append_packet(
        self,
        parser: Parser,
        packet: &Packet<'_>,
        to: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match parser {
            Parser::Text => {
                let Ok(()) = self.append(DataKind::Text, to, |to| {
                    packet.encode_text(to);
                    Ok::<_, Infallible>(())
                });
                for attachment in packet.attachments() {
                    self.append_bytes(DataKind::Binary, attachment, to);
                }
                Ok(())
            }
            Parser::Msgpack => self.append(DataKind::Binary, to, |to| {
                packet.encode_msgpack(MSGPACK_BYTES_MAX, to).map_err(|error| EncodeError::Json(error.to_string()))
            }),
        }
    }
}

/// Which codec a session's sockets are sent with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codecs {
    records: [[CodecId; 2]; 2],
    frames: [[[CodecId; 2]; 2]; 2],
}

impl Codecs {
    /// Registers all of them; for each lanes once, however often it is called.
    pub(crate) fn register(lanes: &Lanes) -> Self {
        let frames = |msgpack: usize| match msgpack {
            0 => [
                [lanes.register(Frames::<3, false, false>), lanes.register(Frames::<3, true, false>)],
                [lanes.register(Frames::<4, false, false>), lanes.register(Frames::<4, true, false>)],
            ],
            _ => [
                [lanes.register(Frames::<3, false, true>), lanes.register(Frames::<3, true, true>)],
                [lanes.register(Frames::<4, false, true>), lanes.register(Frames::<4, true, true>)],
            ],
        };
        // The commonest first: a delivery keeps a place for each codec up to the highest number that it met.
        let text = frames(0);
        let records = [
            [lanes.register(Records::<3, false>), lanes.register(Records::<4, false>)],
            [lanes.register(Records::<3, true>), lanes.register(Records::<4, true>)],
        ];
        Self { frames: [text, frames(1)], records }
    }

    pub(crate) fn id(&self, carrier: Carrier, parser: Parser) -> CodecId {
        let parser = usize::from(parser == Parser::Msgpack);
        match carrier {
            Carrier::Records(revision) => self.records[parser][usize::from(revision == Revision::V4)],
            Carrier::Frames(Framing { revision, base64 }) => {
                self.frames[parser][usize::from(revision == Revision::V4)][usize::from(base64)]
            }
        }
    }
}

/// Types without fields, so that lanes know each only once.
struct Records<const REVISION: u8, const MSGPACK: bool>;
struct Frames<const REVISION: u8, const BASE64: bool, const MSGPACK: bool>;

impl<const REVISION: u8, const MSGPACK: bool> Codec for Records<REVISION, MSGPACK> {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        encode(Carrier::Records(revision(REVISION)), MSGPACK, out, to)
    }
}

impl<const REVISION: u8, const BASE64: bool, const MSGPACK: bool> Codec for Frames<REVISION, BASE64, MSGPACK> {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        let framing = Framing { revision: revision(REVISION), base64: BASE64 };
        encode(Carrier::Frames(framing), MSGPACK, out, to)
    }
}

const fn revision(number: u8) -> Revision {
    if number == 3 { Revision::V3 } else { Revision::V4 }
}

fn encode(carrier: Carrier, msgpack: bool, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
    let message = out.message;
    // A client's parser would give its connection up over it.
    if is_reserved_event(message.event()) {
        return Err(EncodeError::EventReserved);
    }
    let args = match out.offset {
        // Clients of the older protocol cannot come back, and would take it for an argument.
        Some(offset) if out.ack.is_none() && carrier.revision() == Revision::V4 => with_offset(message, offset),
        _ => Args::new(message.args_json(), message.args_len(), message.attachments()),
    };
    let packet = Packet::event(out.namespace, message.event(), args, out.ack);
    carrier.append_packet(if msgpack { Parser::Msgpack } else { Parser::Text }, &packet, to)
}

/// The last argument of an event tells where it stands in the journal (Socket.IO's connection state recovery).
fn with_offset(message: &Message, offset: Offset) -> Args<'_> {
    let json = match message.args_len() {
        0 => format!("\"{offset}\""),
        _ => format!("{},\"{offset}\"", message.args_json()),
    };
    let attachments = Cow::Borrowed(message.attachments());
    Args { json: Cow::Owned(json), count: message.args_len() + 1, attachments }
}
