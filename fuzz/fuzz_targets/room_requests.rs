//! Any text as a request of the room protocol: the parser agrees with a plain reading of the protocol's table.
//!
//! The check is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../transports/websocket/tests/requests/check.rs"]
mod check;

fuzz_target!(|text: &str| check::check(text));
