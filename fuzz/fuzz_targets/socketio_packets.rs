//! Any bytes as a client's messages of Socket.IO: judged as a plain reading of the rules judges them, and what is taken comes
//! back when it is written, as text and as msgpack.
//!
//! The check is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "it serves two targets")]
#[path = "../../transports/socketio-protocol/tests/socketio/check.rs"]
mod check;
#[path = "../../transports/socketio-protocol/tests/socketio/model.rs"]
mod model;

fuzz_target!(|input: &[u8]| check::check_text(input));
