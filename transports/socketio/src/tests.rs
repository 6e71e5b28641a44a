//! Endpoints without network, threads and clock: on a lane that is driven by hand.

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
