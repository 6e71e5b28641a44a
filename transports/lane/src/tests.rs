//! Lanes driven by hand: whole turns, with streams in memory.

mod connecting;
mod ending;
mod events;
mod faults;
mod model;
mod order;
mod panics;
mod pressure;
mod reading;
mod sessions;
mod talk;
mod writes;
mod written;
