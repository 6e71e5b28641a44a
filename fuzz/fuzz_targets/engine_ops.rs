//! Sequences of all verbs against the naive model: what `engine/tests/properties.rs` does, from bytes.
#![no_main]

#[path = "../../engine/tests/model/mod.rs"]
mod model;

use libfuzzer_sys::fuzz_target;
use model::{Decoder, Pair};

fuzz_target!(|bytes: &[u8]| {
    let mut pair = Pair::new();
    Decoder(bytes).for_each(|op| pair.apply(&op));
    pair.end();
});
