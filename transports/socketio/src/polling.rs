//! A session without a stream: polls, posts, and the WebSocket that will replace them.

mod get;
mod post;
mod upgrading;

use std::time::Instant;

use roomcast_lane::{Close, Context};
use roomcast_socketio_protocol::engineio::{
    Body, BodyLimits, Framing, Jsonp, Open, Packet, PacketKind, PayloadBuilder,
};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::input::{Get, Input, Joined};

use post::Posting;

/// What belongs to the polls of a session.
pub(crate) struct Polling {
    /// The handshake's answer is awaited.
    opened: Option<oneshot::Sender<Body>>,
    framing: Framing,
    jsonp: Option<Jsonp>,
    get: Option<Get>,
    posting: Posting,
    candidate: Option<Joined>,
    /// The candidate is handing its stream over.
    is_switching: bool,
}

impl Polling {
    /// Of a session whose handshake is answered through `opened`.
    pub(crate) fn new(opened: oneshot::Sender<Body>, framing: Framing, jsonp: Option<Jsonp>) -> Self {
        Self {
            opened: Some(opened),
            framing,
            jsonp,
            get: None,
            posting: Posting::Nothing,
            candidate: None,
            is_switching: false,
        }
    }

    /// Whether a poll waits.
    pub(crate) fn has_get(&self) -> bool {
        self.get.is_some()
    }

    /// Until when a client's good-bye waits for a poll.
    pub(crate) fn leaves_at(&self) -> Option<Instant> {
        match &self.posting {
            Posting::Leaving(_, until) => Some(*until),
            _ => None,
        }
    }

    /// Answers the handshake.
    pub(crate) fn say_open(&mut self, open: &Open<'_>) -> Result<(), Close> {
        let mut body = PayloadBuilder::new(self.framing, self.jsonp, BodyLimits::default());
        body.push(&Packet::new(PacketKind::Open, &open.to_json()));
        match self.opened.take().map(|opened| opened.send(body.finish())) {
            Some(Ok(())) => Ok(()),
            // The client left, and nobody else knows of the session.
            _ => Err(Close::ended()),
        }
    }
}

impl Connection {
    /// A request, or the candidate, has something for the session.
    pub(crate) fn handle_request(&mut self, input: Input, cx: &mut Context<'_>) -> Result<(), Close> {
        // A client that is late is late, also if the lane's clock has not struck yet.
        self.session.handle_timeout(cx.now(), &self.mount.options.session);
        self.act(cx)?;
        match input {
            Input::Get(get) => {
                self.handle_get(get);
                self.leave_if(|_| true, cx)?;
            }
            Input::GetLost => self.handle_get_lost(),
            Input::PostBegun => self.handle_post_begun(),
            Input::Post(post) => return self.handle_post(post, cx),
            Input::PostRefused => {
                self.take_posting();
                self.session.handle_post_refused();
            }
            Input::PostLost => {
                self.take_posting();
                self.session.handle_post_lost();
            }
            Input::Joined(joined) => self.handle_joined(joined, cx),
            Input::CandidateSaid(serial, said) => return self.handle_candidate_said(serial, said, cx),
            Input::CandidateLost(serial) => self.handle_candidate_lost(serial),
        }
        self.act(cx)
    }
}
