//! What was sent, and who may come back to it: the model of recovery.
//!
//! It knows nothing of the window: that is measured with a clock that scripts do not drive.

use std::collections::BTreeSet;

use roomcast_lane::DisconnectReason;

use super::house::{Decision, Record};

/// Lost sockets that are remembered where few are.
pub(super) const FEW: usize = 2;

/// Where nothing is recovered it is not asked.
#[derive(Default)]
pub(super) struct Past {
    sent: Vec<Sent>,
    /// Messages that the journal holds.
    held: usize,
    /// Only [`FEW`] who are gone are remembered.
    pub(super) is_short: bool,
    /// Little may wait, also for one who comes back.
    pub(super) is_narrow: bool,
    gone: Gone,
}

/// How many went without leaving on purpose.
#[derive(Clone, Copy, Default)]
pub(super) struct Gone {
    /// At least.
    surely: usize,
    at_most: usize,
}

/// A message of the server's.
pub(super) struct Sent {
    pub(super) number: u32,
    pub(super) class: Class,
    pub(super) to: Whom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Reliable,
    /// Another one may come in its place.
    Latest,
    /// It is not kept.
    Volatile,
}

pub(super) enum Whom {
    Everyone,
    In(&'static str),
    NotIn(&'static str),
    /// The one with this id.
    Socket(String),
}

/// With which a client comes back.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) pid: String,
    /// Who it was.
    pub(super) id: String,
    /// Of the last message that it got, in whichever life.
    pub(super) offset: Option<String>,
    /// What is younger than this number it has missed.
    pub(super) after: u32,
}

/// How a socket ended.
pub(super) struct Bye {
    pub(super) reason: DisconnectReason,
    /// With it.
    gone: Gone,
}

impl Whom {
    pub(super) fn names(&self, id: &str, rooms: &BTreeSet<&'static str>) -> bool {
        match self {
            Self::Everyone => true,
            Self::In(room) => rooms.contains(room),
            Self::NotIn(room) => !rooms.contains(room),
            Self::Socket(one) => one == id,
        }
    }
}

impl Ticket {
    /// What its client authenticates with.
    pub(super) fn auth(&self) -> String {
        let offset = self.offset.iter().map(|offset| format!(r#","offset":"{offset}""#)).collect::<String>();
        format!(r#"{{"pid":"{}"{offset}}}"#, self.pid)
    }
}

impl Past {
    /// A message was sent; the journal holds so many then.
    pub(super) fn note(&mut self, sent: Sent, held: usize) {
        self.sent.push(sent);
        self.held = held;
    }

    /// The number of the youngest message.
    pub(super) fn last(&self) -> u32 {
        self.sent.last().map_or(0, |sent| sent.number)
    }

    /// What one with this id in these rooms has missed.
    pub(super) fn missed<'a>(
        &'a self,
        ticket: &'a Ticket,
        rooms: &'a BTreeSet<&'static str>,
    ) -> impl Iterator<Item = &'a Sent> {
        self.kept_after(ticket.after).filter(|sent| sent.to.names(&ticket.id, rooms))
    }

    fn kept_after(&self, number: u32) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.number > number && sent.class != Class::Volatile)
    }

    /// Whether a client is recovered that comes with a ticket which `holder` had last; `None` if it may be or not.
    pub(super) fn forecast(&self, ticket: &Ticket, holder: &Record) -> Option<bool> {
        let has_all = self.kept_after(ticket.after).count() <= self.held;
        let forecast = if has_all { self.is_owned(holder) } else { Some(false) };
        // It may have missed more than may wait for it.
        forecast.filter(|is_recovered| !is_recovered || !self.is_narrow)
    }

    /// Whether a holder's ticket is one with which somebody may come.
    fn is_owned(&self, holder: &Record) -> Option<bool> {
        if holder.is_void {
            return Some(false);
        }
        match &holder.bye {
            // Whoever is let in has it.
            None if holder.is_in => Some(true),
            None => (holder.decision != Decision::Admit).then_some(false),
            Some(bye) if !may_come_back(&bye.reason) => Some(false),
            // Whether its ticket was given out, it did not hear.
            Some(_) if !holder.is_in => None,
            Some(bye) if self.is_short => self.is_remembered(bye),
            Some(_) => Some(true),
        }
    }

    fn is_remembered(&self, bye: &Bye) -> Option<bool> {
        if self.gone.surely - bye.gone.surely >= FEW {
            Some(false)
        } else {
            (self.gone.at_most - bye.gone.at_most < FEW).then_some(true)
        }
    }

    /// A socket ended: the first or another one of this client.
    pub(super) fn part(&mut self, record: &mut Record, reason: DisconnectReason) {
        let is_first = record.bye.is_none();
        if may_come_back(&reason) {
            self.gone.at_most += 1;
            self.gone.surely += usize::from(is_first && record.is_in && record.can_return && !record.is_void);
        }
        if is_first {
            record.bye = Some(Bye { reason, gone: self.gone });
        }
    }
}

fn may_come_back(reason: &DisconnectReason) -> bool {
    use DisconnectReason::{ClientLeft, ParseError, ServerLeft};
    !matches!(reason, ClientLeft | ServerLeft | ParseError)
}
