use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn op(text: &str) -> Op<'_> {
    Request::parse(text).op.unwrap()
}

fn refused(text: &str) -> Invalid {
    Request::parse(text).op.unwrap_err()
}

fn emit(event: &'static str, data: &'static str, omit: bool) -> Emit<'static> {
    Emit { event: event.into(), data: data.into(), omit }
}

#[test]
fn every_op() {
    let (a, list) = (Cow::Borrowed("a"), vec![Cow::Borrowed("b"), Cow::Borrowed("c")]);
    let cases = [
        (r#"{"op":"getId"}"#, Op::GetId),
        (r#"{"op":"rooms","room":5}"#, Op::Rooms),
        (r#"{"op":"join","room":"a"}"#, Op::Join { room: a.clone(), ids: None }),
        (r#"{"op":"join","room":"a","ids":["b","c"]}"#, Op::Join { room: a.clone(), ids: Some(list.clone()) }),
        (r#"{"ids":["b","c"],"room":"a","op":"leave"}"#, Op::Leave { room: a.clone(), ids: Some(list.clone()) }),
        (r#"{"op":"leaveAll","room":"a"}"#, Op::LeaveAll { room: a.clone() }),
        (r#"{"op":"blast"}"#, Op::Blast { emit: emit("message", "null", false) }),
        (r#"{"op":"blast","event":"e","data":[1],"omit":true}"#, Op::Blast { emit: emit("e", "[1]", true) }),
        (
            r#"{"op":"addRoomMembersToRooms","room":"a","to":["b","c"]}"#,
            Op::AddRoomMembersToRooms { room: a.clone(), to: list.clone() },
        ),
        (
            r#"{"op":"removeRoomMembersFromRooms","room":"a","from":["b","c"]}"#,
            Op::RemoveRoomMembersFromRooms { room: a.clone(), from: list.clone() },
        ),
        (
            r#"{"op":"broadcast","rooms":["b","c"],"once":true,"data":null}"#,
            Op::Broadcast { rooms: list, emit: emit("message", "null", false), once: true },
        ),
        (
            r#"{"op":"broadcast","room":"a","omit":false,"once":false}"#,
            Op::Broadcast { rooms: vec![a], emit: emit("message", "null", false), once: false },
        ),
    ];
    for (text, want) in cases {
        assert_eq!(op(text), want, "{text}");
    }
}

#[test]
fn what_is_no_object() {
    for text in ["", " ", "null", "1", "[]", r#"["op"]"#, r#""op""#, "true", "nul", "x", "\u{feff}{}", "[[[["] {
        let request = Request::parse(text);
        assert_eq!((&*request.id, request.op), ("null", Err(Invalid::NoObject)), "{text:?}");
    }
    for text in
        ["{", "{}x", "{} {}", r#"{"id":1"#, r#"{"id":}"#, "{'op':1}", r#"{"id":1,}"#, "{\"a\":\"\n\"}", r#"{"a":01}"#]
    {
        let request = Request::parse(text);
        assert_eq!(&*request.id, "null");
        assert!(matches!(request.op, Err(Invalid::Json(_))), "{text:?} {:?}", request.op);
    }
}

#[test]
fn wrong_arguments_and_which() {
    let cases = [
        (r#"{}"#, "op"),
        (r#"{"op":null}"#, "op"),
        (r#"{"op":["join"]}"#, "op"),
        (r#"{"op":"Join"}"#, "unknown op \"Join\""),
        (r#"{"op":""}"#, "unknown op"),
        (r#"{"op":"join"}"#, "room"),
        (r#"{"op":"join","room":""}"#, "room"),
        (r#"{"op":"join","room":null}"#, "room"),
        (r#"{"op":"join","room":5}"#, "room"),
        (r#"{"op":"join","room":["a"]}"#, "room"),
        (r#"{"op":"join","room":{"a":1}}"#, "room"),
        (r#"{"op":"join","room":"\ud800"}"#, "room"),
        (r#"{"op":"join","room":"a","ids":[]}"#, "ids"),
        (r#"{"op":"join","room":"a","ids":null}"#, "ids"),
        (r#"{"op":"join","room":"a","ids":"x"}"#, "ids"),
        (r#"{"op":"leave","room":"a","ids":["x",1]}"#, "ids"),
        (r#"{"op":"leave","room":"a","ids":[""]}"#, "ids"),
        (r#"{"op":"leaveAll"}"#, "room"),
        (r#"{"op":"broadcast"}"#, "rooms"),
        (r#"{"op":"broadcast","rooms":[]}"#, "rooms"),
        (r#"{"op":"broadcast","rooms":"a"}"#, "rooms"),
        (r#"{"op":"broadcast","rooms":["a",""]}"#, "rooms"),
        (r#"{"op":"broadcast","rooms":{"0":"a"}}"#, "rooms"),
        (r#"{"op":"broadcast","rooms":["a"],"room":"b"}"#, "either"),
        (r#"{"op":"broadcast","room":"a","omit":1}"#, "omit"),
        (r#"{"op":"broadcast","room":"a","once":"true"}"#, "once"),
        (r#"{"op":"broadcast","room":"a","event":""}"#, "event"),
        (r#"{"op":"broadcast","room":"a","event":null}"#, "event"),
        (r#"{"op":"broadcast","room":"a","event":7}"#, "event"),
        (r#"{"op":"blast","event":["e"]}"#, "event"),
        (r#"{"op":"blast","omit":null}"#, "omit"),
        (r#"{"op":"addRoomMembersToRooms","room":"a"}"#, "to"),
        (r#"{"op":"addRoomMembersToRooms","to":["a"]}"#, "room"),
        (r#"{"op":"removeRoomMembersFromRooms","room":"a","to":["b"]}"#, "from"),
    ];
    for (text, names) in cases {
        let why = refused(text).to_string();
        assert!(why.starts_with(names) || why.contains(&format!("give {names}")), "{text}: {why}");
    }
}

#[test]
fn reserved_events() {
    for event in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        for op in ["broadcast", "blast"] {
            let text = json!({"op": op, "room": "a", "event": event}).to_string();
            assert_eq!(refused(&text), Invalid::Reserved(event.into()));
        }
    }
    assert_eq!(op(r#"{"op":"blast","event":"Connect"}"#), Op::Blast { emit: emit("Connect", "null", false) });
}

#[test]
fn ids_come_back_compact_and_otherwise_unchanged() {
    let cases = [
        ("1", "1"),
        ("null", "null"),
        ("1.0e+0400", "1.0e+0400"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (r#" { "a" : [ 1 , "b c" ] } "#, r#"{"a":[1,"b c"]}"#),
        (r#""\ud800""#, r#""\ud800""#),
        (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
    ];
    for (id, want) in cases {
        assert_eq!(Request::parse(&format!(r#"{{"id":{id},"op":"nope"}}"#)).id, want);
    }
    assert_eq!(Request::parse(r#"{"op":"getId"}"#).id, "null");
}

#[test]
fn the_last_of_two_equal_keys_counts_as_in_javascript() {
    let request = Request::parse(r#"{"id":1,"op":"nope","room":1,"id":2,"op":"leaveAll","room":"a"}"#);
    assert_eq!((&*request.id, request.op), ("2", Ok(Op::LeaveAll { room: "a".into() })));
}

#[test]
fn escaped_keys_and_values_mean_the_same() {
    let text = r#"{"\u006fp":"\u006aoin","room":"\u00e4\ud83d\ude00"}"#;
    assert_eq!(op(text), Op::Join { room: "ä😀".into(), ids: None });
}

#[test]
fn names_of_any_kind_and_length() {
    for room in ["__proto__", "constructor", " ", "a/b", "\u{0}", &"ü".repeat(400), &"😀".repeat(100_000)] {
        let text = json!({"op": "join", "room": room}).to_string();
        assert_eq!(op(&text), Op::Join { room: room.into(), ids: None });
    }
}

#[test]
fn deep_nesting_is_refused_wherever_it_stands() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let blast = |levels| format!(r#"{{"id":7,"op":"blast","data":{}}}"#, deep(levels));
    assert!(Request::parse(&blast(64)).op.is_ok());
    for levels in [65, 1_000, 400_000] {
        let text = blast(levels);
        let request = Request::parse(&text);
        assert_eq!((&*request.id, request.op), ("7", Err(Invalid::TooDeep { argument: "data" })));
        let id = format!(r#"{{"id":{},"op":"getId"}}"#, deep(levels));
        let request = Request::parse(&id);
        assert_eq!((&*request.id, request.op), ("null", Err(Invalid::TooDeep { argument: "id" })));
        for key in ["op", "room", "rooms", "ids", "to", "event", "omit", "other"] {
            let text = format!(r#"{{"op":"broadcast","room":"a","{key}":{}}}"#, deep(levels));
            assert_eq!(Request::parse(&text).op.is_ok(), key == "other" || key == "ids" || key == "to", "{key}");
        }
        assert!(Request::parse(&"{\"a\":".repeat(levels)).op.is_err());
    }
}

#[test]
fn lists_are_bounded() {
    for (op, argument, max) in
        [("broadcast", "rooms", 1_000), ("join", "ids", 10_000), ("addRoomMembersToRooms", "to", 10_000)]
    {
        let names = |n: usize| match op {
            "broadcast" => json!({"op": op, argument: vec!["r"; n]}).to_string(),
            _ => json!({"op": op, "room": "r", argument: vec!["r"; n]}).to_string(),
        };
        assert!(Request::parse(&names(max)).op.is_ok());
        assert_eq!(refused(&names(max + 1)), Invalid::ListTooLong { argument, names: max + 1, max });
    }
}

#[test]
fn texts_of_clients_are_shortened_in_answers() {
    let text = json!({"op": "x".repeat(100_000)}).to_string();
    assert!(refused(&text).to_string().len() < 250);
    let text = json!({"op": "blast", "event": "connect"}).to_string();
    assert_eq!(refused(&text).to_string(), "the event name connect is reserved: choose another");
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,80}") {
        let request = Request::parse(&text);
        prop_assert!(serde_json::from_str::<Value>(&request.id).is_ok());
        prop_assert!(request.op.is_err());
    }

    /// Cuts and changes valid requests; whatever comes of it, the id can be written into a reply.
    #[test]
    fn damaged_requests_get_an_answer(cut in 0_usize..120, at in 0_usize..120, byte in 0x20_u8..0x7f) {
        let whole = r#"{"id":{"n":[1,"x y"]},"op":"broadcast","rooms":["a","b"],"event":"e","data":{"k":"\u00e4"},"omit":true}"#;
        let mut bytes = whole.as_bytes()[..cut.min(whole.len())].to_vec();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let text = String::from_utf8(bytes).unwrap();
        let request = Request::parse(&text);
        prop_assert!(serde_json::from_str::<&RawValue>(&request.id).is_ok());
        prop_assert_eq!(request.op.is_ok(), serde_json::from_str::<Fields<'_>>(&text).is_ok_and(|f| f.op().is_ok()));
    }

    /// What a client's library would write is read as it was meant.
    #[test]
    fn requests_of_any_names(rooms in prop::collection::vec("\\PC{1,20}", 1..5), event in "[a-z]{1,3}\\PC{0,5}", omit: bool) {
        let text = serde_json::to_string_pretty(&json!({"op": "broadcast", "rooms": rooms, "event": event, "omit": omit, "data": rooms})).unwrap();
        let Ok(Op::Broadcast { rooms: got, emit, once }) = Request::parse(&text).op else { panic!("{text}") };
        prop_assert_eq!(&got, &rooms);
        prop_assert_eq!((&*emit.event, &*emit.data, emit.omit, once), (&*event, &*json!(rooms).to_string(), omit, false));
    }
}
