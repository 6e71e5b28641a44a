//! Packets as [socket.io-msgpack-parser](https://github.com/socketio/socket.io-msgpack-parser) has them, an alternative
//! that clients and servers choose together.
//!
//! A packet is one binary message: a map of [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md) with
//! `type` (0 to 4), `nsp`, `data` and for events and answers `id`; other members are ignored. Binary stands where it belongs,
//! so there are no attachments and no placeholders on the wire, and every packet is complete.
//!
//! Inside, arguments are JSON text and attachments as with the default parser. Both directions are one walk without a tree;
//! what msgpack has and JSON has not goes the way that it goes through notepack.io and `JSON.stringify`:
//!
//! | msgpack | arguments |
//! |---|---|
//! | bin; ext 8, 16 and 32 of type 0 (an ArrayBuffer) | an attachment and its placeholder |
//! | fixext 1 of type 0 (`undefined`) | left out in a map, else `null` |
//! | fixext 8 of type 0 (a Date) | a string as `Date.prototype.toJSON` gives it |
//! | other ext | `[type, binary]` |
//! | NaN, infinities | `null` |
//! | keys of maps that are integers | strings |

mod date;
mod encode;
mod packet;
mod read;
mod to_json;

pub use encode::MsgpackEncodeError;
pub use packet::decode_msgpack;
