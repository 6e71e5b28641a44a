//! One client's session: which transport carries it, its heartbeat, its upgrade and its end. Decisions only.
//!
//! The driver tells a session what happens (`handle_*`, with the time where it matters) and then does what
//! [`poll_action`](Session::poll_action) says, until it says nothing, before it tells more. The session holds no bytes.
//! Messages wait wherever the driver keeps them, and the session only knows [how much](Session::handle_output) that is.
//!
//! ```text
//!             Opening                       handle_open
//!                |                              v
//!               Open ------ the client leaves, breaks the protocol, is silent ------> Closed
//!                |                                                                      ^
//!                +-- close() on a WebSocket --------------------------------------------+
//!                +-- close() on polling --> Closing -- the poll with `1`, or 30 s ------+
//!
//!   carried by   Polling -- candidate joins -- `2probe` -- `5` --> WebSocket
//!                               |  polls as ever  |  and none waits longer than 100 ms
//!                               +-----------------+-- lost, wrong packet, 10 s: back to polling alone
//! ```
//!
//! # Polling
//! A poll that finds nothing waits; it is answered by what comes first: a message, a heartbeat, a probe, the end. One GET
//! and one POST at a time: a second one ends the session, as engine.io does it, because no client of the protocol sends it.
//! Heartbeats go ahead of messages, so a full queue cannot hide them.
//!
//! # Upgrade
//! Until `5` everything goes by polls. A client says `5` when its last poll has come back, so nothing can be lost or change
//! places; a noop brings that poll back if nothing else does. Whoever never hears that it may change, because something on
//! the way lets WebSockets begin and swallows their frames, polls on and misses nothing. A POST that began before `5` still
//! counts. From `5` on the session knows no polling. The heartbeat begins anew, so that a ping whose pong is lost between
//! transports neither kills the client nor keeps it for ever.
//!
//! # Cost
//! Each call is a few comparisons, without allocation. A session is 96 bytes: the [`SessionConfig`] that it has in common
//! with others is lent to each call, always the same one.
//!
//! ```
//! use roomcast_socketio_protocol::engineio::*;
//! use std::time::Instant;
//!
//! let (config, now) = (SessionConfig::default(), Instant::now());
//! let mut session = Session::new(Revision::V4, Transport::Polling);
//! session.handle_open(now, &config);
//! assert_eq!(session.poll_action(), Some(Action::Open)); // answers the handshake
//!
//! session.handle_get()?; // waits
//! assert_eq!(session.poll_action(), None);
//!
//! let mut records = bytes::BytesMut::new(); // what the driver keeps for the client
//! append_record(&mut records, DataKind::Text, |out| Ok::<_, Refusal>(out.extend_from_slice(b"2[\"hi\"]")))?;
//! session.handle_output(Waiting { packets: 1, bytes: records.len() }, &config);
//! let Some(Action::Answer(answer)) = session.poll_action() else { panic!() };
//! let mut body = PayloadBuilder::new(Framing::new(Revision::V4), None, BodyLimits::default());
//! let answered = answer.write(&mut body, |body| {
//!     let used = body.push_records(&records);
//!     Waiting { packets: 0, bytes: records.len() - used }
//! });
//! session.handle_answered(answered, now, &config);
//! assert_eq!(&body.finish().bytes[..], b"42[\"hi\"]");
//! # Ok::<_, Refusal>(())
//! ```

mod action;
mod config;
mod heartbeat;
mod polling;
mod upgrade;

pub use action::{Action, Answer, Answered, CloseReason, Last, Received, Source, Waiting};
pub use config::SessionConfig;

use std::time::Instant;

use smallvec::SmallVec;

use super::{Packet, PacketKind, Revision, Transport};
use heartbeat::{Due, Heartbeat};
use polling::Polling;
use upgrade::Candidate;

/// The state of one session.
#[derive(Debug)]
pub struct Session {
    revision: Revision,
    phase: Phase,
    carrier: Carrier,
    candidate: Option<Candidate>,
    /// A POST is being read.
    is_posting: bool,
    actions: SmallVec<[Action; 4]>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Opening,
    Open(Heartbeat),
    /// The client is to be told by a poll, until then.
    Closing(CloseReason, Instant),
    Closed(CloseReason),
}

#[derive(Debug, Clone, Copy)]
enum Carrier {
    Polling(Polling),
    WebSocket,
}

impl Session {
    /// A session whose handshake came by `transport`. Nothing happens to it before [`Self::handle_open`].
    #[must_use]
    pub fn new(revision: Revision, transport: Transport) -> Self {
        let carrier = match transport {
            Transport::Polling => Carrier::Polling(Polling::default()),
            Transport::WebSocket => Carrier::WebSocket,
        };
        let actions = SmallVec::new();
        Self { revision, phase: Phase::Opening, carrier, candidate: None, is_posting: false, actions }
    }

    /// The client may come in: it is told so, and its heartbeat begins.
    pub fn handle_open(&mut self, now: Instant, config: &SessionConfig) {
        if matches!(self.phase, Phase::Opening) {
            self.restart_heartbeat(now, config);
            self.act(Action::Open);
        }
    }

    /// A packet came. Packets from where none may come any more are nothing.
    pub fn handle_packet(
        &mut self,
        source: Source,
        packet: &Packet<'_>,
        now: Instant,
        config: &SessionConfig,
    ) -> Received {
        if source == Source::Candidate {
            self.handle_candidate_packet(packet, now, config);
            return Received::Nothing;
        }
        if !self.listens_to(source) {
            return Received::Nothing;
        }
        let is_late = source == Source::Polling && matches!(self.carrier, Carrier::WebSocket);
        match (packet.kind, self.revision, self.phase) {
            (PacketKind::Message, _, Phase::Open(_)) => return Received::Message,
            // From here on: the business of a transport, and the old one has none any more.
            _ if is_late => {}
            (PacketKind::Close, ..) => self.finish(CloseReason::TransportClose, Last::Noop),
            (PacketKind::Ping, Revision::V4, Phase::Open(_)) | (PacketKind::Pong, Revision::V3, Phase::Open(_)) => {
                self.finish(CloseReason::TransportError, Last::Close);
            }
            (PacketKind::Pong, Revision::V4, Phase::Open(_)) => self.beat(now, config),
            (PacketKind::Ping, Revision::V3, Phase::Open(_)) => {
                self.beat(now, config);
                self.pong();
            }
            _ => {}
        }
        Received::Nothing
    }

    /// What came is no packet, or no payload.
    pub fn handle_invalid(&mut self, source: Source) {
        if source == Source::Candidate {
            self.close_candidate();
        } else if self.listens_to(source) {
            self.finish(CloseReason::ParseError, Last::Close);
        }
    }

    /// What a client that is [overdue](Self::is_overdue) has to say may be stuck behind other data: it has the time of one more
    /// silence.
    pub fn excuse(&mut self, now: Instant, config: &SessionConfig) {
        if let Phase::Open(heartbeat) = &mut self.phase {
            heartbeat.excuse(now, config);
        }
    }

    /// The session's WebSocket is gone: with [`CloseReason::TransportClose`], or because it failed.
    pub fn handle_websocket_lost(&mut self, reason: CloseReason) {
        if matches!(self.carrier, Carrier::WebSocket) && !self.is_closed() {
            self.end(reason);
        }
    }

    /// Whether [`Self::handle_timeout`] would give the client up, unless something came of which it is not told.
    #[must_use]
    pub fn is_overdue(&self, now: Instant, config: &SessionConfig) -> bool {
        matches!(&self.phase, Phase::Open(heartbeat) if heartbeat.is_overdue(now, config))
    }

    /// The server ends the session. On polling what waits still goes out, and the client is told by the last poll.
    pub fn close(&mut self, reason: CloseReason, now: Instant, config: &SessionConfig) {
        match (self.phase, self.carrier) {
            (Phase::Opening, _) | (Phase::Open(_), Carrier::WebSocket) => self.finish(reason, Last::Close),
            (Phase::Open(_), Carrier::Polling(_)) => {
                self.phase = Phase::Closing(reason, now + config.close_timeout);
                self.answer_if_due();
            }
            (Phase::Closing(..) | Phase::Closed(_), _) => {}
        }
    }

    /// When [`Self::handle_timeout`] is to be called next. Cheap; changes with any call.
    #[must_use]
    pub fn poll_timeout(&self, config: &SessionConfig) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Opening | Phase::Closed(_) => None,
            Phase::Open(heartbeat) => Some(heartbeat.poll_timeout(config)),
            Phase::Closing(_, until) => Some(*until),
        };
        let candidate = self.candidate.as_ref().map(Candidate::poll_timeout);
        phase.into_iter().chain(candidate).min()
    }

    /// The time of [`Self::poll_timeout`] has come. Earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant, config: &SessionConfig) {
        self.handle_candidate_timeout(now);
        match &mut self.phase {
            Phase::Open(heartbeat) => match heartbeat.handle_timeout(now, config) {
                Due::Nothing => {}
                Due::Ping => self.ping(),
                Due::Dead => self.finish(CloseReason::PingTimeout, Last::Close),
            },
            Phase::Closing(reason, until) if *until <= now => {
                let reason = *reason;
                self.finish(reason, Last::Close);
            }
            Phase::Opening | Phase::Closing(..) | Phase::Closed(_) => {}
        }
    }

    /// What is to be done next, or `None` until something happens. To be asked after each `handle_*` and [`Self::close`].
    pub fn poll_action(&mut self) -> Option<Action> {
        if self.actions.is_empty() { None } else { Some(self.actions.remove(0)) }
    }

    /// The protocol's revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What carries the session now.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.carrier {
            Carrier::Polling(_) => Transport::Polling,
            Carrier::WebSocket => Transport::WebSocket,
        }
    }

    /// Whether messages may come and go.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn closed_for(&self) -> Option<CloseReason> {
        match self.phase {
            Phase::Closed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// Whether packets from there are to be looked at.
    fn listens_to(&self, source: Source) -> bool {
        let is_alive = matches!(self.phase, Phase::Open(_) | Phase::Closing(..));
        is_alive
            && match source {
                Source::Polling => self.is_posting,
                Source::WebSocket => matches!(self.carrier, Carrier::WebSocket),
                Source::Candidate => self.candidate.is_some(),
            }
    }

    fn restart_heartbeat(&mut self, now: Instant, config: &SessionConfig) {
        self.phase = Phase::Open(Heartbeat::new(self.revision, now, config));
    }

    fn beat(&mut self, now: Instant, config: &SessionConfig) {
        if let Phase::Open(heartbeat) = &mut self.phase {
            heartbeat.handle_beat(now, config);
        }
    }

    fn ping(&mut self) {
        match &mut self.carrier {
            Carrier::WebSocket => self.act(Action::Ping),
            Carrier::Polling(polling) => {
                polling.is_ping_due = true;
                self.answer_if_due();
            }
        }
    }

    fn pong(&mut self) {
        match &mut self.carrier {
            Carrier::WebSocket => self.act(Action::Pong),
            Carrier::Polling(polling) => {
                polling.is_pong_due = true;
                self.answer_if_due();
            }
        }
    }

    /// Ends the session and its WebSocket.
    fn finish(&mut self, reason: CloseReason, last: Last) {
        self.close_candidate();
        match self.carrier {
            Carrier::WebSocket => self.act(Action::CloseWebSocket),
            Carrier::Polling(polling) if polling.has_get => self.act(Action::Answer(Answer::only(last))),
            Carrier::Polling(_) => {}
        }
        self.end(reason);
    }

    fn end(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed(reason);
        self.act(Action::Closed(reason));
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}

#[cfg(test)]
mod tests;
