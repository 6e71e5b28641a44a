//! Endpoints without network, threads and clock: on a lane that is driven by hand.
//!
//! The fuzz target `socketio_transport` runs [`script`] too, and nothing else of it.
#![cfg_attr(fuzzing, allow(dead_code, reason = "of all this the script uses a part"))]

#[cfg(test)]
mod asking;
mod flavor;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod polling;
#[cfg(test)]
mod random;
mod requests;
pub mod script;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod upgrading;
mod websocket;
mod world;
