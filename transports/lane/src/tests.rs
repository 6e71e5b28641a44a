//! Lanes driven by hand: whole turns, with streams in memory.

mod accepting;
mod behind;
mod budget;
mod changing;
mod connecting;
mod ending;
mod events;
mod faults;
mod model;
mod order;
mod panics;
mod pressure;
mod reading;
mod recovery;
mod sessions;
mod talk;
#[cfg(feature = "tls")]
mod tls;
mod writes;
mod written;
