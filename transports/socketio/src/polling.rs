//! A session without a stream: polls, posts, and the WebSocket that will replace them.

mod get;
mod post;
mod upgrading;

use std::time::{Duration, Instant};

use roomcast_lane::{Close, Context, DisconnectReason};
use roomcast_socketio_protocol::engineio::{
    Body, BodyLimits, Framing, Jsonp, Open, Packet, PacketKind, PayloadBuilder,
};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::input::{Get, Input, Joined};
use crate::polled::Polled;

use post::{Posting, Taken};
use upgrading::Switching;

/// What belongs to the polls of a session.
pub(crate) struct Polling {
    /// The handshake's answer is awaited.
    opened: Option<oneshot::Sender<Body>>,
    framing: Framing,
    jsonp: Option<Jsonp>,
    get: Option<Get>,
    posting: Posting,
    taken: Taken,
    candidate: Option<Joined>,
    switching: Switching,
    /// Until when its client has to come again; gone once it did.
    comes_until: Option<Instant>,
    _polled: Polled,
}

/// How long a client may take from the answer of its handshake to its next request: clients poll at once.
const COMES_AGAIN: Duration = Duration::from_secs(10);

impl Polling {
    /// Of a session whose handshake is answered through `opened`.
    pub(crate) fn new(opened: oneshot::Sender<Body>, framing: Framing, jsonp: Option<Jsonp>, polled: Polled) -> Self {
        Self {
            opened: Some(opened),
            framing,
            jsonp,
            get: None,
            posting: Posting::Nothing,
            taken: Taken::default(),
            candidate: None,
            switching: Switching::No,
            comes_until: None,
            _polled: polled,
        }
    }

    /// Whether a poll waits.
    pub(crate) fn has_get(&self) -> bool {
        self.get.is_some()
    }

    /// Until when what was put aside of a POST waits for a poll.
    fn waits_until(&self) -> Option<Instant> {
        self.taken.waits_until().filter(|_| matches!(self.posting, Posting::Handling(_)))
    }

    /// Bytes that polls took.
    pub(crate) fn taken(&self) -> usize {
        self.taken.bytes()
    }

    /// The first of its own deadlines: until when its client has to come again, or its good-bye or its POST waits for a poll.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let leaves_at = match &self.posting {
            Posting::Leaving(_, until) => Some(*until),
            _ => None,
        };
        self.comes_until.into_iter().chain(leaves_at).chain(self.waits_until()).min()
    }

    /// Answers the handshake.
    pub(crate) fn say_open(&mut self, open: &Open<'_>, now: Instant) -> Result<(), Close> {
        self.comes_until = Some(now + COMES_AGAIN);
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
    /// Time passed.
    pub(crate) fn handle_polling_timeout(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), Close> {
        let comes_until = self.polling.as_ref().and_then(|polling| polling.comes_until);
        if comes_until.is_some_and(|until| until <= now) {
            return Err(Close::new(1000, "", DisconnectReason::PingTimeout));
        }
        self.leave_if(|until| until <= now, cx)?;
        let waits_until = self.polling.as_ref().and_then(|polling| polling.waits_until());
        if waits_until.is_some_and(|until| until <= now) { self.go_on_with_post(cx) } else { Ok(()) }
    }

    /// A request, or the candidate, has something for the session.
    pub(crate) fn handle_request(&mut self, input: Input, cx: &mut Context<'_>) -> Result<(), Close> {
        // A client that is late is late, also if the lane's clock has not struck yet; and one that came in time did, also if
        // the lane is late.
        if let Some(at) = input.came_at() {
            self.judge(at, cx)?;
        }
        if let Some(polling) = &mut self.polling {
            polling.comes_until = None;
        }
        match input {
            Input::Get(get) => {
                self.handle_get(get);
                self.leave_if(|_| true, cx)?;
            }
            Input::GetLost => self.handle_get_lost(),
            Input::PostBegun(_) => self.handle_post_begun(),
            Input::Post(post) => self.handle_post(post, cx)?,
            Input::PostRefused => {
                self.take_posting();
                self.session.handle_post_refused();
            }
            Input::PostLost => {
                self.take_posting();
                self.session.handle_post_lost();
            }
            Input::Joined(joined) => self.handle_joined(joined, cx),
            Input::CandidateSaid(serial, said) => self.handle_candidate_said(serial, said, cx)?,
            Input::CandidateLost(serial) => self.handle_candidate_lost(serial),
        }
        self.act(cx)?;
        self.hand_over();
        Ok(())
    }
}
