//! RFC 6455 by hand: bytes on raw sockets, against `/ws/echo` and `/ws` of the real server (CONTRACT.md sections 4, 5).
//!
//! After each group the server still serves, has not panicked, and `/stats` is back where it was.

mod closing;
mod control;
mod cuts;
mod messages;
mod noise;
mod refused;
mod rooms;
mod sizes;
mod text;

use roomcast_tests::{Client, Frame, Server, frames};

/// A fresh client sends these to `/ws/echo`; the next that comes is a close with this code, then the end.
#[track_caller]
fn assert_refused(server: &Server, sent: &[Frame], code: u16) {
    assert_bytes_refused(server, &frames(sent), code);
}

#[track_caller]
fn assert_bytes_refused(server: &Server, bytes: &[u8], code: u16) {
    let mut client = Client::open(server, "/ws/echo");
    client.send(bytes);
    client.assert_closed(code);
}
