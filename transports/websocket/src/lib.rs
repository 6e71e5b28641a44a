//! Under construction.
#![forbid(unsafe_code)]
mod codec;
mod json;
mod origin;
mod rooms;
pub use origin::{InvalidOrigin, Origins};
pub use rooms::{Emit, Invalid, LIST_MAX, Op, Policy, Request};
