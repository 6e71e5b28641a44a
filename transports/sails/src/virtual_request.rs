//! Virtual requests: what an event of sails.io.js asks for.
//!
//! An event is named like a method in lower case and has one argument, `{method, url, data, headers}`; `params` is an alias of
//! `data`, and of both together `data` wins key by key. Members that are not known are ignored, `method` too: the event's name
//! counts. Source: sails-hook-sockets 3.0, as it behaves; what differs stands in the guide.

#[cfg(any(test, fuzzing))]
pub(crate) mod check;

use std::borrow::Cow;
use std::fmt;

use http::header::{CONTENT_LENGTH, COOKIE, HOST, ORIGIN, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Map;
use serde_json::value::{RawValue, Value};

/// Headers of one request; further ones are left out.
const HEADERS_MAX: usize = 100;

/// Headers that no request sets: those of the handshake, and how a body travels.
const NOT_ITS_OWN: [HeaderName; 5] = [CONTENT_LENGTH, COOKIE, HOST, ORIGIN, TRANSFER_ENCODING];

/// What cannot stand in a request's target and is no escape.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Says that a request is a virtual one, as an extension of it: it came over a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualRequest {
    /// The method that was asked for. The request itself has GET for HEAD: over a socket there is no answer without a body.
    pub method: Method,
}

/// A virtual request, as an event has it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) target: Target,
    /// JSON.
    pub(crate) data: Cow<'a, str>,
    pub(crate) headers: HeaderMap,
}

/// The longest url, once escaped, that [`Uri`] takes.
const URL_BYTES_MAX: usize = u16::MAX as usize - 1;

/// Where a url leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Uri(Uri),
    /// Nowhere: it is no path.
    Nowhere,
    /// Its escapes are none.
    Undecodable,
    /// It has more than [`URL_BYTES_MAX`].
    TooLong,
}

/// Why an event is no request. The text is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    Arguments,
    NotAnObject,
    Url,
    Data,
    OldSdk,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arguments => "a virtual request has exactly one argument, and a callback if it wants an answer",
            Self::NotAnObject => "its argument is an object {method, url, data, headers}",
            Self::Url => "its url is a string that is not empty, as /users?limit=10",
            Self::Data => "its data and params are JSON",
            Self::OldSdk => "the client's __sails_io_sdk_version is below 0.11.0: use sails.io.js 0.11 or newer",
        })
    }
}

/// Names of events, in lower case, and the methods that they stand for.
pub(crate) const METHODS: [(&str, Method); 7] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
];

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
}

impl<'a> Asked<'a> {
    /// Reads an event's arguments: JSON, `count` of them. Linear; copies the url, and data only where there are params too.
    pub(crate) fn parse(method: Method, args: &'a str, count: usize) -> Result<Self, Unusable> {
        if count != 1 {
            return Err(Unusable::Arguments);
        }
        if !args.trim_start().starts_with('{') {
            return Err(Unusable::NotAnObject);
        }
        let members: Members<'a> = serde_json::from_str(args).map_err(|_| Unusable::NotAnObject)?;
        let url: String = members.url.and_then(|url| serde_json::from_str(url.get()).ok()).ok_or(Unusable::Url)?;
        Ok(Self {
            method,
            target: Target::parse(&url)?,
            data: data(members.params, members.data)?,
            headers: members.headers.map(headers).unwrap_or_default(),
        })
    }
}

/// The body of a request: data, upon params.
fn data<'a>(params: Option<&'a RawValue>, data: Option<&'a RawValue>) -> Result<Cow<'a, str>, Unusable> {
    let said = |value: &&'a RawValue| value.get() != "null";
    Ok(match (params.filter(said), data.filter(said)) {
        (None, None) => Cow::Borrowed("{}"),
        (Some(one), None) | (None, Some(one)) => Cow::Borrowed(one.get()),
        (Some(params), Some(data)) if params.get().starts_with('{') && data.get().starts_with('{') => {
            let read = |json: &RawValue| serde_json::from_str::<Map<String, Value>>(json.get()).ok();
            let (mut all, data) = read(params).zip(read(data)).ok_or(Unusable::Data)?;
            all.extend(data);
            Cow::Owned(Value::Object(all).to_string())
        }
        (Some(_), Some(data)) => Cow::Borrowed(data.get()),
    })
}

/// Headers as a client's object has them. What cannot be a header is left out, as is what is not the request's own.
fn headers(json: &RawValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Ok(members) = serde_json::from_str::<Map<String, Value>>(json.get()) else { return headers };
    for (name, value) in members.into_iter().take(HEADERS_MAX) {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => continue,
        };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text))
            && !NOT_ITS_OWN.contains(&name)
        {
            headers.insert(name, value);
        }
    }
    headers
}

impl Target {
    /// Reads a url: a path, perhaps with a query, or all of an http url. Blanks around it and a fragment do not count.
    pub(crate) fn parse(url: &str) -> Result<Self, Unusable> {
        let url = url.trim();
        if url.is_empty() {
            return Err(Unusable::Url);
        }
        let url = url.split('#').next().unwrap_or_default();
        let is_absolute = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
        if is_absolute {
            let uri: Uri = match uri(url) {
                Err(Self::TooLong) => return Ok(Self::TooLong),
                uri => uri.map_err(|_| Unusable::Url)?,
            };
            // Put together again: right behind a host a query comes without a slash.
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Ok(Self::of_path(&(uri.path().to_owned() + &query)));
        }
        Ok(Self::of_path(url))
    }

    fn of_path(url: &str) -> Self {
        if !url.starts_with('/') || url.starts_with("//") {
            return Self::Nowhere;
        }
        let path = url.split('?').next().unwrap_or_default();
        if !is_decodable(path) {
            return Self::Undecodable;
        }
        uri(url).map_or_else(|unusable| unusable, Self::Uri)
    }
}

fn uri(url: &str) -> Result<Uri, Target> {
    let escaped = utf8_percent_encode(url, ESCAPED).to_string();
    if escaped.len() > URL_BYTES_MAX { Err(Target::TooLong) } else { escaped.parse().map_err(|_| Target::Undecodable) }
}

/// Whether every `%` begins an escape, and all together are UTF-8.
pub fn is_decodable(path: &str) -> bool {
    let is_escape = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    path.split('%').skip(1).all(is_escape) && percent_decode_str(path).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> String {
        match Target::parse(url) {
            Ok(Target::Uri(uri)) => uri.to_string(),
            Ok(Target::Nowhere) => "nowhere".into(),
            Ok(Target::Undecodable) => "undecodable".into(),
            Ok(Target::TooLong) => "too long".into(),
            Err(unusable) => unusable.to_string(),
        }
    }

    #[test]
    fn urls() {
        for (url, uri) in [
            ("/echo?a=1", "/echo?a=1"),
            ("  /echo \n", "/echo"),
            ("/", "/"),
            ("/echo#frag?x=1", "/echo"),
            ("http://host/echo?a=1", "/echo?a=1"),
            ("https://host", "/"),
            ("https://host?a=1", "/?a=1"),
            ("/rooms/sl%2Fash", "/rooms/sl%2Fash"),
            ("/rooms/a b/ü", "/rooms/a%20b/%C3%BC"),
            ("/x?%zz=1", "/x?%zz=1"),
            ("echo", "nowhere"),
            ("//host/echo", "nowhere"),
            ("?a", "nowhere"),
            ("/rooms/a%zz", "undecodable"),
            ("/rooms/%", "undecodable"),
            ("/rooms/%ff", "undecodable"),
            ("/rooms/%é", "undecodable"),
        ] {
            assert_eq!(target(url), uri, "{url}");
        }
        let longest = format!("/{}", "x".repeat(65_533));
        assert_eq!(target(&longest), longest);
        for url in
            [longest.clone() + "x", "http://host".to_owned() + &longest + "x", format!("/?{}", "ü".repeat(30_000))]
        {
            assert_eq!(target(&url), "too long", "{}", url.len());
        }
        for url in ["", " ", "http://[bad", "http://"] {
            assert_eq!(Target::parse(url), Err(Unusable::Url), "{url}");
        }
    }

    fn asked(args: &str, count: usize) -> Result<(String, String, usize), Unusable> {
        let asked = Asked::parse(Method::GET, args, count)?;
        let Target::Uri(uri) = asked.target else { panic!() };
        Ok((uri.to_string(), asked.data.into_owned(), asked.headers.len()))
    }

    #[test]
    fn what_an_event_asks_for() {
        for (args, uri, data, headers) in [
            (r#"{"method":"get","url":"/a","data":{"b":2},"headers":{"X-Echo":"hi","n":5}}"#, "/a", r#"{"b":2}"#, 2),
            (r#"{"url":"/a"}"#, "/a", "{}", 0),
            (r#"{"url":"/a","data":null,"headers":null}"#, "/a", "{}", 0),
            (r#"{"url":"/a","data":[1, 2]}"#, "/a", "[1, 2]", 0),
            (r#"{"url":"/a","data":"s","headers":"x"}"#, "/a", "\"s\"", 0),
            (r#"{"url":"/a","params":{"p":1}}"#, "/a", r#"{"p":1}"#, 0),
            (r#"{"url":"/a","params":{"p":1,"q":1},"data":{"q":2}}"#, "/a", r#"{"p":1,"q":2}"#, 0),
            (r#"{"url":"/a","params":{"p":1},"data":[3]}"#, "/a", "[3]", 0),
            (r#"{"\u0075rl":"/\u0061","more":{"url":"/b"}}"#, "/a", "{}", 0),
            (
                r#"{"url":"/a","headers":{"cookie":"a=b","Origin":"x","bad name":"1","c":"\n","d":{},"e":true}}"#,
                "/a",
                "{}",
                1,
            ),
        ] {
            assert_eq!(asked(args, 1), Ok((uri.into(), data.into(), headers)), "{args}");
        }
    }

    #[test]
    fn what_asks_for_nothing() {
        for (args, count, unusable) in [
            ("", 0, Unusable::Arguments),
            (r#"{"url":"/a"},1"#, 2, Unusable::Arguments),
            ("null", 1, Unusable::NotAnObject),
            ("\"/a\"", 1, Unusable::NotAnObject),
            ("[]", 1, Unusable::NotAnObject),
            (r#"{"url":"/a","url":"/b"}"#, 1, Unusable::NotAnObject),
            ("{}", 1, Unusable::Url),
            (r#"{"url":5}"#, 1, Unusable::Url),
            (r#"{"url":null}"#, 1, Unusable::Url),
            (r#"{"url":""}"#, 1, Unusable::Url),
            (r#"{"url":"http://[bad"}"#, 1, Unusable::Url),
        ] {
            assert_eq!(asked(args, count), Err(unusable), "{args}");
        }
        let deep = format!(r#"{{"url":"/a","data":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(asked(&deep, 1).is_ok(), "how deep it may be is for the service to say");
    }
}
