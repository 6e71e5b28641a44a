//! Engine.IO, protocol revisions 3 and 4.

mod base64;
mod error;
mod jsonp;
mod open;
mod packet;
mod payload;
mod query;
mod refusal;
mod revision;
mod session;

pub use error::{PacketError, PayloadError};
pub use jsonp::{Jsonp, parse_form};
pub use open::Open;
pub use packet::{Data, Packet, PacketKind};
pub use payload::{Body, BodyLimits, DataKind, Payload, PayloadBuilder, PayloadLimits, Records, append_record};
pub use query::{Method, Query, Request, Transport, Verb};
pub use refusal::Refusal;
pub use revision::{Framing, Revision};
pub use session::{Action, Answer, Answered, CloseReason, Last, Received, Session, SessionConfig, Source, Waiting};
