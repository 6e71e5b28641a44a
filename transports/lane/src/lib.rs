//! The I/O runtime of roomcast's TCP transports.
//!
//! A *lane* is a thread that owns connections: their streams, their protocols, what they are about to be written. Lanes take
//! broadcasts from the engine, encode each once, and write to each connection once a turn; [`Lanes`] starts them.
//!
//! - A program that has a transport gives it an [`Application`]; [`Events`] makes one of closures.
//! - A transport has a [`Protocol`], sans-IO, one for each connection, and a [`Codec`](roomcast::Codec), which writes what
//!   the program sends. The crate's example `lines` is one, whole.
//! - Tests drive a lane by hand, without threads, network or clock: [`ManualLane`].
#![forbid(unsafe_code)]

/// The crate's own tests run with small steps, so that what is rare happens.
const SMALL: bool = cfg!(test);

mod accept;
mod application;
mod call;
mod close;
mod codecs;
mod connect;
mod connection;
mod context;
mod counters;
mod deliver;
mod disconnect;
mod driver;
mod ending;
mod event;
mod events;
mod flush;
mod guard;
mod handshake;
mod held;
mod ids;
mod input;
mod key;
mod lane;
mod lanes;
mod link;
mod log;
mod manual;
mod order;
mod outbox;
mod port;
mod protocol;
mod read;
mod reply;
mod shared;
mod sockets;
mod stream;
mod tasks;
#[cfg(test)]
mod tests;
mod timers;
mod wire;

pub use application::{Application, BoxFuture};
pub use close::{Close, Farewell};
pub use codecs::CodecId;
pub use connect::Connect;
pub use context::Context;
pub use counters::LaneStats;
pub use disconnect::{Disconnect, DisconnectReason};
pub use event::Event;
pub use events::{
    Ack, Args, Attachments, Auth, Call, Connecting, Data, Error, Events, FromConnect, FromEvent, Outcome, Requirements,
    Result, State,
};
pub use handshake::{Handshake, Refusal};
pub use lanes::{AdoptError, Lanes, LanesBuilder};
pub use manual::{ManualConnection, ManualLane};
pub use port::Port;
pub use protocol::{Progress, Protocol};
pub use reply::{AckToken, Answer, AnswerError, Reply};
pub use stream::Stream;
pub use wire::Wire;
