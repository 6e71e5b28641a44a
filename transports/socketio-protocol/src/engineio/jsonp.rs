//! JSONP: polling for pages that can only load scripts and submit forms (revision 3's oldest browsers).
//!
//! A poll's answer is a script that calls the client: `___eio[7]("6:4hello");`. A request to send is a form with one field
//! `d`. Before it is submitted the client writes a line feed as `\n`, because browsers make CR LF of it, and a backslash
//! before an `n` twice; that is undone here as engine.io does it.

use std::{borrow::Cow, fmt::Write};

use super::PayloadError;

/// Digits that an index may have.
const DIGITS_MAX: usize = 9;

/// Which of the page's functions to call: `j` in the query. A number, and so nothing that could be script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jsonp(u32);

impl Jsonp {
    /// The index with these one to nine digits.
    #[must_use]
    pub fn parse(index: &str) -> Option<Self> {
        let is_index = (1..=DIGITS_MAX).contains(&index.len()) && index.bytes().all(|byte| byte.is_ascii_digit());
        if is_index { index.parse().ok().map(Self) } else { None }
    }

    /// The script that hands a text payload to the client.
    ///
    /// It has to be JavaScript of before 2019, in which U+2028 and U+2029 end a line even in a string
    /// (ECMA-262 6th edition, section 11.8.4).
    pub(crate) fn script(self, payload: &[u8]) -> String {
        let text = String::from_utf8_lossy(payload);
        let mut script = String::with_capacity(text.len() + text.len() / 8 + 32);
        let written = write!(script, "___eio[{}](", self.0);
        debug_assert!(written.is_ok(), "a string takes all");
        push_quoted(&text, &mut script);
        script.push_str(");");
        script
    }
}

fn push_quoted(text: &str, script: &mut String) {
    script.push('"');
    for char in text.chars() {
        match char {
            '"' => script.push_str("\\\""),
            '\\' => script.push_str("\\\\"),
            '\n' => script.push_str("\\n"),
            '\r' => script.push_str("\\r"),
            '\t' => script.push_str("\\t"),
            '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                let written = write!(script, "\\u{:04x}", u32::from(char));
                debug_assert!(written.is_ok(), "a string takes all");
            }
            char => script.push(char),
        }
    }
    script.push('"');
}

/// The payload in the form that a JSONP client submits. Its `Content-Type` does not matter. Linear, one or two copies.
///
/// The limit of bytes has to be held by who reads the body: this form of a payload is up to three times as long.
///
/// # Errors
/// The form has no field `d`.
pub fn parse_form(body: &[u8]) -> Result<String, PayloadError> {
    let mut fields = form_urlencoded::parse(body);
    let (_, data) = fields.find(|(name, _)| name == "d").ok_or(PayloadError::NoField)?;
    Ok(unescape(data).into_owned())
}

/// `\n` becomes a line feed, `\\n` becomes `\n`, in one go.
fn unescape(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"\\n").is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = &text[..];
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), b"\\n") {
        let before = &rest[..at];
        match before.strip_suffix('\\') {
            Some(before) => {
                out.push_str(before);
                out.push_str("\\n");
            }
            None => {
                out.push_str(before);
                out.push('\n');
            }
        }
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_digits() {
        assert_eq!(Jsonp::parse("0"), Some(Jsonp(0)));
        assert_eq!(Jsonp::parse("999999999"), Some(Jsonp(999_999_999)));
        for index in ["", "1234567890", "-1", "+1", "1;alert(1)", "٣", "1e3"] {
            assert_eq!(Jsonp::parse(index), None, "{index}");
        }
    }

    #[test]
    fn a_script() {
        let script = Jsonp(7).script("3:4\"\\\n\u{2028}\0</script>é".as_bytes());
        assert_eq!(script, r#"___eio[7]("3:4\"\\\n\u2028\u0000</script>é");"#);
    }

    #[test]
    fn forms() {
        for (form, payload) in [
            ("d=2%3A4a", "2:4a"),
            ("a=b&d=4%3A4+%2B%E2%82%AC&d=second", "4:4 +€"),
            ("d=%5Cn", "\n"),
            ("d=%5C%5Cn", "\\n"),
            ("d=%5C%5C%5Cn", "\\\\n"),
            ("d=n%5Cn%5C%5Cn%5C%5C", "n\n\\n\\\\"),
            ("d", ""),
        ] {
            assert_eq!(parse_form(form.as_bytes()).as_deref(), Ok(payload), "{form}");
        }
        for form in ["", "e=1", "D=1", "=d"] {
            assert_eq!(parse_form(form.as_bytes()), Err(PayloadError::NoField), "{form}");
        }
    }
}
