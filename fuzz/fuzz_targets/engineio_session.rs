//! Any bytes as what happens to a session of Engine.IO: it decides what a naive model does, and loses no message.
//!
//! The check is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../transports/socketio-protocol/tests/engineio/session/model.rs"]
mod model;
#[path = "../../transports/socketio-protocol/tests/engineio/session/world.rs"]
mod world;

fuzz_target!(|input: &[u8]| world::play(input));
