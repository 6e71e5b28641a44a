//! The front of a packet's text: type, attachments, namespace, ack id (socket.io-protocol, "Packet encoding").
//!
//! ```text
//! <packet type>[<# of binary attachments>-][<namespace>,][<acknowledgment id>][JSON-stringified payload]
//! ```

use super::decoder::DecodeLimits;
use super::error::DecodeError;
use super::packet::Revision;

/// What kind of payload a packet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

/// The front of a packet, and what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) kind: Kind,
    /// How many binary messages follow.
    pub(crate) attachments: usize,
    pub(crate) namespace: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) id: Option<u64>,
    /// What is left: JSON, or nothing.
    pub(crate) payload: &'a str,
}

impl Kind {
    /// The kind that a packet type stands for (types 5 and 6 are kinds 2 and 3).
    pub(crate) fn of_type(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Connect,
            1 => Self::Disconnect,
            2 => Self::Event,
            3 => Self::Ack,
            4 => Self::ConnectError,
            _ => return None,
        })
    }
}

/// Reads the front of a packet. One pass over it; nothing is allocated.
pub(crate) fn parse<'a>(text: &'a str, revision: Revision, limits: &DecodeLimits) -> Result<Header<'a>, DecodeError> {
    let packet_type = text.bytes().next().filter(u8::is_ascii_digit).ok_or(DecodeError::Type)? - b'0';
    let binary = matches!(packet_type, 5 | 6);
    let kind = Kind::of_type(u64::from(if binary { packet_type - 3 } else { packet_type })).ok_or(DecodeError::Type)?;
    let rest = &text[1..];
    let (attachments, rest) = if binary { attachments(rest, limits.attachments_max)? } else { (0, rest) };
    let (name, rest) = namespace(rest);
    let (namespace, query) = split_query(name, revision, limits)?;
    let (id, payload) = ack_id(rest)?;
    Ok(Header { kind, attachments, namespace, query, id, payload })
}

/// The namespace's name and its query, which is a part of the name unless the client is an old one.
pub(crate) fn split_query<'a>(
    name: &'a str,
    revision: Revision,
    limits: &DecodeLimits,
) -> Result<(&'a str, Option<&'a str>), DecodeError> {
    let (namespace, query) = match (revision, name.split_once('?')) {
        (Revision::V4, Some((namespace, query))) => (namespace, Some(query)),
        _ => (name, None),
    };
    let max = limits.namespace_bytes_max;
    if namespace.len() > max { Err(DecodeError::NamespaceTooLong { max }) } else { Ok((namespace, query)) }
}

fn attachments(rest: &str, max: usize) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = split_digits(rest);
    let rest = rest.strip_prefix('-').ok_or(DecodeError::AttachmentCount)?;
    if digits.bytes().all(|digit| digit == b'0') {
        return Err(DecodeError::AttachmentCount);
    }
    // What does not even fit into an integer is too many as well.
    match digits.parse() {
        Ok(count) if count <= max => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments { max }),
    }
}

/// The namespace, and what is behind its comma. Without a comma it is all there is.
fn namespace(rest: &str) -> (&str, &str) {
    if !rest.starts_with('/') {
        return ("/", rest);
    }
    rest.split_once(',').unwrap_or((rest, ""))
}

fn ack_id(rest: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (digits, payload) = split_digits(rest);
    if digits.is_empty() {
        return Ok((None, payload));
    }
    let id = digits.parse().map_err(|_| DecodeError::AckIdTooLarge)?;
    Ok((Some(id), payload))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header<'_>, DecodeError> {
        parse(text, Revision::V5, &DecodeLimits::default())
    }

    #[test]
    fn every_part_and_none() {
        let packet = header("62-/admin,13[1]").unwrap();
        assert_eq!((packet.kind, packet.attachments, packet.namespace), (Kind::Ack, 2, "/admin"));
        assert_eq!((packet.id, packet.payload, packet.query), (Some(13), "[1]", None));
        let packet = header("2[\"/a,1\"]").unwrap();
        assert_eq!((packet.kind, packet.namespace, packet.id, packet.payload), (Kind::Event, "/", None, "[\"/a,1\"]"));
        let packet = header("0/admin").unwrap();
        assert_eq!((packet.kind, packet.namespace, packet.payload), (Kind::Connect, "/admin", ""));
        assert_eq!(header("1/,").unwrap().namespace, "/");
    }

    #[test]
    fn a_query_belongs_to_the_name_in_revision_5_and_not_in_4() {
        let text = "0/admin?a=/b&c,";
        assert_eq!(header(text).unwrap().namespace, "/admin?a=/b&c");
        let old = parse(text, Revision::V4, &DecodeLimits::default()).unwrap();
        assert_eq!((old.namespace, old.query), ("/admin", Some("a=/b&c")));
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(header("2018446744073709551615[]").unwrap().id, Some(u64::MAX));
        assert_eq!(header("218446744073709551616[]"), Err(DecodeError::AckIdTooLarge));
        assert_eq!(header("510-[]").unwrap().attachments, 10);
        let max = 10;
        for text in ["511-[]", "5999999999999999999999999-[]"] {
            assert_eq!(header(text), Err(DecodeError::TooManyAttachments { max }), "{text}");
        }
        for text in ["5", "5-[]", "50-[]", "500-[]", "5[]", "51[]", "5 1-[]", "51e0-[]", "5+1-[]", "5-1-[]", "5/a,1-[]"]
        {
            assert_eq!(header(text), Err(DecodeError::AttachmentCount), "{text}");
        }
        for text in ["", "7", "9[]", "x", " 2[]", "\u{e4}"] {
            assert_eq!(header(text), Err(DecodeError::Type), "{text}");
        }
    }

    #[test]
    fn names_have_a_limit() {
        let limits = DecodeLimits { namespace_bytes_max: 4, ..DecodeLimits::default() };
        assert!(parse("0/abc,{}", Revision::V5, &limits).is_ok());
        assert!(parse("0/abc?token=long,", Revision::V4, &limits).is_ok());
        let too_long = Err(DecodeError::NamespaceTooLong { max: 4 });
        assert_eq!(parse("0/abcd,{}", Revision::V5, &limits), too_long);
        assert_eq!(parse("0/abcd?", Revision::V4, &limits), too_long);
    }
}
