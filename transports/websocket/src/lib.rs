//! Under construction.
#![forbid(unsafe_code)]
mod json;
pub mod rooms;
