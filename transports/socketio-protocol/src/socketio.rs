//! Socket.IO: packets with attachments, namespaces.
//!
//! Three independent parts:
//!
//! - [`Packet`] is what travels, the same for all wires; [`Packet::encode_text`] writes it as the default parser's text,
//!   [`Packet::encode_msgpack`](Packet) as `socket.io-msgpack-parser` does.
//! - [`Decoder`] takes the messages of one connection and gives packets, putting attachments back to their text.
//! - [`Namespaces`] knows which namespaces a connection is in and what a packet means there.
//!
//! Which answers clients owe is not kept here: an event for many sockets is written once and so has one number for all of
//! them, which a connection for itself cannot know.
//!
//! The wire is [socket.io-protocol](https://github.com/socketio/socket.io-protocol), revision 5 (Socket.IO 3 and 4, over
//! Engine.IO 4) and revision 4 (Socket.IO 2, over Engine.IO 3). They differ less than their numbers say:
//!
//! | | revision 4 | revision 5 |
//! |---|---|---|
//! | namespace `/` | connected by the server, unasked | connected when the client asks |
//! | CONNECT from the client | namespace with a query, `0/admin?token=1,` | namespace and a JSON object, `0/admin,{"token":"1"}` |
//! | CONNECT from the server | no payload | `{"sid":"..."}`, and `pid` where connections can be recovered |
//! | packet type 4 | ERROR, mostly a string | CONNECT_ERROR, `{"message":"...","data":...}` |
//! | event, ack, disconnect | the same | the same |
//!
//! A packet is an Engine.IO message of text, followed by one of binary for each attachment. The type bytes of Engine.IO
//! (`4` before text, 4 before binary in its revision 3) are not written here and not expected.
//!
//! Arguments are never taken apart: they go through as JSON text, with `{"_placeholder":true,"num":N}` where attachment
//! `N` belongs, as the engine keeps its messages.
//!
//! ```
//! use roomcast_socketio_protocol::socketio::{Body, DecodeLimits, Decoder, Revision};
//!
//! let (mut decoder, limits) = (Decoder::new(Revision::V5), DecodeLimits::default());
//! assert!(decoder.handle_text(r#"51-/admin,7["file",{"_placeholder":true,"num":0}]"#, &limits)?.is_none());
//!
//! let packet = decoder.handle_binary(b"bytes", &limits)?.unwrap();
//! let Body::Event { name, args, ack } = &packet.body else { unreachable!() };
//! assert_eq!((&*packet.namespace, &**name, args.count, *ack), ("/admin", "file", 1, Some(7)));
//! assert_eq!(args.attachments[0], "bytes");
//!
//! let mut text = bytes::BytesMut::new();
//! packet.encode_text(&mut text);
//! assert_eq!(text, r#"51-/admin,7["file",{"_placeholder":true,"num":0}]"#);
//! # Ok::<_, roomcast_socketio_protocol::socketio::DecodeError>(())
//! ```

mod decoder;
mod encode;
mod error;
mod header;
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod namespaces;
mod packet;
mod payload;
mod placeholder;
mod reason;

pub use decoder::{DecodeLimits, Decoder};
pub use error::DecodeError;
pub use json::DEPTH_MAX;
#[cfg(feature = "msgpack")]
pub use msgpack::{MsgpackEncodeError, decode_msgpack};
pub use namespaces::{Decision, NamespaceError, NamespaceLimits, Namespaces, NotConnecting};
pub use packet::{Args, Body, Packet, Revision};
pub use reason::DisconnectReason;
