//! What is written, whatever happens: random bytes through the interpreter of the fuzz target `lane_writes`.

use std::path::Path;

use proptest::prelude::*;

use super::writes::{Scale, run};
use crate::lane::log::{BYTES_MAX, SHARED_BYTES};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_connection_is_written_just_what_it_must(bytes in prop::collection::vec(any::<u8>(), 1..1_200)) {
        run(&bytes, Scale::SMALL);
    }
}

#[test]
fn the_interpreter_knows_the_limits() {
    assert_eq!((Scale::SMALL.shared, Scale::SMALL.log), (SHARED_BYTES, BYTES_MAX));
}

/// What the fuzz target feeds, and what it found once. `UPDATE_SEEDS=1` writes the made ones anew.
#[test]
fn seeds_of_the_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/lane_writes");
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for seed in 0..40_u64 {
            std::fs::write(folder.join(format!("made-{seed:02}")), made(seed)).unwrap();
        }
    }
    let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 40, "{} seeds in {}", seeds.len(), folder.display());
    for seed in seeds {
        run(&std::fs::read(&seed).unwrap(), Scale::SMALL);
    }
}

/// Bytes that look random and begin with some connects.
fn made(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let mut dice = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    let mut bytes = vec![dice()];
    for _ in 0..4 {
        bytes.extend([0, dice(), dice()]);
    }
    // A turn, and all join a room.
    bytes.extend([21, 3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 3, 0]);
    let length = 100 + usize::from(dice()) * 3;
    bytes.extend(std::iter::repeat_with(dice).take(length));
    bytes
}
