//! Sessions against a naive model, under random interleavings with a virtual clock.

mod model;
pub(crate) mod world;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decides_what_the_model_expects_and_loses_nothing(input in prop::collection::vec(any::<u8>(), 0..200)) {
        world::play(&input);
    }

    /// Without what ends a session, so that it lives long.
    #[test]
    fn long_lives(
        first in any::<u8>(),
        happenings in prop::collection::vec(prop::sample::select(PEACEFUL), 0..400),
    ) {
        world::play(&[&[first & 7][..], &happenings].concat());
    }

    /// The server closes while much waits, the client polls or does not.
    #[test]
    fn endings(
        first in any::<u8>(),
        sends in 0..20usize,
        happenings in prop::collection::vec(prop::sample::select(&[0x02, 0x02, 0x57, 0x57, 0x97, 0x03, 0x13, 0x1e, 0x65][..]), 0..40),
    ) {
        world::play(&[&[first & 7][..], &[0x01].repeat(sends), &[0x0d], &happenings].concat());
    }
}

/// Messages both ways, polls, whole POSTs, pongs, activity, candidates that come and go, time.
const PEACEFUL: &[u8] = &[
    0x01, 0x11, 0x21, 0xf1, 0x03, 0x13, 0x04, 0x05, 0x15, 0x65, 0x26, 0x36, 0x08, 0x49, 0x59, 0x89, 0x39, 0x0a, 0x0b,
    0x1b, 0x6b, 0x2c, 0x17, 0x27, 0x57, 0x1e, 0x3f, 0x02,
];
