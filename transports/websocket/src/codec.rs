//! What a message looks like on a raw WebSocket: `{"event":NAME,"data":...}` in a text frame.

use bytes::{BufMut, BytesMut};
use roomcast::{Codec, EncodeError, Outgoing};
use roomcast_rfc6455::{Kind, frame};
use serde_json::Value;

use crate::json::put_compact;

/// Writes messages as compact text frames, whatever the messages were made of. Several arguments are an array in `data`, none is `null`; binary has no place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonCodec;

impl Codec for JsonCodec {
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError> {
        let data = out.message.as_json()?;
        frame(to, Kind::Text, |body| {
            body.put_slice(br#"{"event":"#);
            put_string(body, out.message.event())?;
            body.put_slice(br#","data":"#);
            put_compact(body, data);
            body.put_u8(b'}');
            Ok(())
        })
        .map(|_range| ())
    }
}

/// Appends a text frame with what the server itself says: a hello, a reply.
pub(crate) fn text_frame(text: &str, to: &mut BytesMut) {
    whole_frame(Kind::Text, text.as_bytes(), to);
}

/// Appends a whole frame.
pub(crate) fn whole_frame(kind: Kind, payload: &[u8], to: &mut BytesMut) {
    let Ok(_range) = frame(to, kind, |body| {
        body.put_slice(payload);
        Ok::<_, std::convert::Infallible>(())
    });
}

/// A JSON string. Names of events are mostly plain, and then two quotes do.
fn put_string(to: &mut BytesMut, text: &str) -> Result<(), EncodeError> {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        to.put_u8(b'"');
        to.put_slice(text.as_bytes());
        to.put_u8(b'"');
        return Ok(());
    }
    serde_json::to_writer(to.writer(), &Value::from(text)).map_err(|e| EncodeError::Json(e.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roomcast::Message;

    use super::*;

    fn encoded(message: &Message) -> Result<String, EncodeError> {
        let mut log = BytesMut::from(&b"before"[..]);
        let result = JsonCodec.encode(&Outgoing { message, namespace: "/", ack: None, offset: None }, &mut log);
        assert!(log.starts_with(b"before"), "what others wrote is left alone");
        result.inspect_err(|_| assert_eq!(log.len(), 6, "an error leaves nothing behind"))?;
        let frame = &log[6..];
        assert_eq!(frame[0], 0x81, "one whole text frame");
        let head = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        Ok(String::from_utf8(frame[head..].to_vec()).unwrap())
    }

    #[test]
    fn exactly_two_keys_in_this_order() {
        let cases = [
            (Message::raw("e", "{\"z\":1,\"a\":2}"), r#"{"event":"e","data":{"z":1,"a":2}}"#),
            (Message::from_parts("e", "", 0, vec![]), r#"{"event":"e","data":null}"#),
            (Message::args("e", &(1, "two")).unwrap(), r#"{"event":"e","data":[1,"two"]}"#),
            (Message::raw("a \"b\"\\\n\u{0}ü", "null"), "{\"event\":\"a \\\"b\\\"\\\\\\n\\u0000ü\",\"data\":null}"),
        ];
        for (message, want) in cases {
            assert_eq!(encoded(&message).unwrap(), want);
        }
    }

    #[test]
    fn what_goes_out_is_compact_and_otherwise_as_it_came() {
        let cases = [
            (Message::raw("e", "{\"b\" : 1,\n\t\"a\":[1 ,2 ]}"), r#"{"b":1,"a":[1,2]}"#),
            (Message::from_parts("e", " 1 ,\r\n\" a \\\" b \"", 2, vec![]), r#"[1," a \" b "]"#),
            (Message::raw("e", "{\"a\": 1e400, \"a\": 0.10, \"\\u0061\": -0}"), r#"{"a":1e400,"a":0.10,"\u0061":-0}"#),
            (Message::raw("e", " null "), "null"),
        ];
        for (message, data) in cases {
            assert_eq!(encoded(&message).unwrap(), format!(r#"{{"event":"e","data":{data}}}"#));
        }
    }

    #[test]
    fn binary_has_no_place() {
        assert_eq!(encoded(&Message::binary("e", &b"x"[..])), Err(EncodeError::Binary));
    }

    #[test]
    fn frames_of_the_server() {
        let mut log = BytesMut::new();
        text_frame("{}", &mut log);
        assert_eq!(&log[..], b"\x81\x02{}");
    }

    proptest! {
        #[test]
        fn any_name_and_any_data(event in "\\PC{0,20}|[\\x00-\\x7f]{0,20}", data in "\\PC{0,200}") {
            let message = Message::json(&event, &data).unwrap();
            let value: Value = serde_json::from_str(&encoded(&message).unwrap()).unwrap();
            prop_assert_eq!(value, serde_json::json!({"event": event, "data": data}));
        }
    }
}
