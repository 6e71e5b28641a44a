//! The `sails.sockets` API on roomcast: applications whose clients are sails.io.js go on as they were.
//!
//! | | |
//! |---|---|
//! | [`Sails`] | virtual requests: what sails.io.js sends over its socket goes to the tower service, as an axum `Router`, that answers plain HTTP too |
//! | [`Sockets`] | the eight verbs under their names, from `join` to `blast` |
//! | [`Resource`] | resourceful pubsub: `subscribe`, `publish`, the blueprints' messages |
//! | [`Hooks`] | `onlyAllowOrigins`, `beforeConnect`, `afterDisconnect` |
//! | [`SessionLayer`], [`Session`] | sessions, the same over HTTP and sockets, with cookies that Sails understands; off until the layer is there |
//! | [`GetCookie`] | `/__getcookie`, for pages of other sites |
//!
//! [`guide`] puts each line of Sails beside ours and says what differs. The transport below is `roomcast-socketio`;
//! its `SocketIoBuilder::sails_defaults` has the settings that Sails has.
//!
//! ```
//! use axum::extract::{Path, Request, State};
//! use axum::{Json, Router, routing::put};
//! use roomcast_lane::{Events, Lanes};
//! use roomcast_sails::{Error, Sails, Sockets};
//! use roomcast_socketio::SocketIo;
//! use serde_json::{Value, json};
//!
//! async fn join(State(sockets): State<Sockets>, Path(room): Path<String>, req: Request) -> Result<Json<Value>, Error> {
//!     sockets.join(&req, &room)?;                                           // plain HTTP: 400, NotASocket
//!     Ok(Json(json!({"ok": true})))
//! }
//!
//! fn mount(lanes: &Lanes) -> Router {
//!     let api = Router::new()
//!         .route("/rooms/{room}/members", put(join))
//!         .with_state(Sockets::new(lanes.engine()));
//!     let io = SocketIo::new(lanes);
//!     io.namespace("/", Events::new().fallback(Sails::new(api.clone())));   // own events first
//!     api.layer(io.layer())                                                 // the same routes over HTTP
//! }
//! ```

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
mod turns;
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
