//! Upgrades, and all else that clients do, in any order.

use std::path::Path;

use proptest::prelude::*;

use super::script::run;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
        run(&bytes);
    }
}

#[test]
fn the_seeds_of_the_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/socketio_transport");
    let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 30, "{} seeds in {}", seeds.len(), folder.display());
    for seed in seeds {
        run(&std::fs::read(&seed).unwrap());
    }
}
