//! The server side of WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)), without I/O.
//!
//! Three independent parts, for a transport that moves the bytes itself:
//!
//! - [`accept`] judges the HTTP request that asks for an upgrade and makes the answer (section 4.2).
//! - [`Reader`] takes what a client sent and hands out messages, pings, pongs and the close, borrowed from
//!   the caller's buffer (sections 5 to 8). A connection costs it 16 bytes, and heap only within a fragmented message.
//! - [`frame`] and [`ControlFrame`] write what the server sends.
//!
//! There are no extensions and no subprotocols: frames with reserved bits are refused, `permessage-deflate` is never
//! agreed to. Headers, opcodes and close codes are tungstenite's; unmasking, fragments and closing are written here,
//! because a room server wants no buffer per connection and a limit on fragments.
//!
//! ```
//! use roomcast_rfc6455::{frame, ControlFrame, Input, Kind, Limits, Reader};
//! use std::{fmt::Write, ops::ControlFlow};
//!
//! // The masked "Hello" of section 5.7, and a ping that has not arrived entirely.
//! let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\x00";
//! let (mut reader, limits, mut out) = (Reader::new(), Limits::default(), bytes::BytesMut::new());
//!
//! let progress = reader.read(&mut input, &limits, |input| {
//!     match input {
//!         Input::Text(text) => {
//!             let echo = frame(&mut out, Kind::Text, |body| body.write_str(text));
//!             assert_eq!(echo, Ok(0..7));
//!         }
//!         Input::Ping(data) => out.extend_from_slice(&ControlFrame::pong(data)),
//!         _ => {}
//!     }
//!     ControlFlow::Continue(())
//! })?;
//!
//! assert_eq!(&out[..], b"\x81\x05Hello");
//! assert_eq!((progress.used, progress.want), (11, 6)); // keep the rest, call again with at least 6 bytes
//! # Ok::<_, roomcast_rfc6455::ReadError>(())
//! ```

#![forbid(unsafe_code)]

mod close;
mod control;
mod error;
mod fragments;
mod frame;
mod handshake;
mod header;
mod mask;
mod reader;

pub use control::ControlFrame;
pub use error::ReadError;
pub use frame::{Kind, frame};
pub use handshake::{HandshakeError, accept};
pub use reader::{Input, Limits, Progress, Reader};
/// Why a connection is closed (section 7.4); [`CloseCode::is_allowed`] says whether a peer may send it.
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
