//! Input that waits to be complete.

/// The largest step by which a buffer grows, and the size of a lane's own.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Up to this size a partial frame is copied into the lane's buffer, where more than the frame can be read at once.
const COPY_BYTES: usize = 2 * 1024;
/// The smallest space offered to a read.
pub(crate) const ROOM_BYTES: usize = 4 * 1024;

/// What came and was not used: a partial frame, or all there is while input is held. Absent while there is nothing.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What came, and behind it space for more: made once, for many reads.
    bytes: Vec<u8>,
    /// How much came.
    length: usize,
    /// The length at which it is worth to call the protocol again.
    want: usize,
}

impl Input {
    pub(crate) fn new(bytes: Vec<u8>, want: usize) -> Self {
        Self { length: bytes.len(), bytes, want }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether there is so much that none should be read while input is held.
    pub(crate) fn is_enough_to_hold(&self) -> bool {
        self.length >= ROOM_BYTES
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.length >= self.want
    }

    /// Whether the rest should be read behind a copy of it, in the lane's buffer.
    pub(crate) fn is_small(&self) -> bool {
        self.length <= COPY_BYTES && self.want <= READ_BYTES / 2
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    /// Calls `read` with space behind what is there, not more than a step, and keeps as much of it as `count` says.
    pub(crate) fn read<R>(&mut self, read: impl FnOnce(&mut [u8]) -> R, count: impl FnOnce(&R) -> usize) -> R {
        let room = self.missing().clamp(ROOM_BYTES, READ_BYTES);
        if self.bytes.len() - self.length < room / 2 {
            self.grow(room);
        }
        let space = &mut self.bytes[self.length..];
        let room = room.min(space.len());
        let result = read(&mut space[..room]);
        self.length += count(&result).min(room);
        result
    }

    /// Adds what was read elsewhere.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.truncate(self.length);
        self.bytes.extend_from_slice(bytes);
        self.length = self.bytes.len();
    }

    /// Makes space for `room` bytes, or for a quarter of what came, if that is more and will be needed: so what comes is
    /// moved a few times at most, in however small parts it comes.
    fn grow(&mut self, room: usize) {
        let length = self.length + room.max(self.missing().min(self.length / 4));
        self.bytes.reserve_exact(length - self.bytes.len());
        self.bytes.resize(length, 0);
    }

    fn missing(&self) -> usize {
        self.want.saturating_sub(self.length)
    }

    pub(crate) fn want(&self) -> usize {
        self.want
    }

    /// Forgets the first `used` bytes. What remains gets an allocation of its own size.
    pub(crate) fn consume(&mut self, used: usize, want: usize) {
        if used > 0 {
            self.bytes = self.bytes[used..self.length].to_vec();
            self.length = self.bytes.len();
        }
        self.want = want;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_by_steps_up_to_what_is_wanted() {
        let mut input = Input::new(vec![1; 10], 1 << 20);
        let mut offered = Vec::new();
        while !input.is_complete() {
            let count = input.read(|space| space.len(), |count| *count);
            offered.push(count);
        }
        assert!(offered.iter().all(|space| *space <= READ_BYTES), "{offered:?}");
        assert!(input.len() < (1 << 20) + READ_BYTES);
        assert!(input.bytes.capacity() < (1 << 20) + 2 * READ_BYTES);
    }

    #[test]
    fn what_comes_in_dribbles_costs_little_more_than_what_comes_at_once() {
        let mut input = Input::new(vec![1; 10], 1 << 20);
        let (mut allocations, mut capacity, mut reads) = (0, 0, 0);
        while !input.is_complete() {
            input.read(|space| space[..100].fill(1), |()| 100);
            allocations +=
                usize::from(std::mem::replace(&mut capacity, input.bytes.capacity()) != input.bytes.capacity());
            reads += 1;
        }
        assert!(allocations < 20, "{allocations} in {reads} reads");
        assert!(input.as_slice().iter().all(|byte| *byte == 1));
    }

    #[test]
    fn a_claimed_length_costs_nothing() {
        let mut input = Input::new(vec![1; 10], usize::MAX);
        input.read(|_| (), |()| 1);
        assert!(input.bytes.capacity() <= READ_BYTES + 10);
        assert_eq!(input.read(|_| "would block", |_| 0), "would block");
        assert_eq!(input.as_slice(), [&[1; 10][..], &[0]].concat());
    }

    #[test]
    fn what_remains_is_small_again() {
        let mut input = Input::new(vec![7; 100_000], 0);
        input.consume(99_990, 64);
        assert_eq!((input.len(), input.is_complete(), input.is_small()), (10, false, true));
        assert!(input.bytes.capacity() < 100);
    }
}
