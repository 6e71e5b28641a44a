//! A connection as a lane drives it: bytes arrive in pieces, what is not used is kept, and the reader is not called
//! again before `want` bytes are there. Checks on the way what `Progress` promises.

use crate::outcome::{End, Event, Outcome};
use roomcast_rfc6455::{Input, Limits, Progress, Reader};
use std::ops::ControlFlow;

/// How a lane may behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Waits for `want` bytes.
    Patient,
    /// Calls again with every piece; must make no difference.
    Eager,
    /// Waits, and stops after every event, as a lane whose turn is over.
    Stopping,
}

/// Feeds `stream`, cut at the given places (any order, out of range is ignored).
pub(crate) fn run(stream: &[u8], limits: &Limits, cuts: &[usize], manner: Manner) -> Outcome {
    let mut cuts: Vec<usize> = cuts.iter().copied().filter(|&cut| cut < stream.len()).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut session = Session::new(*limits, manner);
    for pair in cuts.windows(2) {
        session.receive(&stream[pair[0]..pair[1]]);
    }
    Outcome { events: session.events, end: session.end }
}

struct Session {
    reader: Reader,
    limits: Limits,
    manner: Manner,
    buffer: Vec<u8>,
    want: usize,
    events: Vec<Event>,
    end: End,
}

impl Session {
    fn new(limits: Limits, manner: Manner) -> Self {
        let (buffer, events) = (Vec::new(), Vec::new());
        Self { reader: Reader::new(), limits, manner, buffer, want: 0, events, end: End::Open }
    }

    fn receive(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
        let early = self.buffer.len() < self.want;
        if early && self.manner != Manner::Eager {
            return;
        }
        while self.end == End::Open {
            let (had, stopped) = (self.buffer.len(), self.step(early));
            if !stopped || self.buffer.len() == had {
                break;
            }
        }
    }

    /// One call; says whether it was stopped before the end of what was there.
    fn step(&mut self, early: bool) -> bool {
        let before = self.buffer.clone();
        let (events, manner, mut closed, mut stopped) = (&mut self.events, self.manner, None, false);
        let result = self.reader.read(&mut self.buffer, &self.limits, |input| {
            match input {
                Input::Text(text) => events.push(Event::Text(text.to_owned())),
                Input::Binary(bytes) => events.push(Event::Binary(bytes.to_vec())),
                Input::Ping(bytes) => events.push(Event::Ping(bytes.to_vec())),
                Input::Pong(bytes) => events.push(Event::Pong(bytes.to_vec())),
                Input::Close(code) => closed = Some(code.map(u16::from)),
            }
            stopped = manner == Manner::Stopping;
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match result {
            Err(error) => self.end = End::Closed(Some(error.close_code().into())),
            Ok(progress) => {
                self.check(progress, &before, early, stopped);
                self.buffer.drain(..progress.used);
                self.want = progress.want;
                if let Some(code) = closed {
                    self.end = End::Closed(code);
                }
            }
        }
        assert_eq!(self.reader.is_ended(), self.end != End::Open);
        assert!(self.reader.fragment_bytes() <= self.limits.message_bytes_max);
        stopped
    }

    fn check(&self, progress: Progress, before: &[u8], early: bool, stopped: bool) {
        let Progress { used, want } = progress;
        let rest = self.buffer.len() - used; // panics if more was used than there is
        assert_eq!(self.buffer[used..], before[used..], "what is left must not be touched");
        if early {
            assert_eq!(progress, Progress { used: 0, want: self.want }, "called too early");
        } else if self.want > 0 && !self.reader.is_ended() {
            assert!(used > 0 || want > self.want, "wanted {} bytes, got them, and did nothing: {want}", self.want);
        }
        if stopped || self.reader.is_ended() || rest == 0 {
            assert_eq!(want, 0);
        } else {
            assert!(want > rest, "{rest} bytes are left, {want} wanted");
            assert!(want <= 14 + self.limits.message_bytes_max.max(125));
        }
    }
}
