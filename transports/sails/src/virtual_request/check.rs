//! What holds for whatever a client sends as a virtual request: for the fuzz target, and for its seeds in the tests.

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Asked, HEADERS_MAX, Target};
use crate::answer;

/// Reads `text` as an event's arguments, which are JSON but for what a raw WebSocket may have put there, and as the body of an
/// answer.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "the fuzz target calls it"))]
pub fn check(text: &str) {
    check_request(text);
    check_answer(text);
}

fn check_request(text: &str) {
    let count = serde_json::from_str::<Vec<Box<RawValue>>>(&format!("[{text}]")).map_or(1, |args| args.len());
    let Ok(asked) = Asked::parse(Method::POST, text, count) else { return };
    assert_eq!(count, 1, "one argument");
    let args: Value = match serde_json::from_str(text) {
        Ok(args) => args,
        // Too deep for a tree, and a request all the same.
        Err(_) => return,
    };
    let url = args["url"].as_str().expect("a request has a url").trim();
    assert!(!url.is_empty());
    assert!(asked.headers.len() <= HEADERS_MAX && !asked.headers.contains_key("cookie"));
    let data: Value = serde_json::from_str(&asked.data).expect("data is JSON");
    check_data(&args, &data);
    if let Target::Uri(uri) = asked.target {
        let path = url.strip_prefix("http://").or(url.strip_prefix("https://")).unwrap_or(url);
        assert!(uri.path().starts_with('/') && !uri.to_string().contains('#'), "{uri}");
        assert!(super::is_decodable(uri.path()), "{uri}");
        if path == url
            && url.is_ascii()
            && url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/?=&%".contains(&byte))
        {
            assert_eq!(uri.to_string(), url, "what needs no escape is left alone");
        }
    }
}

/// Data, upon params.
fn check_data(args: &Value, data: &Value) {
    match (&args["params"], &args["data"]) {
        (Value::Null, Value::Null) => assert_eq!(data, &serde_json::json!({})),
        (Value::Null, one) | (one, Value::Null) => assert_eq!(data, one),
        (Value::Object(params), Value::Object(own)) => {
            let mut all = params.clone();
            all.extend(own.clone());
            assert_eq!(data, &Value::Object(all));
        }
        (_, own) => assert_eq!(data, own),
    }
}

/// Whatever a service says, its answer is JSON of three members.
fn check_answer(text: &str) {
    for kind in ["application/json", "text/plain"] {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static(kind));
        let message = answer::message(StatusCode::OK, &headers, &text.to_owned().into());
        let Ok(answer) = serde_json::from_str::<Value>(message.args_json()) else {
            assert!(serde_json::from_str::<Value>(text).is_err(), "only what is too deep for a tree is none");
            continue;
        };
        assert_eq!(answer["statusCode"], 200);
        match serde_json::from_str::<Value>(text) {
            _ if text.is_empty() => assert!(answer.get("body").is_none()),
            Ok(value) if kind == "application/json" => assert_eq!(answer["body"], value),
            _ => assert_eq!(answer["body"], text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/virtual_requests");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            super::check(&text);
            count += 1;
        }
        assert!(count >= 10, "{count} seeds");
    }
}
