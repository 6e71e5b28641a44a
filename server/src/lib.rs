//! The room server: one binary, all transports.
//!
//! The binary is [`Settings::read`] and [`run`]. [`serve`] is of use by itself: it serves any axum [`Router`](axum::Router)
//! and does what a public server needs and `axum::serve` leaves to others.

#![forbid(unsafe_code)]

mod app;
mod banner;
mod connections;
mod files;
mod help;
mod page;
mod run;
mod serve;
mod settings;
mod stall;
mod stats;
mod units;

pub use app::router;
pub use connections::Connections;
pub use run::run;
pub use serve::{Front, serve};
pub use settings::{Asked, Settings};
