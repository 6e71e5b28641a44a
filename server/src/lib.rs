//! Under construction.
#![forbid(unsafe_code)]
mod help;
mod settings;
mod units;
pub use settings::*;
