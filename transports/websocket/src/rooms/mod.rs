//! The JSON room protocol: a request is parsed to an [`Op`], carried out under a [`Policy`], and answered.

mod execute;
mod invalid;
mod op;
mod policy;
mod reply;
mod request;

pub(crate) use execute::execute;
pub use invalid::Invalid;
pub use op::{Emit, Op};
pub use policy::Policy;
pub(crate) use reply::Answer;
pub(crate) use reply::write as write_reply;
pub(crate) use request::Fields;
pub use request::{LIST_MAX, Request};
