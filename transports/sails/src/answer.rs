//! Answers to virtual requests: one object, `{body, headers, statusCode}`.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, StatusCode};
use roomcast::Message;
use serde_json::value::RawValue;

use crate::virtual_request::Unusable;

/// Headers that say how a body travels over HTTP, or that clients must not see (Sails leaves them out too).
const LEFT_OUT: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, SET_COOKIE, TRANSFER_ENCODING];

/// The answer of a service, as the client gets it. JSON stays what it is, text is a string, an empty body is none. What is no
/// text, or says that it is bytes, goes along as binary.
pub(crate) fn message(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Message {
    let mut json = String::with_capacity(body.len() + 64);
    let mut attachments = Vec::new();
    json.push('{');
    if !body.is_empty() {
        json.push_str("\"body\":");
        match (Kind::of(headers), str::from_utf8(body)) {
            (Kind::Json, Ok(text)) if serde_json::from_str::<&RawValue>(text).is_ok() => json.push_str(text.trim()),
            (Kind::Json | Kind::Other, Ok(text)) => push_string(text, &mut json),
            (Kind::Bytes, _) | (_, Err(_)) => {
                json.push_str(r#"{"_placeholder":true,"num":0}"#);
                attachments.push(body.clone());
            }
        }
        json.push(',');
    }
    push_headers(headers, &mut json);
    let written = write!(json, ",\"statusCode\":{}}}", status.as_u16());
    debug_assert!(written.is_ok(), "a string takes all");
    Message::from_parts("", &json, 1, attachments)
}

/// The answer to what no service was asked: a text.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Message {
    message(status, &HeaderMap::new(), &Bytes::from_static(text.as_bytes()))
}

/// What a client gets for an event that is no request: as Sails has it, and with what every answer has.
pub(crate) fn parse_error(unusable: Unusable) -> Message {
    let mut json = String::from(
        r#"{"code":"SAILS:HOOK:SOCKETS:PARSE_VIRTUAL_REQ","status":400,"message":"Failed to parse incoming socket.io request.","details":"#,
    );
    push_string(&unusable.to_string(), &mut json);
    json.push_str(r#","statusCode":400}"#);
    Message::from_parts("sails:parseError", &json, 1, Vec::new())
}

/// What a service says that a body is.
enum Kind {
    Json,
    /// So that a client does not get a string when bytes happen to be text.
    Bytes,
    Other,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Self::Json,
            "application/octet-stream" => Self::Bytes,
            kind if kind.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Several values of a name are joined, as in one line of HTTP (RFC 9110, section 5.3).
fn push_headers(headers: &HeaderMap, json: &mut String) {
    json.push_str("\"headers\":{");
    let mut first = true;
    for name in headers.keys().filter(|name| !LEFT_OUT.contains(name)) {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let value = values.collect::<Vec<_>>().join(", ");
        if !std::mem::take(&mut first) {
            json.push(',');
        }
        push_string(name.as_str(), json);
        json.push(':');
        push_string(&value, json);
    }
    json.push('}');
}

fn push_string(text: &str, json: &mut String) {
    // A text is always JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answer(headers: &[(&'static str, &'static str)], body: &'static [u8]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        message(StatusCode::OK, &map, &Bytes::from_static(body)).args_json().to_owned()
    }

    #[test]
    fn bodies_of_all_kinds() {
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(answer(&[json], br#" {"a":[1]} "#), r#"{"body":{"a":[1]},"headers":{},"statusCode":200}"#);
        assert_eq!(answer(&[json], b"{broken"), r#"{"body":"{broken","headers":{},"statusCode":200}"#);
        assert_eq!(answer(&[("content-type", "a/b+JSON")], b"5"), r#"{"body":5,"headers":{},"statusCode":200}"#);
        assert_eq!(answer(&[], b"5"), r#"{"body":"5","headers":{},"statusCode":200}"#);
        assert_eq!(answer(&[], "ü\"\n".as_bytes()), r#"{"body":"ü\"\n","headers":{},"statusCode":200}"#);
        assert_eq!(answer(&[], b""), r#"{"headers":{},"statusCode":200}"#);
        let binary = message(StatusCode::OK, &HeaderMap::new(), &Bytes::from_static(b"\xff"));
        assert_eq!(binary.args_json(), r#"{"body":{"_placeholder":true,"num":0},"headers":{},"statusCode":200}"#);
        assert_eq!(binary.attachments()[0], &b"\xff"[..]);
        let bytes = ("content-type", "Application/octet-stream");
        assert_eq!(answer(&[bytes], b"5"), binary.args_json());
    }

    #[test]
    fn headers_in_lower_case_without_those_of_the_connection() {
        let headers = [("x-a", "1"), ("x-a", "2"), ("set-cookie", "s"), ("content-length", "0"), ("x-b", "\"")];
        assert_eq!(answer(&headers, b""), r#"{"headers":{"x-a":"1, 2","x-b":"\""},"statusCode":200}"#);
    }

    #[test]
    fn an_event_that_is_no_request() {
        let message = parse_error(Unusable::Url);
        let json: serde_json::Value = serde_json::from_str(message.args_json()).unwrap();
        assert_eq!(json["code"], "SAILS:HOOK:SOCKETS:PARSE_VIRTUAL_REQ");
        assert_eq!((&json["status"], &json["statusCode"]), (&400.into(), &400.into()));
        assert!(json["details"].as_str().unwrap().contains("url"));
    }
}
