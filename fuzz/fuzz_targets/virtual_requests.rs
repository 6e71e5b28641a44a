//! Any text as the arguments of a virtual request, and as the body of an answer.
//!
//! The check is that of the crate's own tests, and so the seeds are replayed by `cargo test` too.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| roomcast_sails::check(text));
