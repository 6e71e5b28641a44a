//! Upgrades, and all else that clients do, in any order.

use proptest::prelude::*;

use super::script::run;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
        run(&bytes);
    }
}
