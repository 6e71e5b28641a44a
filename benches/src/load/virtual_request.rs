//! Virtual requests of sails.io.js as text: events named like a method, each answered by an acknowledgement.

/// Asks who one is.
pub(crate) const ME: &str = r#"420["get",{"method":"get","headers":{},"data":{},"url":"/me"}]"#;

/// A request that is answered under `number`; `data` is JSON.
pub(crate) fn request(number: u32, method: &str, url: &str, data: &str) -> String {
    format!(r#"42{number}["{method}",{{"method":"{method}","headers":{{}},"data":{data},"url":"{url}"}}]"#)
}

/// The number and the body of an answer with status 200 and no headers; `None` if `text` is anything else.
#[inline]
pub(crate) fn answer(text: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = leading_number(text.strip_prefix(b"43")?)?;
    let body = rest.strip_prefix(br#"[{"body":"#)?.strip_suffix(br#","headers":{},"statusCode":200}]"#)?;
    Some((number, body))
}

/// The decimal number at the front of `text`, and what follows it.
pub(crate) fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_sails_io_js() {
        assert_eq!(request(0, "get", "/me", "{}"), ME);
        let join = r#"4212["put",{"method":"put","headers":{},"data":{"a":1},"url":"/rooms/r/members"}]"#;
        assert_eq!(request(12, "put", "/rooms/r/members", r#"{"a":1}"#), join);
    }

    #[test]
    fn answers_are_compared_whole() {
        let text = br#"4312[{"body":{"ok":true},"headers":{},"statusCode":200}]"#;
        assert_eq!(answer(text), Some((12, &br#"{"ok":true}"#[..])));
        for at in 0..text.len() {
            let mut damaged = text.to_vec();
            damaged[at] ^= 0x40;
            assert_ne!(answer(&damaged), answer(text), "byte {at} is not looked at");
        }
        assert_eq!(answer(br#"43[{"body":1,"headers":{},"statusCode":200}]"#), None, "no number");
        assert_eq!(answer(br#"431[{"body":1,"headers":{"a":"b"},"statusCode":200}]"#), None);
    }
}
