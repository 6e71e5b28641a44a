//! Polling: requests come, and are answered when there is something to say.

use std::time::Instant;

use super::{Action, Answer, Answered, Carrier, CloseReason, Last, Phase, Session, SessionConfig, Waiting};
use crate::engineio::Refusal;

/// What is known of the transport.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Polling {
    /// A poll waits.
    pub(super) has_get: bool,
    /// Messages wait.
    pub(super) has_output: bool,
    /// They have reached the limit of bytes.
    is_full: bool,
    /// The client is to be pinged.
    pub(super) is_ping_due: bool,
    /// The client is to be told that its ping came; one pong answers any number of them.
    pub(super) is_pong_due: bool,
}

impl Session {
    /// A poll came. If it is accepted, it is answered by an [`Action::Answer`], now or later.
    ///
    /// # Errors
    /// It is to be refused. If another one waits, the session ends.
    pub fn handle_get(&mut self) -> Result<(), Refusal> {
        let polling = self.polling()?;
        if std::mem::replace(&mut polling.has_get, true) {
            self.finish(CloseReason::TransportError, Last::Close);
            return Err(Refusal::BadRequest);
        }
        self.answer_if_due();
        Ok(())
    }

    /// The client of the poll that waits left. The session stays: it may poll again.
    pub fn handle_get_lost(&mut self) {
        if let Carrier::Polling(polling) = &mut self.carrier {
            polling.has_get = false;
        }
    }

    /// A POST came. If it is accepted, its packets may be handled, and one of [`Self::handle_post_end`],
    /// [`Self::handle_post_refused`] and [`Self::handle_post_lost`] is to follow.
    ///
    /// # Errors
    /// It is to be refused: the program ends the session, or another one is being read, and then the session ends.
    pub fn handle_post(&mut self) -> Result<(), Refusal> {
        self.polling()?;
        if matches!(self.phase, Phase::Closing(..)) {
            return Err(Refusal::SessionUnknown);
        }
        if std::mem::replace(&mut self.is_posting, true) {
            self.finish(CloseReason::TransportError, Last::Close);
            return Err(Refusal::BadRequest);
        }
        Ok(())
    }

    /// All packets of the POST were handled: it is to be answered with `ok`.
    ///
    /// # Errors
    /// Or refused: the session ended over it, or under it.
    pub fn handle_post_end(&mut self) -> Result<(), Refusal> {
        self.is_posting = false;
        match self.phase {
            // By its own close packet.
            Phase::Closed(CloseReason::TransportClose) => Ok(()),
            Phase::Closed(CloseReason::ParseError | CloseReason::TransportError) => Err(Refusal::BadRequest),
            // What came after the program's word was not looked at.
            Phase::Closing(..) | Phase::Closed(_) => Err(Refusal::SessionUnknown),
            _ => Ok(()),
        }
    }

    /// The POST was refused by its length, and none of its packets was handled. The session stays.
    pub fn handle_post_refused(&mut self) {
        self.is_posting = false;
    }

    /// The body did not come entirely. What is missing will not come again, so the session ends.
    pub fn handle_post_lost(&mut self) {
        if std::mem::take(&mut self.is_posting) && matches!(self.phase, Phase::Open(_) | Phase::Closing(..)) {
            self.finish(CloseReason::TransportError, Last::Close);
        }
    }

    /// Messages wait for polls, all in all so many. To be told when some were added, and not while a WebSocket carries the
    /// session. The session ends when there are too many packets, or when a message comes on top of too many bytes: one
    /// alone may be larger than the limit.
    pub fn handle_output(&mut self, waiting: Waiting, config: &SessionConfig) {
        let Ok(polling) = self.polling() else { return };
        polling.has_output = !waiting.is_nothing();
        let was_full = std::mem::replace(&mut polling.is_full, waiting.bytes >= config.waiting_bytes_max);
        if was_full || waiting.packets > config.waiting_packets_max {
            self.finish(CloseReason::SlowConsumer, Last::Close);
        } else {
            self.answer_if_due();
        }
    }

    /// The answer was written and handed to the poll that waited.
    pub fn handle_answered(&mut self, answered: Answered, now: Instant, config: &SessionConfig) {
        if let (Carrier::Polling(polling), Some(rest)) = (&mut self.carrier, answered.rest) {
            polling.has_output = !rest.is_nothing();
            polling.is_full = rest.bytes >= config.waiting_bytes_max;
        }
        if let Phase::Closing(reason, until) = &mut self.phase {
            // A client that polls may have all that waits for it.
            *until = now + config.close_timeout;
            if answered.is_closed {
                let reason = *reason;
                self.finish(reason, Last::Close);
            }
        }
    }

    /// The client of the poll left before the answer was handed over; no message was taken. The next poll gets it.
    pub fn handle_answer_lost(&mut self, answer: Answer) {
        if let Carrier::Polling(polling) = &mut self.carrier {
            polling.is_ping_due |= answer.ping;
            polling.is_pong_due |= answer.pong;
        }
    }

    /// Answers the poll that waits, if there is one and something to say.
    pub(super) fn answer_if_due(&mut self) {
        let is_closing = matches!(self.phase, Phase::Closing(..));
        let Carrier::Polling(polling) = &mut self.carrier else { return };
        if !polling.has_get {
            return;
        }
        let answer = Answer {
            ping: polling.is_ping_due,
            pong: polling.is_pong_due,
            data: polling.has_output,
            last: if is_closing { Last::Close } else { Last::Noop },
        };
        if answer != Answer::default() {
            polling.has_get = false;
            polling.is_ping_due &= !answer.ping;
            polling.is_pong_due &= !answer.pong;
            self.act(Action::Answer(answer));
        }
    }

    /// The transport, if it is the one that carries the session.
    fn polling(&mut self) -> Result<&mut Polling, Refusal> {
        match (self.phase, &mut self.carrier) {
            (Phase::Closed(_), _) => Err(Refusal::SessionUnknown),
            (Phase::Open(_) | Phase::Closing(..), Carrier::Polling(polling)) => Ok(polling),
            _ => Err(Refusal::BadRequest),
        }
    }
}
