//! The room server: one binary, all transports.
//!
//! The binary is [`Settings::read`] and [`run`]. [`serve`] is of use by itself, and so is [`serve_tls`]: they serve any axum
//! [`Router`](axum::Router) and do what a public server needs and `axum::serve` leaves to others.

#![forbid(unsafe_code)]

mod api;
mod app;
mod banner;
mod bodiless;
mod census;
mod connections;
mod direct;
mod files;
mod help;
mod page;
mod run;
mod serve;
mod settings;
mod signals;
mod socketio;
mod stall;
mod stats;
mod tls;
mod units;

pub use app::router;
pub use connections::Connections;
#[doc(inline)]
pub use roomcast_http::Direct;
pub use run::run;
pub use serve::{Front, serve, serve_tls};
pub use settings::{Asked, Settings};
pub use tls::{TlsError, TlsIdentity};
