//! The I/O runtime of roomcast's TCP transports.
//!
//! A *lane* is a thread that owns connections: their streams, their protocols, what they are about to be written. Lanes take
//! broadcasts from the engine, encode each once, and write to each connection once a turn; [`Lanes`] starts them.
//!
//! - A program that has a transport gives it an [`Application`]; [`Events`] makes one of closures.
//! - A transport has a [`Protocol`], sans-IO, one for each connection, and a [`Codec`](roomcast::Codec), which writes what
//!   the program sends. The crate's example `lines` is one, whole.
//! - The feature `tls` adds `Stream::tls`: TLS, through rustls, that the lane drives itself.
//! - [`Seldom`] is for log lines that anybody may cause.
//! - Tests drive a lane by hand, without threads, network or clock: [`ManualLane`].
#![forbid(unsafe_code)]

// What tests share with those outside knows the crate by its name.
#[cfg(test)]
extern crate self as roomcast_lane;

/// The crate's own tests and its fuzz targets run with small steps, so that what is rare happens.
const SMALL: bool = cfg!(any(test, fuzzing));

mod application;
mod guard;
mod key;
mod lane;
mod lanes;
mod link;
mod manual;
mod protocol;
mod seldom;
#[cfg(test)]
mod tests;

pub use application::connect::{Connect, NewSocket};
pub use application::disconnect::{Disconnect, DisconnectReason};
pub use application::event::Event;
pub use application::events::{
    Ack, Args, Attachments, Auth, Call, Connecting, Data, Error, Events, FromConnect, FromEvent, Outcome, Requirements,
    Result, State,
};
pub use application::handshake::{Handshake, Refusal};
pub use application::reply::{AckToken, Answer, AnswerError, Reply};
pub use application::{Application, BoxFuture};
pub use guard::text as panic_text;
pub use lanes::accept::accept;
pub use lanes::codecs::CodecId;
pub use lanes::counters::LaneStats;
pub use lanes::{AdoptError, Lanes, LanesBuilder};
pub use link::stream::Stream;
pub use manual::{ManualConnection, ManualLane};
pub use protocol::close::{Close, Farewell};
pub use protocol::context::Context;
pub use protocol::port::Port;
pub use protocol::wire::Wire;
pub use protocol::{Progress, Protocol};
pub use seldom::{LeftOut, Seldom};
