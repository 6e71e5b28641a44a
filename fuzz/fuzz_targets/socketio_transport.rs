//! Any sequence of polls, POSTs, candidates, frames, broadcasts, answers and faults on a Socket.IO endpoint: nothing is lost,
//! doubled or out of order, every request is answered, and nothing is left.
//!
//! The interpreter and its model are those of the crate's own tests (`src/tests/script`), where the seeds are replayed too.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| roomcast_socketio::tests::script::run(bytes));
