#![doc = include_str!("guide.md")]
#![forbid(unsafe_code)]

mod allow;
mod asks;
mod candidate;
mod client;
mod codec;
mod connection;
mod cookie;
mod emit_with_ack;
mod input;
mod kept;
mod mount;
mod namespaces;
mod options;
mod polled;
mod polling;
mod post;
mod recovery;
mod request;
mod service;
mod sessions;
mod sid;
mod socket_io;
#[cfg(any(test, fuzzing))]
pub mod tests;
mod top;
mod upgrade;
mod websocket;

pub use cookie::{Cookie, InvalidCookie};
pub use emit_with_ack::{AckError, Acks, AskMany, AskOne, EmitWithAck};
pub use recovery::Recovery;
pub use roomcast_http::{InvalidOrigin, Origins};
pub use service::{SocketIoLayer, SocketIoService, WithSocketIo, WithSocketIoFuture};
pub use socket_io::{SocketIo, SocketIoBuilder};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
