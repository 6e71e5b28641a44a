//! What is written, with the real limits: the interpreter of `src/tests/writes`, which the crate's own tests run with small
//! ones.

use std::path::Path;

use proptest::prelude::*;

#[path = "../src/tests/writes/mod.rs"]
mod writes;

use writes::{Scale, run};

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_connection_is_written_just_what_it_must(bytes in prop::collection::vec(any::<u8>(), 1..1_200)) {
        run(&bytes, Scale::REAL);
    }
}

#[test]
fn the_seeds_of_the_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/lane_writes");
    let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 40, "{} seeds in {}", seeds.len(), folder.display());
    for seed in seeds {
        run(&std::fs::read(&seed).unwrap(), Scale::REAL);
    }
}
