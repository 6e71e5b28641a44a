//! The JSON room protocol.

mod invalid;
mod op;
mod reply;
mod request;

pub use invalid::Invalid;
pub use op::{Emit, Op};
pub use request::{LIST_MAX, Request};
