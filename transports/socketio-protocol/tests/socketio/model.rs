//! A plain reading of the default parser's rules, over trees of JSON: slow, short, and not the code that it is held against.

use roomcast_socketio_protocol::socketio::{Args, Body, Packet, Revision};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What both readings come to.
#[derive(Debug)]
pub(crate) struct Plain {
    kind: u32,
    namespace: String,
    query: Option<String>,
    id: Option<u64>,
    name: Option<String>,
    /// The payload, or the arguments; binary is a list of its bytes.
    data: Option<Value>,
}

/// What came, as far as it is good; the end says what ended it.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Good,
    Waiting,
    Bad,
    /// JSON that is none for a tree: half a surrogate pair, a number without a float, more levels than its parser has. No
    /// opinion.
    Beyond,
}

const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Reads messages: text, or bytes.
pub(crate) fn read(revision: Revision, messages: &[Result<String, Vec<u8>>]) -> (Vec<Plain>, Verdict) {
    let mut packets = Vec::new();
    let mut messages = messages.iter();
    while let Some(message) = messages.next() {
        let Ok(text) = message else { return (packets, Verdict::Bad) };
        let Some((mut plain, count)) = header(revision, text) else { return (packets, Verdict::Bad) };
        match payload(&mut plain, rest_of(text)) {
            Verdict::Good => {}
            other => return (packets, other),
        }
        if count > 0 && !plain.data.iter().all(|data| placeholders_fit(data, count)) {
            return (packets, Verdict::Bad);
        }
        let mut attachments = Vec::new();
        while attachments.len() < count {
            match messages.next() {
                Some(Err(bytes)) => attachments.push(bytes.clone()),
                Some(Ok(_)) => return (packets, Verdict::Bad),
                None => return (packets, Verdict::Waiting),
            }
        }
        plain.data = plain.data.map(|data| if count > 0 { fill(data, &attachments) } else { data });
        packets.push(plain);
    }
    (packets, Verdict::Good)
}

fn front(text: &str) -> (&str, &str, &str, &str) {
    let (kind, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    let (count, rest) = match rest.find('-') {
        Some(dash) if matches!(kind, "5" | "6") => (&rest[..dash], &rest[dash + 1..]),
        _ => ("", rest),
    };
    let (namespace, rest) = match rest.find(',') {
        Some(comma) if rest.starts_with('/') => (&rest[..comma], &rest[comma + 1..]),
        None if rest.starts_with('/') => (rest, ""),
        _ => ("/", rest),
    };
    (kind, count, namespace, rest)
}

fn rest_of(text: &str) -> &str {
    front(text).3.trim_start_matches(|character: char| character.is_ascii_digit())
}

fn header(revision: Revision, text: &str) -> Option<(Plain, usize)> {
    let (kind, count, name, rest) = front(text);
    let kind = ["0", "1", "2", "3", "4", "5", "6"].iter().position(|known| *known == kind)?;
    let count = match kind {
        5 | 6 if count.is_empty() || count.chars().any(|character| !character.is_ascii_digit()) => return None,
        5 | 6 => count.parse().ok().filter(|count| (1..=10).contains(count))?,
        _ => 0,
    };
    let digits = &rest[..rest.len() - rest_of(text).len()];
    let id = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    let (namespace, query) = match name.split_once('?') {
        Some((namespace, query)) if revision == Revision::V4 => (namespace, Some(query.to_owned())),
        _ => (name, None),
    };
    let kind = if kind > 4 { kind - 3 } else { kind };
    let plain = Plain {
        kind: kind as u32,
        namespace: namespace.into(),
        query: query.filter(|_| kind == 0),
        id: id.filter(|_| matches!(kind, 2 | 3)),
        name: None,
        data: None,
    };
    (namespace.len() <= 1_024).then_some((plain, count))
}

fn payload(plain: &mut Plain, text: &str) -> Verdict {
    if text.is_empty() {
        return if matches!(plain.kind, 2 | 3) { Verdict::Bad } else { Verdict::Good };
    }
    if plain.kind == 1 || text.trim_start() != text || serde_json::from_str::<&RawValue>(text).is_err() {
        return Verdict::Bad;
    }
    let Ok(data) = serde_json::from_str::<Value>(text) else { return Verdict::Beyond };
    let arguments = matches!(plain.kind, 2 | 3);
    let right = match &data {
        Value::Object(_) => matches!(plain.kind, 0 | 4),
        Value::String(_) => plain.kind == 4,
        Value::Array(_) => arguments,
        _ => false,
    };
    if !right || depth(&data) > 64 + usize::from(arguments) {
        return Verdict::Bad;
    }
    plain.data = Some(data);
    if plain.kind == 2 { name(plain, text) } else { Verdict::Good }
}

/// Takes the name from the front of the arguments.
fn name(plain: &mut Plain, text: &str) -> Verdict {
    let Some(Value::Array(values)) = &mut plain.data else { return Verdict::Bad };
    if values.is_empty() {
        return Verdict::Bad;
    }
    plain.name = match values.remove(0) {
        Value::String(name) if !RESERVED.contains(&&*name) => Some(name),
        // As it was written.
        Value::Number(_) => {
            serde_json::from_str::<Vec<&RawValue>>(text).ok().and_then(|raw| Some(raw.first()?.get().to_owned()))
        }
        _ => return Verdict::Bad,
    };
    Verdict::Good
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn is_placeholder(members: &Map<String, Value>) -> bool {
    members.get("_placeholder") == Some(&Value::Bool(true))
}

fn placeholders_fit(value: &Value, count: usize) -> bool {
    match value {
        Value::Array(values) => values.iter().all(|value| placeholders_fit(value, count)),
        Value::Object(members) => {
            let points = !is_placeholder(members)
                || members.get("num").and_then(Value::as_u64).is_some_and(|num| num < count as u64);
            points && members.values().all(|value| placeholders_fit(value, count))
        }
        _ => true,
    }
}

fn fill(value: Value, attachments: &[Vec<u8>]) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(|value| fill(value, attachments)).collect(),
        Value::Object(members) if is_placeholder(&members) => {
            let num = members.get("num").and_then(Value::as_u64).and_then(|num| usize::try_from(num).ok());
            match num.and_then(|num| attachments.get(num)) {
                Some(bytes) => json!({ "binary": bytes }),
                None => json!("a placeholder that points nowhere"),
            }
        }
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, fill(value, attachments))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        let data = match (&self.data, &other.data) {
            (Some(data), Some(other)) => alike(data, other),
            (None, None) => true,
            _ => false,
        };
        let parts =
            |plain: &Self| (plain.kind, plain.namespace.clone(), plain.query.clone(), plain.id, plain.name.clone());
        data && parts(self) == parts(other)
    }
}

/// Equal, with numbers as floats. serde_json may read the last bit of a long one differently each way it is written.
fn alike(value: &Value, other: &Value) -> bool {
    match (value, other) {
        (Value::Number(value), Value::Number(other)) => match (value.as_f64(), other.as_f64()) {
            (Some(value), Some(other)) => (value - other).abs() <= value.abs() * 1e-14,
            _ => false,
        },
        (Value::Array(values), Value::Array(others)) => {
            values.len() == others.len() && values.iter().zip(others).all(|(value, other)| alike(value, other))
        }
        (Value::Object(members), Value::Object(others)) => {
            members.len() == others.len()
                && members.iter().all(|(key, value)| others.get(key).is_some_and(|other| alike(value, other)))
        }
        _ => value == other,
    }
}

impl Plain {
    /// Ours in the same form; none if its JSON is beyond a tree.
    pub(crate) fn of(packet: &Packet<'_>) -> Option<Self> {
        let (kind, id, name, data) = match &packet.body {
            Body::Connect { data, .. } => (0, None, None, tree(data.as_deref())?),
            Body::Disconnect => (1, None, None, None),
            Body::Event { name, args, ack } => (2, *ack, Some(name), Some(arguments(args)?)),
            Body::Ack { id, args } => (3, *id, None, Some(arguments(args)?)),
            Body::ConnectError { data } => (4, None, None, tree(data.as_deref())?),
        };
        let query = match &packet.body {
            Body::Connect { query, .. } => query.as_deref().map(str::to_owned),
            _ => None,
        };
        let (namespace, name) = (packet.namespace.to_string(), name.map(ToString::to_string));
        Some(Self { kind, namespace, query, id, name, data })
    }
}

fn tree(json: Option<&str>) -> Option<Option<Value>> {
    json.map(|json| serde_json::from_str(json).ok()).map_or(Some(None), |tree| tree.map(Some))
}

fn arguments(args: &Args<'_>) -> Option<Value> {
    let values: Value = serde_json::from_str(&format!("[{}]", args.json)).ok()?;
    assert_eq!(values.as_array().map(Vec::len), Some(args.count), "{}", args.json);
    let attachments: Vec<Vec<u8>> = args.attachments.iter().map(|bytes| bytes.to_vec()).collect();
    Some(if attachments.is_empty() { values } else { fill(values, &attachments) })
}
