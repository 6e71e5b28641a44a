//! Requests that wait for their answers.

use std::{collections::VecDeque, time::Instant};

/// Numbers of requests, and when each was asked. Answers may come in any order; it costs nothing if they come in turn.
#[derive(Debug, Default)]
pub(crate) struct OpenRequests(VecDeque<(u32, Instant)>);

impl OpenRequests {
    pub(crate) fn ask(&mut self, number: u32, at: Instant) {
        self.0.push_back((number, at));
    }

    /// Takes request `number` out. Returns when it was asked; `None` if it is not open.
    #[inline]
    pub(crate) fn answer(&mut self, number: u32) -> Option<Instant> {
        let index = self.0.iter().position(|(open, _)| *open == number)?;
        self.0.remove(index).map(|(_, asked_at)| asked_at)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_answered_once() {
        let mut open = OpenRequests::default();
        let now = Instant::now();
        (1..=3).for_each(|number| open.ask(number, now));
        assert_eq!([2, 2, 1, 4, 3].map(|number| open.answer(number).is_some()), [true, false, true, false, true]);
        assert_eq!(open.len(), 0);
    }
}
