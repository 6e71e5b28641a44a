//! The load generator of roomcast and the runner that measures room servers side by side.
//!
//! - [`load`] is one thread of members and one publisher that speaks the JSON room protocol, Socket.IO or
//!   virtual requests of sails.io.js to any server, checks every byte that arrives and reports rates, latencies
//!   and the server's CPU time.
//! - [`compare`] starts roomcast and its rivals one after the other, each alone on its core, runs the
//!   load beside it, and takes medians over interleaved rounds.
//! - [`sendlimit`] measures what no server can beat: one `send` a member from a bare loop.
//!
//! `benches/README.md` has the method and the results.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

pub mod compare;
pub mod load;
pub mod sendlimit;
