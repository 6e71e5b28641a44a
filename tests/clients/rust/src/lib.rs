//! What the tests need: the real server as a process, and a client of `rust_socketio` that keeps what it hears.

#![forbid(unsafe_code)]

mod peer;
mod server;

use std::time::Duration;

pub use peer::{Heard, Peer, at, builder, text};
pub use server::Server;

/// How long anything may take before a test fails: generous, for a machine that also compiles.
pub const DEADLINE: Duration = Duration::from_secs(30);
