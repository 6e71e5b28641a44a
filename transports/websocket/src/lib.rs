//! Raw WebSocket transport of roomcast.
#![forbid(unsafe_code)]

mod codec;
mod connection;
mod dialect;
mod events;
mod heartbeat;
mod json;
mod open;
mod options;
mod origin;
mod rooms;
mod service;
#[cfg(test)]
mod testing;
mod upgrade;

pub use origin::{InvalidOrigin, Origins};
pub use rooms::{Emit, Invalid, LIST_MAX, Op, Policy, Request};
pub use service::WebSocket;

/// What a handshake says of this transport.
const TRANSPORT: &str = "websocket";
