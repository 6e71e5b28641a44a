//! Random sequences of all verbs against the naive model.

mod model;

use model::{Decoder, Expr, Op, Pair, ROOMS, SOCKETS};
use proptest::prelude::*;

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        1 => Just(Expr::Everyone),
        6 => (0..ROOMS).prop_map(Expr::Room),
        2 => (0..SOCKETS).prop_map(Expr::Socket),
        1 => (0..SOCKETS).prop_map(Expr::Id),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Any),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::All),
            (inner.clone(), inner).prop_map(|(a, b)| Expr::Except(Box::new(a), Box::new(b))),
        ]
    })
}

fn rooms() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..ROOMS, 1..4)
}

fn op() -> impl Strategy<Value = Op> {
    let socket = || 0..SOCKETS;
    prop_oneof![
        4 => (1..40_u8).prop_map(Op::Connect),
        2 => socket().prop_map(Op::Drop),
        1 => expr().prop_map(Op::Disconnect),
        6 => (socket(), rooms()).prop_map(|(socket, rooms)| Op::Join(socket, rooms)),
        3 => (socket(), rooms()).prop_map(|(socket, rooms)| Op::Leave(socket, rooms)),
        1 => socket().prop_map(Op::LeaveAll),
        4 => (expr(), rooms()).prop_map(|(expr, rooms)| Op::JoinAll(expr, rooms)),
        3 => (expr(), rooms()).prop_map(|(expr, rooms)| Op::LeaveMany(expr, rooms)),
        1 => expr().prop_map(Op::LeaveEverything),
        4 => expr().prop_map(Op::Broadcast),
        2 => expr().prop_map(Op::BroadcastPerRoom),
        2 => (socket(), expr()).prop_map(|(socket, expr)| Op::BroadcastFrom(socket, expr)),
        2 => expr().prop_map(Op::Count),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_verb_does_what_the_model_does(ops in prop::collection::vec(op(), 1..120)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
        }
        pair.end();
    }
}

/// What the fuzz target `engine_ops` feeds, and what it found once. `UPDATE_SEEDS=1` writes the made ones anew.
#[test]
fn seeds_of_the_fuzz_target() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/engine_ops");
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for seed in 0..40 {
            let mut dice = fastrand::Rng::with_seed(seed);
            let mut bytes = vec![0, 39];
            let len = dice.usize(40..600);
            bytes.extend(std::iter::repeat_with(|| dice.u8(..)).take(len));
            std::fs::write(folder.join(format!("made-{seed:02}")), bytes).unwrap();
        }
    }
    let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 40, "{} seeds in {}", seeds.len(), folder.display());
    for seed in seeds {
        let bytes = std::fs::read(&seed).unwrap();
        let mut pair = Pair::new();
        Decoder(&bytes).for_each(|op| pair.apply(&op));
        pair.end();
    }
}
