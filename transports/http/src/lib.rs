//! What the transports of roomcast that begin as an HTTP request have in common. Programs use a transport, which re-exports
//! what they need of this; whoever writes a transport uses this crate.
//!
//! - [`Origins`]: which web pages may connect; [`Cors`]: and read what they are answered.
//! - [`into_stream`]: from an upgraded HTTP connection to the stream that a lane takes; [`handshake`]: what the application is
//!   shown of the request; [`Peer`]: where it came from.
//! - [`Direct`], [`Heads`]: endpoints that take WebSockets on a lane, without an HTTP server between; [`Prefixed`]: what that
//!   one then gets of all others; [`KeptEnd`]: requests that are answered although their client sends no more.
//! - [`Frames`]: the WebSocket of a connection on a lane, its frames in and its closing handshake.
//! - [`refusal`], [`closing`]: answers to requests that become no connection.
//! - [`OpenCount`]: how many connections an endpoint has.
//! - [`Seldom`]: log lines that anybody may cause.
//! - [`BUSY_BYTES`]: how much a client sends before its heartbeat may be late.
//! - [`a_year_at_most`]: times that can be added to an `Instant`.
//!
//! With the feature `tls`, a connection inside tokio-rustls' `TlsStream<TcpStream>` goes to its lane with its TLS.

#![forbid(unsafe_code)]

mod answer;
mod cors;
mod direct;
mod frames;
mod handshake;
mod head;
mod heartbeat;
mod kept_end;
mod open;
mod origin;
mod prefixed;
mod time;
mod upgrade;

pub use answer::{closing, refusal};
pub use cors::Cors;
pub use direct::{Direct, Upgrade};
pub use frames::Frames;
pub use handshake::{Peer, handshake};
pub use head::{Head, Heads, Undirected};
pub use heartbeat::BUSY_BYTES;
pub use kept_end::KeptEnd;
pub use open::{OpenCount, OpenGuard};
pub use origin::{Foreign, InvalidOrigin, Origins};
pub use prefixed::Prefixed;
pub use roomcast_lane::{LeftOut, Seldom};
pub use time::a_year_at_most;
pub use upgrade::{UpgradeError, into_stream};
