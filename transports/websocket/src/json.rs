//! Looks at JSON text that serde_json has found valid, without building a tree of it.
//!
//! A message's `data` goes from one client to thousands of others. It is never taken apart on the way: numbers of any
//! size, duplicate keys and odd escapes arrive as they were sent. Only two things are looked at. Whitespace between
//! tokens is taken out, because frames of the server are compact; and nesting is bounded, because the recursive parser of
//! some member would run out of stack.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// How deep arrays and objects may be nested in a value that clients send to each other.
pub(crate) const DEPTH_MAX: usize = 64;

/// The same JSON without whitespace between its tokens. Allocates only if there was any.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    let mut text = String::new();
    let mut kept_to = 0;
    for at in blanks(json.as_bytes()) {
        text.push_str(&json[kept_to..at]);
        kept_to = at + 1;
    }
    if kept_to == 0 {
        return Cow::Borrowed(json);
    }
    text.push_str(&json[kept_to..]);
    Cow::Owned(text)
}

/// Appends JSON without whitespace between its tokens.
pub(crate) fn put_compact(to: &mut BytesMut, json: &[u8]) {
    let mut kept_to = 0;
    // Most messages have no whitespace at all; to look for it is a loop without branches.
    if json.iter().any(|byte| is_blank(*byte)) {
        for at in blanks(json) {
            to.put_slice(&json[kept_to..at]);
            kept_to = at + 1;
        }
    }
    to.put_slice(&json[kept_to..]);
}

/// Where whitespace stands between tokens.
fn blanks(json: &[u8]) -> impl Iterator<Item = usize> {
    let mut outside = Outside::default();
    json.iter().enumerate().filter(move |(_, byte)| outside.strings(**byte) && is_blank(**byte)).map(|(at, _)| at)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Whether arrays and objects are nested deeper than [`DEPTH_MAX`].
pub(crate) fn too_deep(json: &str) -> bool {
    // Most messages have fewer brackets than levels are allowed; counting them is a loop without branches.
    let opening = json.bytes().filter(|b| matches!(b, b'[' | b'{')).count();
    opening > DEPTH_MAX && depth(json) > DEPTH_MAX
}

fn depth(json: &str) -> usize {
    let mut outside = Outside::default();
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in json.bytes() {
        match byte {
            _ if !outside.strings(byte) => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Follows the bytes of JSON text and knows which of them stand in strings.
#[derive(Default)]
struct Outside {
    in_string: bool,
    escaped: bool,
}

impl Outside {
    /// Takes the next byte; whether it is no part of a string's inside.
    fn strings(&mut self, byte: u8) -> bool {
        if !self.in_string {
            self.in_string = byte == b'"';
            return true;
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn whitespace_goes_only_between_tokens() {
        let cases = [
            (r#"{"a": [1,  2]}"#, r#"{"a":[1,2]}"#),
            ("[\t1 ,\r\n\"a b\\\" c\" ]", r#"[1,"a b\" c"]"#),
            (r#""\\" "#, r#""\\""#),
            ("1e400", "1e400"),
        ];
        for (json, want) in cases {
            assert_eq!(compact(json), want);
            let mut put = BytesMut::from(&b"before"[..]);
            put_compact(&mut put, json.as_bytes());
            assert_eq!(put, format!("before{want}"));
        }
        assert!(matches!(compact(r#"{"a":"b c"}"#), Cow::Borrowed(_)), "nothing to do, nothing allocated");
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        let nested = |n| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(!too_deep(&nested(64)));
        assert!(too_deep(&nested(65)));
        assert!(too_deep(&nested(1_000_000)));
        assert!(!too_deep(&format!("\"{}\"", "[".repeat(1_000))));
        assert!(!too_deep(&format!("[{}]", vec!["{}"; 1_000].join(","))));
        assert!(!too_deep(&format!("[\"\\\"{}\"]", "{".repeat(1_000))));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ \\\\\"\\[\\]{}a\u{e4}\n\t]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[ a\"\\\\]{0,4}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(map) => 1 + map.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn pretty_printed_json_becomes_compact(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
            let mut put = BytesMut::new();
            put_compact(&mut put, pretty.as_bytes());
            prop_assert_eq!(put, value.to_string());
            prop_assert_eq!(depth(&pretty), depth_of(&value));
        }
    }
}
