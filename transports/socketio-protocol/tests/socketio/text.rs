//! The default parser of both revisions against socket.io-parser 4 and 3: they read what we write and we what they write, and
//! both refuse the same, but for what is named here.

use std::collections::BTreeMap;

use roomcast_socketio_protocol::socketio::{DecodeError, DecodeLimits, Decoder, Packet, Revision};
use serde_json::{Value, json};

use crate::generate::{self, Message, samples, to_json, unhex};
use crate::mutate::{mutate, mutations};
use crate::node;

/// Where they take what we refuse, and mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meant {
    /// An event or answer without a payload: they hand it on without arguments, and without a name.
    NoPayload,
    /// `Number(" ")` is 0: an empty or blank type is a CONNECT.
    BlankType,
    /// `Number` takes blanks, signs, points and exponents in the number of attachments.
    AttachmentCount,
    /// `Number(" ")` is 0: blanks are digits of an ack id.
    BlankAckId,
    /// They lose digits of large ids, so that the answer has another one.
    LargeAckId,
    /// The number of an attachment that is written as a fraction or with an exponent, or of a placeholder within one.
    LooseNum,
    /// We refuse it when the text comes, they when the last attachment does.
    Earlier,
    /// They have no limit.
    Depth,
    /// They have no limit.
    NamespaceLength,
    /// Reserved names; socket.io-parser 3 hands them on.
    OldReserved,
    /// Arrays and null instead of an object; socket.io-parser 3 takes them for objects.
    OldPayload,
    /// Half a surrogate pair in an event's name is U+FFFD here: names are UTF-8.
    LoneSurrogate,
}

const EVERY: [Meant; 10] = [
    Meant::NoPayload,
    Meant::BlankType,
    Meant::AttachmentCount,
    Meant::BlankAckId,
    Meant::LargeAckId,
    Meant::LooseNum,
    Meant::Earlier,
    Meant::Depth,
    Meant::NamespaceLength,
    Meant::LoneSurrogate,
];

type Outcome = Result<(Vec<Packet<'static>>, bool), DecodeError>;

fn decode(revision: Revision, messages: &[Message]) -> Outcome {
    let (mut decoder, limits) = (Decoder::new(revision), DecodeLimits::default());
    let mut packets = Vec::new();
    for message in messages {
        let packet = match message {
            Message::Text(text) => decoder.handle_text(text, &limits)?.map(Packet::into_owned),
            Message::Binary(bytes) => decoder.handle_binary(bytes, &limits)?,
        };
        packets.extend(packet);
    }
    Ok((packets, decoder.missing_attachments() > 0))
}

/// How both read many sequences of messages.
struct Comparison {
    accepted: usize,
    refused: usize,
    meant: BTreeMap<Meant, usize>,
}

fn compare(revision: Revision, parser: &str, cases: &[Vec<Message>]) -> Comparison {
    let outcomes: Vec<Outcome> = cases.iter().map(|messages| decode(revision, messages)).collect();
    let questions: Vec<Value> = cases.iter().zip(&outcomes).map(|(case, ours)| question(parser, case, ours)).collect();
    let mut comparison = Comparison { accepted: 0, refused: 0, meant: BTreeMap::new() };
    for ((case, ours), theirs) in cases.iter().zip(&outcomes).zip(node::ask(&questions)) {
        match (ours, theirs["accepts"] == true) {
            (Ok(_), true) if theirs["same"] == true => comparison.accepted += 1,
            (Err(_), false) => comparison.refused += 1,
            _ => match meant(revision, case, ours, &theirs) {
                Some(meant) => *comparison.meant.entry(meant).or_default() += 1,
                None => panic!("{case:?}\n  ours: {ours:?}\ntheirs: {theirs}"),
            },
        }
    }
    comparison
}

fn question(parser: &str, case: &[Message], ours: &Outcome) -> Value {
    let ours = ours.as_ref().ok().map(
        |(packets, waiting)| json!({ "packets": packets.iter().map(to_json).collect::<Vec<_>>(), "waiting": waiting }),
    );
    let messages: Vec<Value> = case.iter().map(Message::to_json).collect();
    json!({ "do": "decode", "parser": parser, "messages": messages, "ours": ours })
}

/// Why the two may differ here, if they may. Every reason looks at the text for what it claims.
fn meant(revision: Revision, case: &[Message], ours: &Outcome, theirs: &Value) -> Option<Meant> {
    let text = case.iter().find_map(|message| match message {
        Message::Text(text) => Some(&**text),
        Message::Binary(_) => None,
    })?;
    let any =
        |found: fn(&str) -> bool| case.iter().any(|message| matches!(message, Message::Text(text) if found(text)));
    let found = |found: bool, meant| found.then_some(meant);
    let error = match ours {
        _ if theirs["accepts"] != true => return None,
        Ok(_) => return found(any(|text| text.to_lowercase().contains(r"\ud8")), Meant::LoneSurrogate),
        Err(error) => *error,
    };
    match error {
        DecodeError::NoArray => found(theirs["noData"] == true, Meant::NoPayload),
        DecodeError::Type => {
            found(any(|text| text.trim_start().len() < text.len() || text.is_empty()), Meant::BlankType)
        }
        DecodeError::AttachmentCount => found(any(odd_count), Meant::AttachmentCount),
        DecodeError::AckId => found(any(|text| text.contains(char::is_whitespace)), Meant::BlankAckId),
        DecodeError::AckIdTooLarge => found(any(|text| longest_number(text) >= 20), Meant::LargeAckId),
        DecodeError::TooDeep => found(any(|text| text.matches(['[', '{']).count() > 64), Meant::Depth),
        DecodeError::NamespaceTooLong { max } => found(text.len() > max, Meant::NamespaceLength),
        DecodeError::PlaceholderNowhere if theirs["waiting"] == true => Some(Meant::Earlier),
        DecodeError::PlaceholderNowhere => found(any(loose_num), Meant::LooseNum),
        DecodeError::EventReserved(_) if revision == Revision::V4 => Some(Meant::OldReserved),
        DecodeError::ConnectPayload | DecodeError::ErrorPayload if revision == Revision::V4 => Some(Meant::OldPayload),
        DecodeError::ConnectPayload | DecodeError::DisconnectPayload | DecodeError::ErrorPayload => {
            found(any(|text| text.contains(char::is_whitespace)), Meant::BlankAckId)
        }
        _ => None,
    }
}

/// A count that is a number, but not written with digits only.
fn odd_count(text: &str) -> bool {
    let count = text.get(1..).and_then(|rest| rest.split_once('-')).map(|(count, _)| count);
    count.is_some_and(|count| !count.is_empty() && !count.bytes().all(|byte| byte.is_ascii_digit()))
        || text.starts_with("5+")
}

/// A number of an attachment with more than digits in it, or two placeholders in one object.
fn loose_num(text: &str) -> bool {
    text.split("\"num\":").skip(1).any(|rest| {
        let number = rest.split([',', '}', ' ', '\n']).next().unwrap_or_default();
        number.parse::<f64>().is_ok() && number.parse::<u64>().is_err()
    }) || text.matches("_placeholder").count() > 1
}

fn longest_number(text: &str) -> usize {
    text.split(|character: char| !character.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// One text each for what differs on purpose, so that the list above is not longer than the truth.
pub(crate) fn known_differences() -> Vec<Vec<Message>> {
    let deep = format!("2[\"a\",{}{}]", "[".repeat(65), "]".repeat(65));
    let long = format!("0/{}", "a".repeat(1_024));
    let texts = [
        "2",
        "31",
        "2/a[\"x\"]",
        "",
        " {}",
        "51e0-[\"a\"]",
        "5 1-[\"a\"]",
        "2 [\"a\"]",
        "21 [\"a\"]",
        "218446744073709551616[\"a\"]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":-0}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":0,\"x\":{\"_placeholder\":true,\"num\":9}}]",
        &deep,
        &long,
        r#"2["\ud83d"]"#,
    ];
    let mut cases: Vec<Vec<Message>> = texts.iter().map(|&text| complete(text)).collect();
    cases.push(vec![Message::Text("51-[\"a\",{\"_placeholder\":true,\"num\":1}]".into())]);
    cases
}

/// The text, and an attachment if it announces some.
fn complete(text: &str) -> Vec<Message> {
    let attachment = text.starts_with('5').then(|| Message::Binary(vec![7]));
    std::iter::once(Message::Text(text.into())).chain(attachment).collect()
}

/// Texts in which both have to be right.
pub(crate) fn edges() -> Vec<Vec<Message>> {
    let texts = [
        "0",
        "0/",
        "0/,",
        "0/a",
        "0/a,",
        "0{}",
        "0[]",
        "0null",
        "01{}",
        "0/a,{\"a\":1}",
        "0 ",
        "1",
        "1/a",
        "1/a,",
        "1{}",
        "15",
        "1\"a\"",
        "2[]",
        "2[1]",
        "2[1.50,2]",
        "2[-0]",
        "2[1e3]",
        "2[null]",
        "2[\"\"]",
        "2[ \"a\" ]",
        "2[\"a\"] ",
        "2[\"a\"]x",
        "2[\"a\",1e400]",
        "2/a,1[\"a\"]",
        "2/a?b,1[\"a\"]",
        "0/a?b=/c,",
        "2[\"error\"]",
        "20[\"a\"]",
        "2007[\"a\"]",
        "29007199254740993[\"a\"]",
        "2abc[\"a\"]",
        "2{\"a\":1}",
        "2\"a\"",
        "2true",
        "2-1[\"a\"]",
        "3[]",
        "31[]",
        "31{}",
        "3[1,\"connect\"]",
        "4{}",
        "4\"no\"",
        "4[]",
        "4",
        "4/a,{\"message\":\"no\"}",
        "5[\"a\"]",
        "5-[\"a\"]",
        "50-[\"a\"]",
        "51[\"a\"]",
        "51-[]",
        "51-[\"a\"]",
        "51-{}",
        "511-[\"a\"]",
        "501-[\"a\"]",
        "51-/a,3[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "5/a,1-[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":-1}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
        "51-[\"a\",{\"_placeholder\":true}]",
        "51-[\"a\",{\"_placeholder\":1,\"num\":5}]",
        "51-[{\"_placeholder\":true,\"num\":0}]",
        "51-[\"a\",{\"num\":0,\"_placeholder\":true,\"x\":1},[{\"_placeholder\":true,\"num\":0}]]",
        "51-[\"a\",{\"\\u005fplaceholder\":true,\"num\":0}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":7,\"num\":0}]",
        "51-[\"connect\"]",
        "2[\"connect\"]",
        "2[\"\\u0063onnect\"]",
        "2[\"newListener\",1]",
        "7[\"a\"]",
        "x",
        "-1",
        "2[\"a\",{\"_placeholder\":true,\"num\":9}]",
        "2[\"a\",{\"__proto__\":1}]",
        "2[\"a\u{0}\"]",
        "2[\"\u{2028}\"]",
    ];
    let mut cases: Vec<Vec<Message>> = texts.iter().map(|&text| complete(text)).collect();
    let (text, binary) = (|text: &str| Message::Text(text.into()), || Message::Binary(vec![1]));
    cases.push(vec![binary()]);
    cases.push(vec![text("52-[\"a\"]"), binary()]);
    cases.push(vec![text("52-[\"a\"]"), binary(), binary(), text("2[\"b\"]")]);
    cases.push(vec![text("51-[\"a\"]"), text("2[\"b\"]")]);
    cases.push(vec![text("51-[\"a\"]"), binary(), binary()]);
    cases.push(vec![]);
    cases
}

/// Messages as the fuzz target `socketio_packets` takes them.
pub(crate) fn fuzz_input(revision: u8, messages: &[Message]) -> Vec<u8> {
    let mut input = vec![revision];
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            input.push(0xff);
        }
        match message {
            Message::Text(text) => input.extend(text.bytes()),
            Message::Binary(bytes) => {
                input.push(0xfe);
                input.extend(bytes.iter().filter(|&&byte| byte < 0xfe));
            }
        }
    }
    input
}

fn read_alike(revision: Revision, parser: &str) -> BTreeMap<Meant, usize> {
    let mut cases = [edges(), known_differences()].concat();
    let packets = samples(&generate::packet(revision), 2_000);
    cases.extend(packets.iter().map(generate::messages));
    let valid = cases.len();
    let both = (generate::packet(revision), mutations());
    cases.extend(samples(&both, 12_000).into_iter().map(|(packet, done)| mutate(generate::messages(&packet), &done)));
    let compared = compare(revision, parser, &cases);
    println!("{parser}: both took {}, both refused {}, {:?}", compared.accepted, compared.refused, compared.meant);
    assert!(compared.accepted > 2_000 && compared.refused > 5_000, "{valid} of {} are as they should be", cases.len());
    for meant in EVERY {
        assert!(compared.meant.contains_key(&meant), "{meant:?} does not happen any longer: strike it off the list");
    }
    compared.meant
}

#[test]
fn revision_5_is_read_as_socket_io_parser_4_reads_it() {
    let meant = read_alike(Revision::V5, "v5");
    assert!(!meant.contains_key(&Meant::OldReserved) && !meant.contains_key(&Meant::OldPayload));
}

#[test]
fn revision_4_is_read_as_socket_io_parser_3_reads_it() {
    let meant = read_alike(Revision::V4, "v4");
    assert!(meant.contains_key(&Meant::OldReserved) && meant.contains_key(&Meant::OldPayload));
}

fn written_alike(revision: Revision, parser: &str) {
    let packets = samples(&generate::packet(revision), 4_000);
    let questions: Vec<Value> =
        packets.iter().map(|packet| json!({ "do": "encode", "parser": parser, "packet": to_json(packet) })).collect();
    for (packet, answer) in packets.iter().zip(node::ask(&questions)) {
        let theirs: Vec<Message> = answer.as_array().unwrap().iter().map(message).collect();
        assert_eq!(theirs, generate::messages(packet));
        assert_eq!(decode(revision, &theirs), Ok((vec![packet.clone()], false)));
    }
}

fn message(json: &Value) -> Message {
    match json["text"].as_str() {
        Some(text) => Message::Text(text.into()),
        None => Message::Binary(unhex(json["binary"].as_str().unwrap())),
    }
}

#[test]
fn revision_5_is_written_as_socket_io_parser_4_writes_it() {
    written_alike(Revision::V5, "v5");
}

#[test]
fn revision_4_is_written_as_socket_io_parser_3_writes_it() {
    written_alike(Revision::V4, "v4");
}
