//! The harness of the whole-system tests: the real server, reached over TCP.
//!
//! [`Client`] is for a test that talks with a few connections, one step after the other; [`Incoming`] for one with
//! hundreds at once, on a tokio runtime.
//!
//! ```no_run
//! use roomcast_tests::{Client, Server};
//!
//! let server = Server::start(&[("MAX_PAYLOAD", "1000")]);
//! let mut client = Client::open(&server, "/ws/echo");
//! client.assert_echo("hello");
//! drop(client);
//! server.wait_for_stats(&server.idle());
//! ```
//!
//! Tests wait for conditions ([`wait_until`]) and for bytes, never for a time. Whatever does not happen within
//! [`DEADLINE`] fails the test, which then prints what the server logged.

#![forbid(unsafe_code)]

mod client;
mod frame;
mod http;
mod incoming;
mod memory;
mod server;
mod stats;
mod tls;
mod wait;

pub use client::{Client, handshake};
pub use frame::{Frame, Head, Length, frames};
pub use http::Response;
pub use incoming::{Incoming, open_rooms, raise_file_limit};
pub use memory::Memory;
pub use server::Server;
pub use stats::Stats;
pub use tls::{Identity, Member, TlsServer};
pub use wait::{DEADLINE, wait_until};
