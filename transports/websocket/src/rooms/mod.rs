//! The JSON room protocol: a request is parsed to an [`Op`], carried out under a [`Policy`], and answered.

use roomcast_lane::Context;

use crate::dialect::queue_text;

mod execute;
mod invalid;
mod op;
mod policy;
mod reply;
mod request;

use execute::execute;
pub use invalid::Invalid;
pub use op::{Emit, Op};
pub use policy::Policy;
pub(crate) use reply::Answer;
pub(crate) use reply::write as write_reply;
pub(crate) use request::Fields;
pub use request::{BROADCAST_ROOMS_MAX, LIST_MAX, Request};

/// Does what the text of a frame asks for, and answers. The answer takes its place behind what was sent before.
pub(crate) fn handle_text(policy: &Policy, text: &str, cx: &mut Context<'_>) {
    // None while the connection is on its way out.
    let Some(socket) = cx.socket() else { return };
    let Request { id, op } = Request::parse(text);
    let outcome = match op {
        Ok(op) => execute(&op, socket, policy).map_err(|failure| failure.to_string()),
        Err(invalid) => Err(invalid.to_string()),
    };
    queue_text(cx, &write_reply(&id, &outcome));
}
