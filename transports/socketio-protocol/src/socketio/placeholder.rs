//! Placeholders: what stands in a packet's JSON where an attachment belongs.
//!
//! Every object whose member `_placeholder` is `true` is one, wherever it stands, in whatever order its members are and
//! however they are escaped; the last member of a name counts. That is what the parsers of all clients see, so a packet
//! that is passed on must be looked at in the same way: otherwise a client could send what is data to the server and a
//! placeholder that points nowhere to its neighbours, whose parsers then give up their connections.
//!
//! One attachment may be named twice, and one not at all, as socket.io-parser has it.

use std::borrow::Cow;
use std::ops::Range;

use super::error::DecodeError;
use super::json::{Scanner, Token, string::Text};

/// Checks that every placeholder stands for one of the `attachments`, and writes each as the engine's form has it:
/// `{"_placeholder":true,"num":N}`, which is what socket.io-parser sends; then nothing is copied.
pub(crate) fn settle(args: Cow<'_, str>, attachments: usize) -> Result<Cow<'_, str>, DecodeError> {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let (mut scanner, mut watch) = (Scanner::inside_array(&args), Watch::default());
    while let Some(token) = scanner.next()? {
        let Some(found) = watch.see(&token, scanner.token_start()) else { continue };
        let num = found.num.filter(|&num| num < attachments).ok_or(DecodeError::PlaceholderNowhere)?;
        let (range, canonical) = (found.start..scanner.token_end(), canonical(num));
        if args[range.clone()] != canonical {
            // Whatever an object holds besides goes with it; what is within it came just before.
            while changes.last().is_some_and(|(inner, _)| inner.start > range.start) {
                changes.pop();
            }
            changes.push((range, canonical));
        }
    }
    if changes.is_empty() {
        return Ok(args);
    }
    let (mut text, mut copied) = (String::with_capacity(args.len()), 0);
    for (range, canonical) in changes {
        text.push_str(&args[copied..range.start]);
        text.push_str(&canonical);
        copied = range.end;
    }
    text.push_str(&args[copied..]);
    Ok(Cow::Owned(text))
}

/// The engine's form of a placeholder.
pub(crate) fn canonical(num: usize) -> String {
    format!("{{\"_placeholder\":true,\"num\":{num}}}")
}

/// Follows the tokens of JSON text and finds placeholders.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    open: Vec<Open>,
}

/// A placeholder that ends with the token that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where the object starts.
    pub(crate) start: usize,
    /// The number of its attachment, if it is one.
    pub(crate) num: Option<usize>,
}

/// An array or object that is open.
#[derive(Debug)]
struct Open {
    start: usize,
    member: Member,
    is_placeholder: bool,
    num: Option<usize>,
}

/// Which member of an object comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Placeholder,
    Num,
    Other,
}

impl Watch {
    /// To be called with every token and where it starts.
    pub(crate) fn see(&mut self, token: &Token<'_>, start: usize) -> Option<Found> {
        if let Some(open) = self.open.last_mut().filter(|_| token.starts_value()) {
            open.value(token);
        }
        match token {
            Token::Key(name) => {
                if let Some(open) = self.open.last_mut() {
                    open.member = Member::named(*name);
                }
            }
            Token::ArrayStart | Token::ObjectStart => {
                self.open.push(Open { start, member: Member::Other, is_placeholder: false, num: None });
            }
            Token::ArrayEnd | Token::ObjectEnd => {
                let open = self.open.pop()?;
                return open.is_placeholder.then_some(Found { start: open.start, num: open.num });
            }
            _ => {}
        }
        None
    }
}

impl Open {
    fn value(&mut self, token: &Token<'_>) {
        match self.member {
            Member::Placeholder => self.is_placeholder = *token == Token::Bool(true),
            Member::Num => {
                self.num = match token {
                    Token::Number(text) => text.parse().ok(),
                    _ => None,
                };
            }
            Member::Other => {}
        }
    }
}

impl Member {
    fn named(name: Text<'_>) -> Self {
        if name.is("_placeholder") {
            Self::Placeholder
        } else if name.is("num") {
            Self::Num
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(args: &str, attachments: usize) -> Result<String, DecodeError> {
        settle(Cow::Borrowed(args), attachments).map(Cow::into_owned)
    }

    #[test]
    fn placeholders_of_other_shapes_become_those_of_the_engine() {
        let zero = r#"{"_placeholder":true,"num":0}"#;
        for args in [
            r#"{"num":0,"_placeholder":true}"#,
            r#"{ "_placeholder" : true, "num" : 0 }"#,
            r#"{"\u005fplaceholder":true,"n\u0075m":0}"#,
            r#"{"_placeholder":false,"_placeholder":true,"num":7,"num":0}"#,
            r#"{"_placeholder":true,"num":0,"more":[{"num":0,"_placeholder":true}]}"#,
        ] {
            assert_eq!(settled(args, 1).as_deref(), Ok(zero), "{args}");
            let nested = format!(r#"1, [{{"a":{args}}}, {args}] ,"x""#);
            assert_eq!(settled(&nested, 1), Ok(format!(r#"1, [{{"a":{zero}}}, {zero}] ,"x""#)));
        }
    }

    #[test]
    fn what_has_the_engines_form_is_not_copied() {
        let args =
            r#"{"_placeholder":true,"num":9},[{"a":{"_placeholder":true,"num":0}}],{"_placeholder":true,"num":9}"#;
        assert!(matches!(settle(Cow::Borrowed(args), 10), Ok(Cow::Borrowed(same)) if same == args));
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        for args in [
            r#"{"_placeholder":1,"num":99}"#,
            r#"{"_placeholder":"true","num":99}"#,
            r#"{"_placeholder":true,"num":99,"_placeholder":false}"#,
            r#"{"_placeholder":[true],"num":99}"#,
            r#"{"_placeholder":{"a":true},"num":99}"#,
            r#"["_placeholder",true]"#,
            "",
        ] {
            assert_eq!(settled(args, 1).as_deref(), Ok(args));
        }
    }

    #[test]
    fn many_placeholders_take_time_in_proportion_to_their_number() {
        // Looking at all earlier ones for each would take minutes.
        let args = vec![r#"{"num":0,"_placeholder":true}"#; 300_000].join(",");
        assert_eq!(settled(&args, 1).map(|text| text.len()), Ok(args.len()));
    }

    #[test]
    fn placeholders_that_point_nowhere() {
        for args in [
            r#"{"_placeholder":true,"num":1}"#,
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":true,"num":-1}"#,
            r#"{"_placeholder":true,"num":0.5}"#,
            r#"{"_placeholder":true,"num":"0"}"#,
            r#"{"_placeholder":true,"num":[0]}"#,
            r#"{"_placeholder":true,"num":99999999999999999999999}"#,
            r#"{"_placeholder":true,"num":0,"num":1}"#,
            r#"[[{"x":[{"_placeholder":true,"num":1}]}]]"#,
            r#"{"\u005fplaceholder":true,"num":1}"#,
            r#"{"__proto__":{"_placeholder":true,"num":1}}"#,
        ] {
            assert_eq!(settled(args, 1), Err(DecodeError::PlaceholderNowhere), "{args}");
        }
    }
}
