//! A session as plainly as it can be said: flags, times in milliseconds, one rule after the other.

use roomcast_socketio_protocol::engineio::{Action, Answer, CloseReason, Last, Refusal, Source};

pub(crate) const INTERVAL: u64 = 300;
pub(crate) const TIMEOUT: u64 = 200;
pub(crate) const UPGRADE: u64 = 250;
pub(crate) const CLOSE: u64 = 400;
const FREE: u64 = 100;
pub(crate) const PACKETS_MAX: usize = 12;
/// A little more than eleven messages of two digits, as records.
pub(crate) const BYTES_MAX: usize = 115;

/// What a client can send, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Message,
    Ping,
    Probe,
    Pong,
    Close,
    Upgrade,
    Noop,
    Invalid,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) v4: bool,
    pub(crate) now: u64,
    pub(crate) opened: bool,
    pub(crate) closing: Option<CloseReason>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) websocket: bool,
    pub(crate) get: bool,
    pub(crate) post: bool,
    /// Messages that wait for polls.
    pub(crate) held: usize,
    /// Bytes of them.
    pub(crate) bytes: usize,
    ping: bool,
    pong: bool,
    /// The candidate's deadline.
    pub(crate) candidate: Option<u64>,
    probed: bool,
    /// When a poll that waits beside a probe is answered.
    free_at: u64,
    /// When the client was pinged, if it is silent since.
    pinged: Option<u64>,
    /// Revision 4: when to ping next. Revision 3: when the client was heard.
    beat: u64,
    close_by: u64,
    /// What is expected of the session.
    pub(crate) actions: Vec<Action>,
}

impl Model {
    pub(crate) fn new(v4: bool, websocket: bool) -> Self {
        Self { v4, websocket, ..Self::default() }
    }

    fn alive(&self) -> bool {
        self.opened && self.closed.is_none()
    }

    pub(crate) fn open(&self) -> bool {
        self.alive() && self.closing.is_none()
    }

    pub(crate) fn handle_open(&mut self) {
        if !self.opened && self.closed.is_none() {
            self.opened = true;
            self.actions.push(Action::Open);
            self.beat_anew();
        }
    }

    fn beat_anew(&mut self) {
        self.pinged = None;
        self.beat = if self.v4 { self.now + INTERVAL } else { self.now };
    }

    pub(crate) fn excuse(&mut self) {
        if !self.open() || self.deadline_of_beat().is_none_or(|due| self.now < due) {
            return;
        }
        if !self.v4 {
            self.beat = self.now - INTERVAL;
        } else if self.pinged.is_some() {
            self.pinged = Some(self.now);
        }
    }

    fn heard(&mut self) {
        if !self.v4 {
            self.beat = self.now;
        } else if let Some(pinged) = self.pinged.take() {
            self.beat = pinged + INTERVAL;
        }
    }

    /// The session ends now.
    fn end(&mut self, reason: CloseReason, last: Last) {
        if self.candidate.take().is_some() {
            self.actions.push(Action::CloseCandidate);
        }
        if self.websocket {
            self.actions.push(Action::CloseWebSocket);
        } else if self.get {
            self.actions.push(Action::Answer(Answer { last, ..Answer::default() }));
        }
        self.get = false;
        self.closed = Some(reason);
        self.actions.push(Action::Closed(reason));
    }

    /// Answers a poll if it can be.
    fn talk(&mut self) {
        if !self.alive() || self.websocket || !self.get {
            return;
        }
        let last = if self.closing.is_some() { Last::Close } else { Last::Noop };
        if self.ping || self.pong || self.held > 0 || self.closing.is_some() {
            self.get = false;
            let answer = Answer { ping: self.ping, pong: self.pong, data: self.held > 0, last };
            (self.ping, self.pong) = (false, false);
            self.actions.push(Action::Answer(answer));
        }
    }

    /// Whether polling is what carries the session.
    fn check_polling(&self) -> Result<(), Refusal> {
        match (self.closed, self.opened && !self.websocket) {
            (Some(_), _) => Err(Refusal::SessionUnknown),
            (None, true) => Ok(()),
            (None, false) => Err(Refusal::BadRequest),
        }
    }

    pub(crate) fn handle_get(&mut self) -> Result<(), Refusal> {
        self.check_polling()?;
        if self.get {
            self.end(CloseReason::TransportError, Last::Close);
            return Err(Refusal::BadRequest);
        }
        self.get = true;
        self.talk();
        Ok(())
    }

    pub(crate) fn handle_post(&mut self) -> Result<(), Refusal> {
        self.check_polling()?;
        if self.closing.is_some() {
            return Err(Refusal::SessionUnknown);
        }
        if self.post {
            self.end(CloseReason::TransportError, Last::Close);
            return Err(Refusal::BadRequest);
        }
        self.post = true;
        Ok(())
    }

    pub(crate) fn handle_post_end(&mut self) -> Result<(), Refusal> {
        self.post = false;
        match self.closed {
            None if self.closing.is_some() => Err(Refusal::SessionUnknown),
            None | Some(CloseReason::TransportClose) => Ok(()),
            Some(CloseReason::ParseError | CloseReason::TransportError) => Err(Refusal::BadRequest),
            Some(_) => Err(Refusal::SessionUnknown),
        }
    }

    pub(crate) fn handle_post_lost(&mut self) {
        if std::mem::take(&mut self.post) && self.alive() {
            self.end(CloseReason::TransportError, Last::Close);
        }
    }

    pub(crate) fn handle_candidate(&mut self) -> Result<(), Refusal> {
        if self.closed.is_some() {
            return Err(Refusal::SessionUnknown);
        }
        if !self.open() || self.websocket || self.candidate.is_some() {
            return Err(Refusal::BadRequest);
        }
        self.candidate = Some(self.now + UPGRADE);
        self.probed = false;
        Ok(())
    }

    pub(crate) fn handle_candidate_lost(&mut self) {
        self.candidate = None;
    }

    /// A poll that waits is answered, with nothing.
    fn free(&mut self) {
        if std::mem::take(&mut self.get) {
            self.actions.push(Action::Answer(Answer::default()));
        }
    }

    fn drop_candidate(&mut self) {
        if self.candidate.is_some() {
            self.actions.push(Action::CloseCandidate);
            self.handle_candidate_lost();
        }
    }

    /// Whether it is a message for the application.
    pub(crate) fn handle_packet(&mut self, source: Source, sent: Sent) -> bool {
        match source {
            Source::Candidate => {
                if self.candidate.is_some() {
                    self.handle_candidate_packet(sent);
                }
                return false;
            }
            Source::Polling if !self.post => return false,
            Source::WebSocket if !self.websocket => return false,
            _ => {}
        }
        if !self.alive() {
            return false;
        }
        let late = source == Source::Polling && self.websocket;
        if sent == Sent::Invalid {
            self.end(CloseReason::ParseError, Last::Close);
        } else if sent == Sent::Message && self.open() {
            return true;
        } else if late {
            return false;
        } else if sent == Sent::Close {
            self.end(CloseReason::TransportClose, Last::Noop);
        } else if self.open() {
            let ping = matches!(sent, Sent::Ping | Sent::Probe);
            if (ping && self.v4) || (sent == Sent::Pong && !self.v4) {
                self.end(CloseReason::TransportError, Last::Close);
                return false;
            }
            if ping || sent == Sent::Pong {
                self.heard();
            }
            if ping && self.websocket {
                self.actions.push(Action::Pong);
            } else if ping {
                self.pong = true;
                self.talk();
            }
        }
        false
    }

    fn handle_candidate_packet(&mut self, sent: Sent) {
        match sent {
            Sent::Probe => {
                self.probed = true;
                self.free_at = self.now + FREE;
                self.actions.push(Action::AnswerProbe);
                self.free();
            }
            Sent::Upgrade if self.probed => {
                self.candidate = None;
                self.free();
                self.websocket = true;
                self.actions.push(Action::Switch);
                if self.pong {
                    self.actions.push(Action::Pong);
                }
                (self.held, self.bytes) = (0, 0);
                match self.closing {
                    Some(reason) => self.end(reason, Last::Close),
                    None => self.beat_anew(),
                }
            }
            _ => self.drop_candidate(),
        }
    }

    pub(crate) fn handle_websocket_lost(&mut self, reason: CloseReason) {
        if self.websocket && self.closed.is_none() {
            self.closed = Some(reason);
            self.actions.push(Action::Closed(reason));
        }
    }

    /// One more message waits, and the bytes are these now.
    pub(crate) fn handle_output(&mut self, bytes: usize) {
        if self.check_polling().is_err() {
            return;
        }
        self.held += 1;
        let before = std::mem::replace(&mut self.bytes, bytes);
        if self.held > PACKETS_MAX || before >= BYTES_MAX {
            self.end(CloseReason::SlowConsumer, Last::Close);
        } else {
            self.talk();
        }
    }

    pub(crate) fn handle_answered(&mut self, held: usize, bytes: usize, told: bool) {
        (self.held, self.bytes) = (held, bytes);
        if let (Some(reason), true) = (self.closing, self.alive()) {
            self.close_by = self.now + CLOSE;
            if told {
                self.end(reason, Last::Close);
            }
        }
    }

    pub(crate) fn handle_answer_lost(&mut self, answer: Answer) {
        if !self.websocket {
            self.ping |= answer.ping;
            self.pong |= answer.pong;
        }
    }

    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.closed.is_some() || self.closing.is_some() {
            return;
        }
        if !self.opened || self.websocket {
            self.end(reason, Last::Close);
        } else {
            self.closing = Some(reason);
            self.close_by = self.now + CLOSE;
            self.talk();
        }
    }

    fn deadline_of_beat(&self) -> Option<u64> {
        match (self.v4, self.pinged) {
            _ if !self.alive() => None,
            _ if self.closing.is_some() => Some(self.close_by),
            (true, Some(pinged)) => Some(pinged + TIMEOUT),
            (true, None) => Some(self.beat),
            (false, _) => Some(self.beat + INTERVAL + TIMEOUT),
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        let beat = self.deadline_of_beat();
        let free_at = self.candidate.filter(|_| self.probed).map(|_| self.free_at);
        [beat, self.candidate, free_at].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self) {
        if self.candidate.is_some_and(|until| until <= self.now) {
            self.drop_candidate();
        } else if self.candidate.is_some() && self.probed && self.free_at <= self.now {
            self.free_at = self.now + FREE;
            self.free();
        }
        if !self.alive() || self.deadline().is_none_or(|due| self.now < due) {
            return;
        }
        if let Some(reason) = self.closing {
            if self.close_by <= self.now {
                self.end(reason, Last::Close);
            }
        } else if self.v4 && self.pinged.is_none() && self.beat <= self.now {
            self.pinged = Some(self.now);
            if self.websocket {
                self.actions.push(Action::Ping);
            } else {
                self.ping = true;
                self.talk();
            }
        } else {
            self.end(CloseReason::PingTimeout, Last::Close);
        }
    }
}
