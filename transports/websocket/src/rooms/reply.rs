//! The answer to a request, as text.

use std::fmt::Write;

use crate::json::compact;

/// What a request that was carried out gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// `getId`: the socket's id.
    Socket(String),
    /// `rooms`: the socket's rooms.
    Rooms(Vec<String>),
    /// An event of the user's own: what the handler returned, as JSON text.
    Data(Box<str>),
}

/// `{"reply":ID,"ok":true,...}` or `{"reply":ID,"ok":false,"error":TEXT}`, compact and in this order of keys. `id` is
/// compact JSON.
pub(crate) fn write(id: &str, outcome: &Result<Answer, String>) -> String {
    let mut text = format!(r#"{{"reply":{id},"ok":"#);
    match outcome {
        Ok(Answer::Done) => text.push_str("true"),
        Ok(Answer::Socket(socket)) => {
            text.push_str(r#"true,"socket":"#);
            push_string(&mut text, socket);
        }
        Ok(Answer::Rooms(rooms)) => {
            text.push_str(r#"true,"rooms":["#);
            for (at, room) in rooms.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                push_string(&mut text, room);
            }
            text.push(']');
        }
        Ok(Answer::Data(json)) => {
            text.push_str(r#"true,"data":"#);
            text.push_str(&compact(json));
        }
        Err(why) => {
            text.push_str(r#"false,"error":"#);
            push_string(&mut text, why);
        }
    }
    text.push('}');
    text
}

fn push_string(to: &mut String, text: &str) {
    let _never = write!(to, "{}", serde_json::Value::from(text)); // a String takes everything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_and_no_space() {
        let ok = |answer| write("[1,null]", &Ok(answer));
        assert_eq!(ok(Answer::Done), r#"{"reply":[1,null],"ok":true}"#);
        assert_eq!(ok(Answer::Socket("abc".into())), r#"{"reply":[1,null],"ok":true,"socket":"abc"}"#);
        assert_eq!(ok(Answer::Rooms(vec![])), r#"{"reply":[1,null],"ok":true,"rooms":[]}"#);
        let rooms = Answer::Rooms(vec!["a\"b".into(), "\u{1}ü\u{2028}".into()]);
        assert_eq!(ok(rooms), "{\"reply\":[1,null],\"ok\":true,\"rooms\":[\"a\\\"b\",\"\\u0001ü\u{2028}\"]}");
        assert_eq!(ok(Answer::Data("{ }".into())), r#"{"reply":[1,null],"ok":true,"data":{}}"#);
        assert_eq!(write("null", &Err("no \"x\"".into())), r#"{"reply":null,"ok":false,"error":"no \"x\""}"#);
    }
}
