//! Sails for roomcast.

#![forbid(unsafe_code)]

mod answer;
mod error;
mod getcookie;
pub mod guide;
mod hooks;
mod kept;
mod resource;
mod sails;
mod session;
mod sockets;
mod virtual_request;
mod who;

pub use error::Error;
pub use getcookie::GetCookie;
pub use hooks::{Hooks, InvalidOrigin, MissingOrigin, OriginFault};
pub use resource::Resource;
pub use sails::{Sails, SailsBuilder};
pub use session::cookie::SameSite;
pub use session::id::SessionId;
pub use session::layer::{InvalidSessionSettings, SessionLayer, SessionLayerBuilder, WithSession};
pub use session::memory::{MemoryStore, MemoryStoreBuilder};
pub use session::store::{Changes, Entries, Save, SessionStore, StoreError, Stored};
pub use session::{Session, SessionError};
pub use sockets::{Broadcast, Sockets};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use virtual_request::check::check;
pub use virtual_request::{VirtualRequest, is_decodable};
pub use who::{Caller, Who, get_id};
