//! Packets as programs send them.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use roomcast_socketio_protocol::socketio::{Args, Body, Packet, Revision};
use serde_json::{Value, json};

/// Stands in a tree where an attachment is to be; its bytes are behind it.
const BINARY: char = '\u{f8ff}';

/// `count` values of a strategy, the same in every run.
pub(crate) fn samples<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Any packet of a client or a server. Its text is written as JavaScript would.
pub(crate) fn packet(revision: Revision) -> impl Strategy<Value = Packet<'static>> {
    prop_oneof![
        6 => (namespace(), name(), args(), proptest::option::of(ack())).prop_map(|(namespace, name, args, ack)| {
            Packet::event(&namespace, &name, args, ack).into_owned()
        }),
        3 => (namespace(), ack(), args()).prop_map(|(namespace, id, args)| Packet::ack(&namespace, id, args).into_owned()),
        1 => (namespace(), proptest::option::of(object())).prop_map(|(namespace, auth)| {
            Packet::connect(&namespace, auth.as_deref()).into_owned()
        }),
        1 => namespace().prop_map(|namespace| Packet::disconnect(&namespace).into_owned()),
        1 => (namespace(), text(), proptest::option::of(object())).prop_map(move |(namespace, message, data)| {
            Packet::connect_error(revision, &namespace, &message, data.as_deref()).into_owned()
        }),
        1 => (namespace(), text()).prop_map(move |(namespace, sid)| {
            Packet::connected(revision, &namespace, &sid, Some("p")).into_owned()
        }),
    ]
}

/// Trees that hold binary in some places.
pub(crate) fn args() -> impl Strategy<Value = Args<'static>> {
    let binary = proptest::collection::vec(any::<char>(), 0..4)
        .prop_map(|chars| Value::from(std::iter::once(BINARY).chain(chars).collect::<String>()));
    let leaf = prop_oneof![8 => leaf(), 2 => binary];
    proptest::collection::vec(tree(leaf), 0..4).prop_map(|values| from_tree(Value::from(values)))
}

fn from_tree(mut array: Value) -> Args<'static> {
    let mut attachments = Vec::new();
    detach(&mut array, &mut attachments);
    let count = array.as_array().map_or(0, Vec::len);
    let text = array.to_string();
    Args { json: text[1..text.len() - 1].to_owned().into(), count, attachments: attachments.into() }
}

/// Puts placeholders where binary is, in the order of the text. There are at most ten; further ones become `null`.
fn detach(value: &mut Value, attachments: &mut Vec<Bytes>) {
    match value {
        Value::String(text) if text.starts_with(BINARY) && attachments.len() == 10 => *value = Value::Null,
        Value::String(text) if text.starts_with(BINARY) => {
            let bytes = Bytes::from(text[BINARY.len_utf8()..].to_owned());
            *value = json!({"_placeholder": true, "num": attachments.len()});
            attachments.push(bytes);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| detach(value, attachments)),
        Value::Object(members) => members.values_mut().for_each(|value| detach(value, attachments)),
        _ => {}
    }
}

fn tree(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(inner.clone(), 14..18).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Numbers are written alike by JavaScript and Rust.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) + 0.25)),
        text().prop_map(Value::from),
    ]
}

fn object() -> impl Strategy<Value = String> {
    proptest::collection::btree_map("[a-z]{1,3}", tree(leaf()), 0..3)
        .prop_map(|members| Value::Object(members.into_iter().collect()).to_string())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,12}",
        1 => "[\\x00-\\x1f\"\\\\\u{e4}\u{20ac}\u{1f600}\u{2028}]{0,6}",
        1 => "[a-z]{30,40}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    text().prop_filter("reserved names are not sent", |name| {
        !["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].contains(&&**name)
    })
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("/".to_owned()), 2 => "/[a-z0-9\u{e4}.-]{1,8}", 1 => Just("/admin".to_owned())]
}

fn ack() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 0..1_u64 << 53]
}

/// The messages of the default parser.
pub(crate) fn messages(packet: &Packet<'_>) -> Vec<Message> {
    let mut text = bytes::BytesMut::new();
    packet.encode_text(&mut text);
    let text = Message::Text(String::from_utf8(text.to_vec()).unwrap());
    std::iter::once(text).chain(packet.attachments().iter().map(|bytes| Message::Binary(bytes.to_vec()))).collect()
}

/// What Engine.IO carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl Message {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "text": text }),
            Self::Binary(bytes) => json!({ "binary": hex(bytes) }),
        }
    }
}

/// A packet as `tests/node/socketio.mjs` has it.
pub(crate) fn to_json(packet: &Packet<'_>) -> Value {
    let mut nsp = packet.namespace.to_string();
    let (kind, id, name, json) = match &packet.body {
        Body::Connect { data, query } => {
            nsp.extend(query.iter().flat_map(|query| ["?", query]));
            (0, None, None, data.as_deref())
        }
        Body::Disconnect => (1, None, None, None),
        Body::Event { name, args, ack } => (2, *ack, Some(name), Some(&*args.json)),
        Body::Ack { id, args } => (3, *id, None, Some(&*args.json)),
        Body::ConnectError { data } => (4, None, None, data.as_deref()),
    };
    let attachments: Vec<String> = packet.attachments().iter().map(|bytes| hex(bytes)).collect();
    json!({ "type": kind, "nsp": nsp, "id": id, "name": name, "json": json, "attachments": attachments })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
