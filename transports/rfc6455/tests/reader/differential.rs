//! Against tungstenite, on generated and mutated streams. The fuzz target goes on where this ends.

use crate::{
    compare,
    generate::{conversation, stream, stream_of},
    outcome::End,
    session::{self, Manner},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};
use roomcast_rfc6455::Limits;
use std::collections::HashMap;

/// The same cases in every run: it is the fuzzer that looks for new ones.
fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(6455), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn same_messages_and_same_verdict(stream in stream(64), limit in prop_oneof![Just(48usize), Just(1 << 20)]) {
        compare::agrees_with_tungstenite(&stream, limit);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_same_with_frames_of_all_three_forms(stream in stream(100_000), limit in prop_oneof![Just(70_000usize), Just(1 << 20)]) {
        compare::agrees_with_tungstenite(&stream, limit);
    }

    /// What the generator calls a conversation without mistakes has none, for both.
    #[test]
    fn conversations_are_valid(frames in conversation(300)) {
        let stream = stream_of(&frames);
        compare::agrees_with_tungstenite(&stream, 1 << 20);
        let outcome = session::run(&stream, &Limits::default(), &[], Manner::Patient);
        prop_assert_eq!(outcome.end, End::Open);
        let messages = frames.iter().filter(|frame| frame.first & 0x80 != 0).count();
        prop_assert_eq!(outcome.events.len(), messages);
    }
}

/// The comparison is worth something only if the streams come to every kind of end.
#[test]
fn the_generator_reaches_every_verdict() {
    let mut runner = TestRunner::new(cases(1));
    let strategy = stream(64);
    let mut ends: HashMap<End, usize> = HashMap::new();
    for _ in 0..5_000 {
        let stream = strategy.new_tree(&mut runner).unwrap().current();
        let end = match session::run(&stream, &Limits::default(), &[], Manner::Patient).end {
            End::Closed(Some(code @ 1000..=4999)) if !matches!(code, 1002 | 1007 | 1009) => {
                End::Closed(Some(code / 1000))
            }
            end => end,
        };
        *ends.entry(end).or_default() += 1;
    }
    for end in [None, Some(1), Some(3), Some(4), Some(1002), Some(1007), Some(1009)].map(End::Closed) {
        assert!(ends.get(&end).is_some_and(|&count| count >= 20), "{end:?} in {ends:?}");
    }
    assert!(ends[&End::Open] > 1_000, "{ends:?}");
}
