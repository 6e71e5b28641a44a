//! Any sequence of deliveries, answers, closes and faults of streams on a lane: each client gets just what it must.
//!
//! The interpreter and its checks are those of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../transports/lane/src/tests/writes/mod.rs"]
mod writes;

fuzz_target!(|bytes: &[u8]| writes::run(bytes, writes::Scale::SMALL));
