//! The journal: sockets that lose their connection and come back.

mod api;
mod concurrent;
mod mail;
#[path = "../model/mod.rs"]
mod model;
mod properties;
