//! The parser of requests against a plain reading of the protocol: fuzz seeds, generated requests, damaged ones.

mod check;

use check::check;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn fuzz_seeds() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/room_requests");
    let mut count = 0;
    for seed in std::fs::read_dir(seeds).unwrap() {
        check(&std::fs::read_to_string(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "only {count} seeds in {seeds}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("a"), Just(""), Just("connect"), Just("ä\"\\\n"), Just("lobby")];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        name.clone().prop_map(Value::from),
    ];
    prop_oneof![
        4 => name.clone().prop_map(Value::from),
        3 => prop::collection::vec(name.prop_map(Value::from), 0..3).prop_map(Value::from),
        1 => prop::collection::vec(leaf.clone(), 0..3).prop_map(Value::from),
        2 => leaf,
        1 => (0_usize..140).prop_map(|levels| (0..levels).fold(json!(1), |inner, _| json!([inner]))),
    ]
}

fn any_request() -> impl Strategy<Value = Value> {
    let op = prop_oneof![
        8 => prop::sample::select(vec![
            "getId", "rooms", "join", "leave", "leaveAll", "broadcast", "blast", "addRoomMembersToRooms",
            "removeRoomMembersFromRooms",
        ]).prop_map(Value::from),
        1 => any_value(),
    ];
    let keys =
        prop::sample::select(vec!["id", "room", "rooms", "ids", "event", "data", "omit", "once", "to", "from", "x"]);
    (op, prop::collection::btree_map(keys, any_value(), 0..6)).prop_map(|(op, fields)| {
        let mut request = json!(fields);
        request["op"] = op;
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_requests(request in any_request(), pretty: bool) {
        check(&if pretty { format!("{request:#}") } else { request.to_string() });
    }

    #[test]
    fn damaged_requests(request in any_request(), at in 0_usize..200, with in "\\PC{0,2}", cut: bool) {
        let mut text = request.to_string();
        let at = text.floor_char_boundary(at.min(text.len()));
        let end = if cut { text.len() } else { text.ceil_char_boundary((at + 1).min(text.len())) };
        text.replace_range(at..end, &with);
        check(&text);
    }
}
