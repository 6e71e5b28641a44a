//! Sails for roomcast.

#![forbid(unsafe_code)]

mod answer;
mod error;
mod kept;
mod sails;
mod virtual_request;

pub use error::Error;
pub use sails::{Sails, SailsBuilder};
pub use virtual_request::{VirtualRequest, is_decodable};
