//! Any sequence of polls, POSTs, candidates, frames, broadcasts, answers and faults, from bytes, against a model of what every
//! client and the application must have got.
//!
//! One interpreter for all: the property test beside it and the fuzz target `socketio_transport`. Clients are of both
//! revisions and both parsers, with and without bytes, on WebSockets and on polls; the latter try to upgrade. What must hold:
//!
//! - What the server sent comes to each client once, in order, on the one transport or the other: all that is reliable while
//!   the session lives, and else up to some point. An answer that was on its way when its client left counts as come.
//! - What a client said comes to the application once, in the order of its POSTs and of its frames; all of a POST before it is
//!   answered with `ok`, and all that was handed in before the `5` before all frames behind it.
//! - Where connections are recovered, a client whose connection is lost, and which says what it got last, is who it was, in its
//!   rooms, and gets what it missed behind its CONNECT, each message once. That is so if it did not leave on purpose, the journal
//!   has all of it, and nobody comes with its secret while another one is being let in with it; else it begins anew. Whose place
//!   it takes is ended. Windows are left out: they are measured with a clock that nobody here drives.
//! - A session ends only if there is a reason. Whatever happens to a candidate before its `5` is none.
//! - Every request is answered. At the end nothing is left: no session, no socket, no connection, no byte.

mod bytes;
mod coming_back;
mod end;
mod house;
mod past;
mod player;
mod stage;

/// Does what the bytes say, and checks.
///
/// # Panics
/// If something is not as it must be.
pub fn run(bytes: &[u8]) {
    let mut bytes = bytes::Bytes::new(bytes);
    let mut stage = stage::Stage::new(&mut bytes);
    while let Some(step) = bytes.next() {
        stage.apply(step, &mut bytes);
        stage.check_now();
    }
    stage.end();
}
