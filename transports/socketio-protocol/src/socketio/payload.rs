//! The payload of a packet: what each kind must have, and how the array of an event is cut into name and arguments.

use std::borrow::Cow;

use super::error::DecodeError;
use super::header::{Header, Kind};
use super::json::{DEPTH_MAX, Scanner, Token};
use super::packet::{Args, Body};

/// Names that mean something of their own on one of the sides, so that no packet may have them (as in socket.io-parser).
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Validates the payload and takes it apart: one pass, nothing is allocated unless the name has escapes.
/// Attachments are not there yet.
pub(crate) fn parse<'a>(header: &Header<'a>) -> Result<Body<'a>, DecodeError> {
    let payload = header.payload;
    Ok(match header.kind {
        Kind::Connect => {
            let data = optional(payload, "{", DecodeError::ConnectPayload)?;
            Body::Connect { data, query: header.query.map(Cow::Borrowed) }
        }
        Kind::Disconnect if payload.is_empty() => Body::Disconnect,
        Kind::Disconnect => return Err(DecodeError::DisconnectPayload),
        Kind::ConnectError => Body::ConnectError { data: optional(payload, "{\"", DecodeError::ErrorPayload)? },
        Kind::Event => {
            let mut scanner = array(payload)?;
            Body::Event { name: name(&mut scanner)?, args: arguments(scanner)?, ack: header.id }
        }
        Kind::Ack => Body::Ack { id: header.id, args: arguments(array(payload)?)? },
    })
}

/// Whether an event may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), DecodeError> {
    match RESERVED.iter().find(|&&reserved| reserved == name) {
        Some(reserved) => Err(DecodeError::EventReserved(reserved)),
        None => Ok(()),
    }
}

/// The payload if there is one; its first character must be one of `firsts`.
fn optional<'a>(payload: &'a str, firsts: &str, error: DecodeError) -> Result<Option<Cow<'a, str>>, DecodeError> {
    let Some(first) = payload.chars().next() else { return Ok(None) };
    if !firsts.contains(first) {
        return Err(error);
    }
    let mut scanner = Scanner::value(payload, DEPTH_MAX);
    while scanner.next()?.is_some() {}
    Ok(Some(Cow::Borrowed(payload)))
}

/// A walk over the array that the payload has to be, behind its opening bracket.
fn array(payload: &str) -> Result<Scanner<'_>, DecodeError> {
    match payload.bytes().next() {
        Some(b'[') => {}
        None | Some(b'{' | b'"' | b't' | b'f' | b'n') => return Err(DecodeError::NoArray),
        Some(_) => return Err(DecodeError::AckId),
    }
    let mut scanner = Scanner::value(payload, DEPTH_MAX + 1);
    scanner.next()?;
    Ok(scanner)
}

fn name<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, str>, DecodeError> {
    let name = match scanner.next()? {
        Some(Token::String(text)) => text.decode(),
        Some(Token::Number(text)) => Cow::Borrowed(text),
        Some(Token::ArrayEnd) => return Err(DecodeError::EventNameMissing),
        _ => return Err(DecodeError::EventName),
    };
    check_name(&name)?;
    Ok(name)
}

/// What is left of an array, as arguments.
fn arguments(mut scanner: Scanner<'_>) -> Result<Args<'_>, DecodeError> {
    let (mut json, mut count) = (0..0, 0);
    while let Some(token) = scanner.next()? {
        if scanner.depth() == 0 {
            continue; // The array's own bracket; behind it the text has to end.
        }
        let opens = matches!(token, Token::ArrayStart | Token::ObjectStart);
        if token.starts_value() && scanner.depth() == 1 + usize::from(opens) {
            count += 1;
        }
        let start = if json.is_empty() { scanner.token_start() } else { json.start };
        json = start..scanner.token_end();
    }
    let json = Cow::Borrowed(&scanner.text()[json]);
    Ok(Args { json, count, attachments: Cow::Borrowed(&[]) })
}

#[cfg(test)]
mod tests {
    use super::super::decoder::DecodeLimits;
    use super::super::header;
    use super::super::packet::Revision;
    use super::*;

    fn body(text: &str) -> Result<Body<'_>, DecodeError> {
        parse(&header::parse(text, Revision::V5, &DecodeLimits::default())?)
    }

    fn event(text: &str) -> (String, String, usize) {
        match body(text).unwrap() {
            Body::Event { name, args, .. } => (name.into_owned(), args.json.into_owned(), args.count),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn events_are_cut_into_name_and_arguments() {
        for (text, name, args, count) in [
            (r#"2["a"]"#, "a", "", 0),
            (r#"2["a",1]"#, "a", "1", 1),
            (r#"27[ "a" , [1, 2] ,{"b":[{}]}, "]" ] "#, "a", r#"[1, 2] ,{"b":[{}]}, "]""#, 3),
            (r#"2["a\u0062\n",null]"#, "ab\n", "null", 1),
            (r#"2[""]"#, "", "", 0),
            ("2[1.5,2]", "1.5", "2", 1),
            (r#"2["error"]"#, "error", "", 0),
            (r#"2["x",{"_placeholder":true,"num":0}]"#, "x", r#"{"_placeholder":true,"num":0}"#, 1),
        ] {
            assert_eq!(event(text), (name.into(), args.into(), count), "{text}");
        }
    }

    #[test]
    fn answers_are_arrays_of_any_length() {
        for (text, json, count) in [("31[]", "", 0), ("31[ ]", "", 0), (r#"31["connect", 2]"#, r#""connect", 2"#, 2)] {
            let args = Args { json: json.into(), count, ..Args::default() };
            assert_eq!(body(text), Ok(Body::Ack { id: Some(1), args }), "{text}");
        }
        assert!(matches!(body("3[]"), Ok(Body::Ack { id: None, .. })));
    }

    #[test]
    fn every_rule_for_events_and_answers() {
        for (text, error) in [
            ("2", DecodeError::NoArray),
            ("21", DecodeError::NoArray),
            ("2{}", DecodeError::NoArray),
            ("2\"a\"", DecodeError::NoArray),
            ("3null", DecodeError::NoArray),
            ("2[]", DecodeError::EventNameMissing),
            ("2[null]", DecodeError::EventName),
            ("2[{}]", DecodeError::EventName),
            ("2[[]]", DecodeError::EventName),
            ("2[true]", DecodeError::EventName),
            ("2-1[\"a\"]", DecodeError::AckId),
            ("2x[\"a\"]", DecodeError::AckId),
            ("2 [\"a\"]", DecodeError::AckId),
            ("21.5[\"a\"]", DecodeError::AckId),
            ("2[\"a\"", DecodeError::Json { at: 4 }),
            ("2[\"a\"]x", DecodeError::Json { at: 5 }),
            ("2[\"a\",]", DecodeError::Json { at: 5 }),
            ("2[\"a\"],[1]", DecodeError::Json { at: 5 }),
            ("3[}", DecodeError::Json { at: 1 }),
        ] {
            assert_eq!(body(text), Err(error), "{text}");
        }
        for reserved in RESERVED {
            assert_eq!(body(&format!("2[\"{reserved}\"]")), Err(DecodeError::EventReserved(reserved)));
        }
        assert_eq!(body(r#"2["\u0063onnect"]"#), Err(DecodeError::EventReserved("connect")));
    }

    #[test]
    fn every_rule_for_the_others() {
        let data = |json: &'static str| Ok(Body::Connect { data: Some(json.into()), query: None });
        assert_eq!(body("0"), Ok(Body::Connect { data: None, query: None }));
        assert_eq!(body(r#"0{"a":[1]}"#), data(r#"{"a":[1]}"#));
        for text in ["0[]", "0null", "0\"a\"", "0/a,1 2"] {
            assert_eq!(body(text), Err(DecodeError::ConnectPayload), "{text}");
        }
        assert_eq!(body("0{"), Err(DecodeError::Json { at: 1 }));
        assert_eq!(body("0{}{}"), Err(DecodeError::Json { at: 2 }));
        assert_eq!(body("1"), Ok(Body::Disconnect));
        assert_eq!(body("1{}"), Err(DecodeError::DisconnectPayload));
        assert_eq!(body("4\"no\""), Ok(Body::ConnectError { data: Some("\"no\"".into()) }));
        assert_eq!(body("4[]"), Err(DecodeError::ErrorPayload));
    }

    #[test]
    fn nesting_is_counted_within_an_argument() {
        let event = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert!(body(&event(64)).is_ok());
        assert_eq!(body(&event(65)), Err(DecodeError::TooDeep));
        assert_eq!(body(&event(500_000)), Err(DecodeError::TooDeep));
        let connect = |depth: usize| format!("0{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(body(&connect(64)).is_ok());
        assert_eq!(body(&connect(65)), Err(DecodeError::TooDeep));
    }
}
