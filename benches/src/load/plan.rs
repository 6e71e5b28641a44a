//! Who is in which room, and which messages each member must therefore get, in which order.
//!
//! The publisher sends message `n` to room `n % rooms`. A member of the rooms {2, 5} of 10 must get the
//! messages 2, 5, 12, 15, 22, … and nothing else: [`Due`] walks that list, so that one comparison a
//! frame proves exactly-once and order, whatever the overlap.

use std::{error::Error, fmt};

/// A set of rooms, equally large, over a set of members, in equally many each.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    members: usize,
    rooms: usize,
    rooms_per_member: usize,
}

/// Why members and rooms cannot be divided evenly.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// A count is zero.
    Empty,
    /// `rooms` is no multiple of `rooms_per_member`, or `members` none of their quotient.
    Uneven,
    /// More rooms than have a name of four digits.
    Rooms,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "members, rooms and rooms per member must be at least 1",
            Self::Uneven => "rooms must be a multiple of rooms per member, and members of (rooms / rooms per member)",
            Self::Rooms => "at most 10,000 rooms",
        })
    }
}

impl Error for PlanError {}

impl Plan {
    /// A plan of `members` sockets in `rooms_per_member` of `rooms` rooms each.
    ///
    /// # Errors
    /// [`PlanError`] if the rooms would not be equally large.
    pub fn new(members: usize, rooms: usize, rooms_per_member: usize) -> Result<Self, PlanError> {
        if members == 0 || rooms == 0 || rooms_per_member == 0 {
            return Err(PlanError::Empty);
        }
        if rooms > 10_000 {
            return Err(PlanError::Rooms);
        }
        if !rooms.is_multiple_of(rooms_per_member) || !members.is_multiple_of(rooms / rooms_per_member) {
            return Err(PlanError::Uneven);
        }
        Ok(Self { members, rooms, rooms_per_member })
    }

    /// The number of members.
    pub fn members(&self) -> usize {
        self.members
    }

    /// The number of rooms.
    pub fn rooms(&self) -> usize {
        self.rooms
    }

    /// Members of each room: deliveries of one message.
    pub fn fan_out(&self) -> usize {
        self.members * self.rooms_per_member / self.rooms
    }

    /// The rooms of each member, ascending. The rooms fall into `rooms_per_member` strata and each member
    /// is in one of each stratum, by a shuffle of its own: sets of rooms overlap, but hardly two are equal,
    /// so that a server gains nothing from buffering by room. The seed is fixed: each run has the same plan.
    pub fn rooms_of_members(&self) -> Vec<Vec<u32>> {
        let mut random = fastrand::Rng::with_seed(7);
        let stratum = self.rooms / self.rooms_per_member;
        let mut rooms_of = vec![Vec::with_capacity(self.rooms_per_member); self.members];
        for first in (0..self.rooms).step_by(stratum) {
            let mut order: Vec<usize> = (0..self.members).collect();
            random.shuffle(&mut order);
            for (place, member) in order.into_iter().enumerate() {
                rooms_of[member].push((first + place % stratum) as u32);
            }
        }
        rooms_of
    }
}

/// The messages that are due at one member, one after the other.
#[derive(Debug)]
pub(crate) struct Due {
    next: u32,
    gaps: Box<[u32]>,
    at: usize,
}

impl Due {
    /// What is due at a member of `own`, ascending, if message `n` goes to room `n % rooms`.
    pub(crate) fn new(own: &[u32], rooms: usize) -> Self {
        let around = own.iter().skip(1).copied().chain(own.first().map(|first| first + rooms as u32));
        let gaps = own.iter().zip(around).map(|(room, next)| next - room).collect();
        Self { next: own.first().copied().unwrap_or(u32::MAX), gaps, at: 0 }
    }

    /// The number of the message due next.
    #[inline]
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Notes that the message due came.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.next += self.gaps[self.at];
        self.at += 1;
        if self.at == self.gaps.len() {
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rooms_are_equally_large_and_members_equally_busy() {
        for (members, rooms, each) in [(1_000, 1, 1), (10_000, 1_000, 1), (1_000, 100, 10), (12, 6, 2)] {
            let plan = Plan::new(members, rooms, each).unwrap();
            let mut sizes = vec![0; rooms];
            for own in plan.rooms_of_members() {
                assert_eq!(own.len(), each);
                assert!(own.is_sorted_by(|a, b| a < b), "{own:?}");
                own.iter().for_each(|room| sizes[*room as usize] += 1);
            }
            assert_eq!(sizes, vec![plan.fan_out(); rooms]);
        }
    }

    #[test]
    fn overlapping_members_have_different_sets() {
        let sets: BTreeSet<_> = Plan::new(1_000, 100, 10).unwrap().rooms_of_members().into_iter().collect();
        assert_eq!(sets.len(), 1_000);
    }

    #[test]
    fn what_does_not_divide_is_refused() {
        assert_eq!(Plan::new(0, 1, 1), Err(PlanError::Empty));
        assert_eq!(Plan::new(10, 7, 2), Err(PlanError::Uneven));
        assert_eq!(Plan::new(10, 4, 1), Err(PlanError::Uneven));
        assert_eq!(Plan::new(20_000, 20_000, 1), Err(PlanError::Rooms));
    }

    #[test]
    fn due_walks_the_messages_of_its_rooms() {
        for own in [&[0][..], &[2, 5], &[0, 1, 9], &[9]] {
            let mut due = Due::new(own, 10);
            for message in (0..1_000).filter(|message| own.contains(&(message % 10))) {
                assert_eq!(due.next(), message);
                due.advance();
            }
        }
    }
}
