//! Any bytes as the input of a WebSocket: the reader says the same as tungstenite, and the same however they are cut.
//!
//! The comparison is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../transports/rfc6455/tests/reader/compare.rs"]
mod compare;
#[path = "../../transports/rfc6455/tests/reader/oracle.rs"]
mod oracle;
#[path = "../../transports/rfc6455/tests/reader/outcome.rs"]
mod outcome;
#[path = "../../transports/rfc6455/tests/reader/session.rs"]
mod session;

fuzz_target!(|input: &[u8]| compare::check_input(input));
