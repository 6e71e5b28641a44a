//! Sails for roomcast.

#![forbid(unsafe_code)]

mod answer;
mod error;
mod kept;
mod resource;
mod sails;
mod sockets;
mod virtual_request;
mod who;

pub use error::Error;
pub use resource::Resource;
pub use sails::{Sails, SailsBuilder};
pub use sockets::{Broadcast, Sockets};
pub use virtual_request::{VirtualRequest, is_decodable};
pub use who::{Caller, Who, get_id};
