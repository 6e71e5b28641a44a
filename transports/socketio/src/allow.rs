//! What a program may say to a handshake, before there is a session.

use std::fmt;
use std::sync::Arc;

use http::request::{Parts, Request};
use roomcast_lane::Refusal;

/// The program's word on each handshake.
#[derive(Clone)]
pub(crate) struct Allow(Arc<Ask>);

type Ask = dyn Fn(&Parts) -> Result<(), Refusal> + Send + Sync;

impl Allow {
    pub(crate) fn new(allow: impl Fn(&Parts) -> Result<(), Refusal> + Send + Sync + 'static) -> Self {
        Self(Arc::new(allow))
    }

    /// The request, if it may begin a session.
    pub(crate) fn check<B>(&self, request: Request<B>) -> Result<Request<B>, Refusal> {
        let (head, body) = request.into_parts();
        (self.0)(&head)?;
        Ok(Request::from_parts(head, body))
    }
}

impl fmt::Debug for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allow")
    }
}
