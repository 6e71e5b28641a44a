use roomcast::Message;
use roomcast_lane::{Ack, Data, Event, Events, Result};
use serde_json::{Value, json};

use crate::testing::World;

fn world() -> World {
    let events = Events::new()
        .on_sync("say", |socket, Data(text): Data<String>| -> Result {
            socket.engine().everyone().emit("said", &text)?;
            Ok(())
        })
        .on_sync("sum", |_, Data((a, b)): Data<(i64, i64)>| Ack(a + b))
        .on("later", async |_, Data(value): Data<Value>| Ack(value))
        .on_sync("raw", |_, event: Event<'static>| Ack(json!([event.args_len(), event.args_json()])))
        .on_sync("fail", |_, ()| -> Result { Err(std::io::Error::other("secret").into()) })
        .on_sync("bytes", |socket, ()| {
            let _sent = socket.send(&Message::binary("b", &b"x"[..]));
            let _sent = socket.send(&Message::args("after", &(1, 2)).unwrap());
            let _sent = socket.send(&Message::from_parts("none", "", 0, vec![]));
        });
    World::events(events)
}

#[test]
fn events_with_an_id_are_answered_and_others_not() {
    let mut world = world();
    let (ann, _) = world.greeted();
    assert_eq!(world.ask(&ann, r#"{"event":"sum","data":[1,2],"id":"x"}"#), [r#"{"reply":"x","ok":true,"data":3}"#]);
    assert!(world.ask(&ann, r#"{"event":"sum","data":[1,2]}"#).is_empty());
    assert_eq!(
        world.ask(&ann, r#"{"id":{"a" : 1.50},"event":"later","data":[ 1 ]}"#),
        [r#"{"reply":{"a":1.50},"ok":true,"data":[1]}"#]
    );
    assert_eq!(world.ask(&ann, r#"{"event":"later","id":null}"#), [r#"{"reply":null,"ok":true,"data":null}"#]);
    assert_eq!(
        world.ask(&ann, r#"{"event":"say","data":"hi","id":7}"#),
        [r#"{"event":"said","data":"hi"}"#, r#"{"reply":7,"ok":true,"data":null}"#]
    );
}

#[test]
fn missing_data_is_one_argument_null() {
    let mut world = world();
    let (ann, _) = world.greeted();
    assert_eq!(world.ask(&ann, r#"{"event":"raw","id":1}"#), [r#"{"reply":1,"ok":true,"data":[1,"null"]}"#]);
}

#[test]
fn errors_are_answered_if_an_answer_is_wanted() {
    let mut world = world();
    let (ann, _) = world.greeted();
    let cases = [
        (r#"{"event":"nobody","id":1}"#, r#"{"reply":1,"ok":false,"error":"unknown event"}"#),
        (r#"{"event":"sum","data":"x","id":1}"#, r#"{"reply":1,"ok":false,"error":"bad payload: "#),
        (r#"{"event":"fail","id":1}"#, r#"{"reply":1,"ok":false,"error":"the handler failed"}"#),
        (r#"{"event":"disconnect","id":1}"#, r#"{"reply":1,"ok":false,"error":"the event name disconnect is reserved"#),
        (r#"{"event":"","id":1}"#, r#"{"reply":1,"ok":false,"error":"event has to be a string"#),
        (r#"{"data":1,"id":1}"#, r#"{"reply":1,"ok":false,"error":"event has to be a string"#),
        (r#"[]"#, r#"{"reply":null,"ok":false,"error":"send one JSON object"#),
        (r#"{"event":1"#, r#"{"reply":null,"ok":false,"error":"no valid JSON"#),
    ];
    for (text, want) in cases {
        let got = world.ask(&ann, text);
        assert!(got.len() == 1 && got[0].starts_with(want), "{text}: {got:?}");
    }
    for text in
        [r#"{"event":"nobody"}"#, r#"{"event":"sum","data":"x"}"#, r#"{"event":"fail"}"#, r#"{"event":5}"#, r#"{}"#]
    {
        assert!(world.ask(&ann, text).is_empty(), "{text}");
    }
    let deep = format!(r#"{{"event":"raw","id":1,"data":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    assert!(world.ask(&ann, &deep)[0].contains("nested deeper than 64 levels"));
}

#[test]
fn binary_is_left_out_and_several_arguments_are_an_array() {
    let mut world = world();
    let (ann, _) = world.greeted();
    assert_eq!(
        world.ask(&ann, r#"{"event":"bytes"}"#),
        [r#"{"event":"after","data":[1,2]}"#, r#"{"event":"none","data":null}"#]
    );
    assert_eq!(world.lane.stats().encode_errors, 1);
}
