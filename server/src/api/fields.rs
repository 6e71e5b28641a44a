//! The body of a verb: a JSON object, of which each key has its own rule. The same rules, in the same words, as in the room
//! protocol of raw WebSockets.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use roomcast_websocket::{BROADCAST_ROOMS_MAX, LIST_MAX};
use serde_json::value::RawValue;

use super::extract::Body;

/// The values of a body by their keys. Of a key that occurs twice the last one counts.
#[derive(Debug)]
pub(super) struct Fields(BTreeMap<String, Box<RawValue>>);

/// What is wrong with a body, and how it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid(String);

impl Fields {
    fn parse(json: &RawValue) -> Result<Self, Invalid> {
        serde_json::from_str(json.get()).map(Self).map_err(|_| Invalid("the body has to be a JSON object".into()))
    }

    /// `ids`, if it is there.
    pub(super) fn ids(&self) -> Result<Option<Vec<String>>, Invalid> {
        self.0.get("ids").map(|ids| list("ids", Some(ids), LIST_MAX)).transpose()
    }

    /// `to` or `from`, which has to be there.
    pub(super) fn names(&self, key: &str) -> Result<Vec<String>, Invalid> {
        list(key, self.get(key), LIST_MAX)
    }

    /// `rooms`, which has to be there.
    pub(super) fn rooms(&self) -> Result<Vec<String>, Invalid> {
        list("rooms", self.get("rooms"), BROADCAST_ROOMS_MAX)
    }

    /// `event`, if it is there.
    pub(super) fn event(&self) -> Result<Option<String>, Invalid> {
        let read = |event: &RawValue| serde_json::from_str(event.get()).map_err(|_| wrong("event", EVENT));
        self.get("event").map(read).transpose()
    }

    /// `data` as JSON text; `null` if it is not there.
    pub(super) fn data(&self) -> &str {
        self.get("data").map_or("null", RawValue::get)
    }

    /// `omit` or `once`.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Invalid> {
        match self.get(key).map(RawValue::get) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(key, "true or false")),
        }
    }

    fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.get(key).map(|value| &**value)
    }
}

const LIST: &str = r#"an array of strings, none empty and at least one, as ["lobby"]"#;
const EVENT: &str = r#"a string that is not empty, as "message""#;

fn list(key: &str, value: Option<&RawValue>, max: usize) -> Result<Vec<String>, Invalid> {
    let names: Option<Vec<String>> = value.and_then(|value| serde_json::from_str(value.get()).ok());
    let names = names.filter(|names| !names.is_empty() && names.iter().all(|name| !name.is_empty()));
    let names = names.ok_or_else(|| wrong(key, LIST))?;
    match names.len() {
        count if count > max => {
            Err(Invalid(format!("{key} has {count} names, {max} are allowed: send several requests")))
        }
        _ => Ok(names),
    }
}

fn wrong(key: &str, want: &str) -> Invalid {
    Invalid(format!("{key} has to be {want}"))
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let Body(json) = Body::from_request(request, state).await?;
        Self::parse(&json).map_err(IntoResponse::into_response)
    }
}

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Fields, Invalid> {
        Fields::parse(&RawValue::from_string(json.into()).unwrap())
    }

    fn fields(json: &str) -> Fields {
        parse(json).unwrap()
    }

    #[test]
    fn only_an_object_has_keys() {
        for json in ["[]", r#"[["a"]]"#, r#"["a","b",1,false,false]"#, "null", "5", "\"ids\"", "true"] {
            assert_eq!(parse(json).unwrap_err(), Invalid("the body has to be a JSON object".into()), "{json}");
        }
        assert!(parse(" {} ").is_ok());
    }

    #[test]
    fn lists() {
        let read = fields(r#"{"ids":["a","\u0062"],"to":["c"],"rooms":["d"],"more":[]}"#);
        assert_eq!(read.ids().unwrap().unwrap(), ["a", "b"]);
        assert_eq!((read.names("to").unwrap(), read.rooms().unwrap()), (vec!["c".to_owned()], vec!["d".to_owned()]));
        assert_eq!(fields("{}").ids(), Ok(None));
        for bad in ["null", "5", "\"a\"", "[]", "[\"\"]", "[\"a\",5]", "{\"a\":1}", "[\"\\ud800\"]"] {
            let why = wrong("ids", LIST);
            assert_eq!(fields(&format!("{{\"ids\":{bad}}}")).ids(), Err(why), "{bad}");
        }
        assert_eq!(fields("{}").rooms(), Err(wrong("rooms", LIST)));
        assert_eq!(fields(r#"{"to":[[]]}"#).names("to"), Err(wrong("to", LIST)));
        let many = fields(&format!("{{\"rooms\":[{}]}}", vec!["\"a\""; BROADCAST_ROOMS_MAX + 1].join(",")));
        assert_eq!(many.rooms(), Err(Invalid("rooms has 1001 names, 1000 are allowed: send several requests".into())));
    }

    #[test]
    fn the_parts_of_a_message() {
        let read = fields(r#"{"event":"e","data": {"a": 1e400} ,"omit":true,"once":false}"#);
        assert_eq!((read.event(), read.data()), (Ok(Some("e".into())), r#"{"a": 1e400}"#));
        assert_eq!((read.flag("omit"), read.flag("once")), (Ok(true), Ok(false)));
        let none = fields("{}");
        assert_eq!((none.event(), none.data(), none.flag("omit")), (Ok(None), "null", Ok(false)));
        let bad = fields(r#"{"event":null,"omit":1,"once":null}"#);
        assert_eq!(bad.event(), Err(wrong("event", EVENT)));
        assert_eq!(bad.flag("omit"), Err(wrong("omit", "true or false")));
        assert_eq!(bad.flag("once"), Err(wrong("once", "true or false")));
    }

    #[test]
    fn the_last_of_two_counts() {
        let twice = fields(r#"{"event":5,"data":1,"data":2,"event":"b"}"#);
        assert_eq!((twice.event(), twice.data()), (Ok(Some("b".into())), "2"));
    }
}
