//! Any bytes as a payload and as frames of Engine.IO 4: read as a plain reading of the format does, and written again.
//!
//! The check is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_socketio_protocol::engineio::Revision;

#[path = "../../transports/socketio-protocol/tests/engineio/payload/check.rs"]
mod check;
#[path = "../../transports/socketio-protocol/tests/engineio/payload/naive.rs"]
mod naive;

fuzz_target!(|input: &[u8]| check::check(Revision::V4, input));
