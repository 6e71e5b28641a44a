//! Random sequences of all verbs, in all their forms, against the model.

use proptest::prelude::*;

use crate::forms::op;
use crate::pair::Pair;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_verb_does_what_the_model_does(ops in prop::collection::vec(op(), 1..80)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
        }
    }
}
