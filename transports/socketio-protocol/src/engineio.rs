//! Engine.IO, protocol revisions 3 and 4: one client, one session, packets both ways, over HTTP polling or a WebSocket.
//!
//! | part | types |
//! |---|---|
//! | what a request wants, and how it is refused | [`Query`], [`Request`], [`Refusal`] |
//! | the first packet of a session | [`Open`] |
//! | packets, and the frames of a WebSocket | [`Packet`], [`Framing`] |
//! | bodies of POSTs | [`Payload`], [`PayloadLimits`]; of forms [`parse_form`] |
//! | answers to GETs | [`PayloadBuilder`], [`append_record`], [`BodyLimits`]; as scripts [`Jsonp`] |
//! | when to send what, and when it is over | [`Session`], [`Action`] |
//!
//! # What the revisions do differently
//!
//! | | 4 (`EIO=4`) | 3 (`EIO=3`) |
//! |---|---|---|
//! | clients | Socket.IO 3 and later | Socket.IO 2, sails.io.js |
//! | who pings | the server, every interval; the client answers within the timeout | the client; it is given up after interval and timeout together |
//! | the wrong ping or pong | ends the session | ends the session |
//! | payload of text | packets separated by U+001E | `<length>:` before each packet, lengths in UTF-16 code units |
//! | payload with binary | text, binary as `b<base64>` | bytes: `0\|1, digits, 255, packet`, lengths in bytes |
//! | the same for clients without binary (`b64=1`, JSONP) | the same | text, binary as `b4<base64>` |
//! | binary frame of a WebSocket | the message's bytes | the byte 4, then the message's bytes |
//! | payload without packets | none; an empty body is an error | `0:` |
//! | bodies of `application/octet-stream` | an error | a payload with binary |
//!
//! The handshake, the upgrade and the kinds of packets are the same.
//!
//! # Sources
//! [engine.io-protocol](https://github.com/socketio/engine.io-protocol), sections "Protocol", "Handshake", "Packet encoding",
//! "Heartbeat", "Upgrade" and "Transports" of revision 4 and "Encoding" of revision 3; where it is silent, what engine.io 6
//! and engine.io-parser 5 and 2 do. Known differences, all of them on the strict side:
//!
//! - `EIO` has to be 3 or 4. engine.io takes whatever is not 4 for 3.
//! - Base64 has to be base64, lengths have to be decimal numbers, text has to be UTF-8, bytes are messages only.
//! - An upgrade has to be asked for with `2probe` before the `5`; messages are held between the two.
//! - A parameter that occurs twice makes a bad request.
//! - A client whose poll breaks off may poll again. engine.io ends the session.
//! - After an upgrade the heartbeat begins anew. engine.io forgets the pong that it waits for, and with it the client.
//!
//! # Limits
//! Nothing is allocated from a length that a client claims. Payloads are limited in bytes and in packets, answers too;
//! what waits for a client that does not poll is limited in both; a candidate for an upgrade has its own deadline, and
//! there is one at a time.

mod base64;
mod error;
mod jsonp;
mod open;
mod packet;
mod payload;
mod query;
mod refusal;
mod revision;
mod session;

pub use error::{PacketError, PayloadError};
pub use jsonp::{Jsonp, parse_form};
pub use open::Open;
pub use packet::{Data, Packet, PacketKind};
pub use payload::{Body, BodyLimits, DataKind, Payload, PayloadBuilder, PayloadLimits, Records, append_record};
pub use query::{Method, Query, Request, Transport, Verb};
pub use refusal::Refusal;
pub use revision::{Framing, Revision};
pub use session::{Action, Answer, Answered, CloseReason, Last, Received, Session, SessionConfig, Source, Waiting};
