//! An array that grows and never moves: readers hold plain references, without a lock or a pin.

use std::sync::OnceLock;

/// Buckets of `FIRST`, `2 * FIRST`, `4 * FIRST` … elements, each made when it is first needed.
///
/// A look-up is one Acquire load (of the bucket) and two shifts. Elements live as long as the array.
pub(crate) struct Buckets<T, const FIRST: u32> {
    buckets: [OnceLock<Box<[T]>>; 32],
}

impl<T, const FIRST: u32> Default for Buckets<T, FIRST> {
    fn default() -> Self {
        Self { buckets: [const { OnceLock::new() }; 32] }
    }
}

impl<T, const FIRST: u32> Buckets<T, FIRST> {
    /// The element, if its bucket was made.
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (bucket, offset) = place::<FIRST>(index);
        self.buckets[bucket].get()?.get(offset)
    }

    /// The elements of all buckets that were made, in order of their index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.buckets.iter().map_while(OnceLock::get).flatten()
    }
}

impl<T: Default, const FIRST: u32> Buckets<T, FIRST> {
    /// The element; makes its bucket if need be.
    pub(crate) fn get_or_grow(&self, index: u32) -> &T {
        let (bucket, offset) = place::<FIRST>(index);
        let made = self.buckets[bucket].get_or_init(|| {
            let len = (FIRST as usize) << bucket;
            std::iter::repeat_with(T::default).take(len).collect()
        });
        &made[offset]
    }
}

/// Bucket `k` holds the indices from `(2^k - 1) * FIRST` on.
fn place<const FIRST: u32>(index: u32) -> (usize, usize) {
    let bucket = (index / FIRST + 1).ilog2();
    let start = ((1_u64 << bucket) - 1) * u64::from(FIRST);
    (bucket as usize, (u64::from(index) - start) as usize)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn indices_are_dense_and_stable() {
        let array = Buckets::<u32, 4>::default();
        assert!(array.get(0).is_none());
        let first: *const u32 = array.get_or_grow(0);
        for index in 1..1000 {
            array.get_or_grow(index);
        }
        assert_eq!(first, std::ptr::from_ref(array.get_or_grow(0)));
        assert_eq!((place::<4>(3), place::<4>(4), place::<4>(11), place::<4>(12)), ((0, 3), (1, 0), (1, 7), (2, 0)));
        assert_eq!(place::<64>(u32::MAX).0, 26);
        assert!(array.iter().count() >= 1000);
    }
}
