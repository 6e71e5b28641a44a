//! What must hold for the text of any frame, also under fuzzing: the parser agrees with a plain reading of the protocol.

use roomcast_websocket::{Op, Request};
use serde_json::{Map, Value};

/// Panics if a rule is broken.
pub(crate) fn check(text: &str) {
    let request = Request::parse(text);
    let id: Value = serde_json::from_str(&request.id).unwrap_or_else(|_| Value::from("no tree, but JSON"));
    // serde_json's trees are no deeper than 128 levels, and have no numbers beyond those of f64.
    let Ok(tree) = serde_json::from_str::<Value>(text) else {
        return if let Ok(op) = &request.op {
            check_data(op);
        };
    };
    let Value::Object(fields) = tree else {
        assert!(request.op.is_err() && request.id == "null", "{text}");
        return;
    };
    let too_deep = |key| fields.get(key).is_some_and(|value| depth(value) > 64);
    if too_deep("id") {
        assert!(request.op.is_err() && request.id == "null", "{text}");
        return;
    }
    assert_eq!(id, fields.get("id").cloned().unwrap_or_default(), "{text}");
    let op = plainly(&fields).filter(|_| !(has_data(&fields) && too_deep("data")));
    assert_eq!(request.op.as_ref().ok().map(shown), op, "{text}");
    if let Ok(op) = &request.op {
        check_data(op);
    }
}

fn check_data(op: &Op<'_>) {
    if let Op::Broadcast { emit, .. } | Op::Blast { emit } = op {
        let whitespace = [' ', '\n', '\r', '\t'];
        assert!(!emit.data.starts_with(whitespace) && !emit.data.ends_with(whitespace), "{op:?}");
    }
}

fn has_data(fields: &Map<String, Value>) -> bool {
    matches!(fields.get("op").and_then(Value::as_str), Some("broadcast" | "blast"))
}

/// The protocol's table, read naively: what is asked for as one tree, or nothing.
fn plainly(fields: &Map<String, Value>) -> Option<Value> {
    let text = |key: &str| fields.get(key)?.as_str().filter(|text| !text.is_empty()).map(Value::from);
    let list = |key: &str| {
        let list = fields.get(key)?.as_array()?;
        let good =
            !list.is_empty() && list.len() <= 10_000 && list.iter().all(|e| e.as_str().is_some_and(|e| !e.is_empty()));
        good.then(|| Value::from(list.clone()))
    };
    let optional = |key: &str, read: &dyn Fn(&str) -> Option<Value>, default: Value| match fields.contains_key(key) {
        true => read(key),
        false => Some(default),
    };
    let flag = |key: &str| fields.get(key).filter(|value| value.is_boolean()).cloned();
    let event = |key: &str| text(key).filter(|event| !RESERVED.contains(&event.as_str().unwrap_or_default()));
    let emit = || {
        let event = optional("event", &event, "message".into())?;
        let omit = optional("omit", &flag, false.into())?;
        Some(Value::from(vec![event, fields.get("data").cloned().unwrap_or_default(), omit]))
    };
    let op = fields.get("op")?.as_str()?;
    let arguments = match op {
        "getId" | "rooms" => vec![],
        "join" | "leave" => vec![text("room")?, optional("ids", &list, Value::Null)?],
        "leaveAll" => vec![text("room")?],
        "broadcast" => {
            let rooms = match (fields.contains_key("rooms"), fields.contains_key("room")) {
                (true, false) => list("rooms")?,
                (false, true) => Value::from(vec![text("room")?]),
                _ => return None,
            };
            vec![rooms, emit()?, optional("once", &flag, false.into())?]
        }
        "blast" => vec![emit()?],
        "addRoomMembersToRooms" => vec![text("room")?, list("to")?],
        "removeRoomMembersFromRooms" => vec![text("room")?, list("from")?],
        _ => return None,
    };
    Some(Value::from([vec![op.into()], arguments].concat()))
}

const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// A typed request in the form of [`plainly`].
fn shown(op: &Op<'_>) -> Value {
    let text = |text: &str| Value::from(text);
    let list = |list: &[std::borrow::Cow<'_, str>]| Value::from(list.iter().map(|e| text(e)).collect::<Vec<_>>());
    let ids = |ids: &Option<Vec<_>>| ids.as_deref().map_or(Value::Null, list);
    let emit = |emit: &roomcast_websocket::Emit<'_>| {
        let data = serde_json::from_str(&emit.data).unwrap();
        Value::from(vec![text(&emit.event), data, emit.omit.into()])
    };
    Value::from(match op {
        Op::GetId => vec![text("getId")],
        Op::Rooms => vec![text("rooms")],
        Op::Join { room, ids: who } => vec![text("join"), text(room), ids(who)],
        Op::Leave { room, ids: who } => vec![text("leave"), text(room), ids(who)],
        Op::LeaveAll { room } => vec![text("leaveAll"), text(room)],
        Op::Broadcast { rooms, emit: what, once } => vec![text("broadcast"), list(rooms), emit(what), (*once).into()],
        Op::Blast { emit: what } => vec![text("blast"), emit(what)],
        Op::AddRoomMembersToRooms { room, to } => vec![text("addRoomMembersToRooms"), text(room), list(to)],
        Op::RemoveRoomMembersFromRooms { room, from } => {
            vec![text("removeRoomMembersFromRooms"), text(room), list(from)]
        }
        other => panic!("the table above lacks {other:?}"),
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
