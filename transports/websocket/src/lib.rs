//! Under construction.
#![forbid(unsafe_code)]
mod json;
mod origin;
pub mod rooms;
pub use origin::{InvalidOrigin, Origins};
