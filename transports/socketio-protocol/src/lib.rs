//! Engine.IO and Socket.IO, without I/O.
//!
//! - [`engineio`]: the transport's half: packets, polling payloads, the handshake, and the session with its
//!   heartbeat and its upgrade. Protocol revisions 3 and 4.
//! - [`socketio`]: what stands on it: packets with attachments, namespaces.
//!
//! Nothing here reads a socket or a clock: bytes and an [`Instant`](std::time::Instant) come in as arguments, bytes
//! and decisions come out.

#![forbid(unsafe_code)]

pub mod engineio;
pub mod socketio;
