//! From the text of one frame to a typed request.
//!
//! Nothing is assumed of the text. What is no JSON object, and arguments that are missing, of a wrong type or out of
//! bounds, become an [`Invalid`] that says what to do. The rules, where JSON leaves a choice:
//!
//! - A key that occurs twice counts as it does in `JSON.parse`: the last one wins. Unknown keys are ignored.
//! - `null` is a value like any other: right for `id` and `data`, a wrong type everywhere else.
//! - `id` and `data` are not taken apart. Numbers of any size and precision, duplicate keys and unpaired surrogates in
//!   them go on unchanged, only whitespace is taken out. Nesting deeper than 64 levels is refused.
//! - Names with unpaired surrogates are no strings here: they have no UTF-8.

use std::borrow::Cow;
use std::fmt;

use roomcast::is_reserved_event;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::invalid::Invalid;
use super::op::{Emit, Op};
use crate::json;

/// How many names a list of a request may have.
pub const LIST_MAX: usize = 10_000;

/// How many rooms a broadcast may name. It goes to each of them before the lane looks at anybody else.
pub const BROADCAST_ROOMS_MAX: usize = 1_000;

/// The event of a broadcast that names none.
const DEFAULT_EVENT: &str = "message";

/// A request as it came, with the `id` its reply has to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The `id` as compact JSON text; `null` if there was none, or none that could be read.
    pub id: Cow<'a, str>,
    /// What is asked for, or why that could not be understood.
    pub op: Result<Op<'a>, Invalid>,
}

impl<'a> Request<'a> {
    /// Parses the text of a frame. Never fails: what is wrong stands in [`Request::op`]. Costs a few passes over the text;
    /// what it returns borrows from it wherever there are no escapes and no whitespace.
    pub fn parse(text: &'a str) -> Self {
        match Fields::parse(text) {
            Err(invalid) => Self { id: Cow::Borrowed("null"), op: Err(invalid) },
            Ok(fields) => match fields.id() {
                Ok(id) => Self { id, op: fields.op() },
                Err(invalid) => Self { id: Cow::Borrowed("null"), op: Err(invalid) },
            },
        }
    }
}

/// The keys that mean something, each with its value as it stands in the text.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) event: Option<&'a RawValue>,
    pub(crate) data: Option<&'a RawValue>,
    op: Option<&'a RawValue>,
    room: Option<&'a RawValue>,
    rooms: Option<&'a RawValue>,
    ids: Option<&'a RawValue>,
    to: Option<&'a RawValue>,
    from: Option<&'a RawValue>,
    omit: Option<&'a RawValue>,
    once: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Id,
    Event,
    Data,
    Op,
    Room,
    Rooms,
    Ids,
    To,
    From,
    Omit,
    Once,
    #[serde(other)]
    Unknown,
}

impl<'a> Fields<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Invalid> {
        serde_json::from_str(text).map_err(|e| {
            let object = text.trim_start_matches([' ', '\n', '\r', '\t']).starts_with('{');
            if object { Invalid::Json(e.to_string()) } else { Invalid::NoObject }
        })
    }

    /// The `id` to answer under, `null` if there is none.
    pub(crate) fn id(&self) -> Result<Cow<'a, str>, Invalid> {
        any("id", self.id)
    }

    /// The event's name, by the rules for all events of clients; `None` if there is none.
    pub(crate) fn event(&self) -> Result<Option<Cow<'a, str>>, Invalid> {
        let Some(event) = self.event else { return Ok(None) };
        let event = string(event).filter(|e| !e.is_empty()).ok_or(Invalid::event())?;
        if is_reserved_event(&event) { Err(Invalid::Reserved(event.into_owned())) } else { Ok(Some(event)) }
    }

    /// The event's argument as compact JSON, `null` if there is none.
    pub(crate) fn data(&self) -> Result<Cow<'a, str>, Invalid> {
        any("data", self.data)
    }

    fn op(&self) -> Result<Op<'a>, Invalid> {
        let op = string(self.op.ok_or(Invalid::OpMissing)?).ok_or(Invalid::OpMissing)?;
        Ok(match &*op {
            "getId" => Op::GetId,
            "rooms" => Op::Rooms,
            "join" => Op::Join { room: self.room()?, ids: self.ids()? },
            "leave" => Op::Leave { room: self.room()?, ids: self.ids()? },
            "leaveAll" => Op::LeaveAll { room: self.room()? },
            "broadcast" => Op::Broadcast { rooms: self.rooms()?, emit: self.emit()?, once: flag("once", self.once)? },
            "blast" => Op::Blast { emit: self.emit()? },
            "addRoomMembersToRooms" => {
                Op::AddRoomMembersToRooms { room: self.room()?, to: required_list("to", self.to)? }
            }
            "removeRoomMembersFromRooms" => {
                Op::RemoveRoomMembersFromRooms { room: self.room()?, from: required_list("from", self.from)? }
            }
            _ => return Err(Invalid::OpUnknown(op.into_owned())),
        })
    }

    fn room(&self) -> Result<Cow<'a, str>, Invalid> {
        let room = self.room.ok_or(Invalid::room())?;
        string(room).filter(|room| !room.is_empty()).ok_or(Invalid::room())
    }

    fn ids(&self) -> Result<Option<Vec<Cow<'a, str>>>, Invalid> {
        self.ids.map(|ids| list("ids", ids)).transpose()
    }

    /// The rooms of a broadcast: a list, or one room.
    fn rooms(&self) -> Result<Vec<Cow<'a, str>>, Invalid> {
        match (self.rooms, self.room) {
            (Some(_), Some(_)) => Err(Invalid::RoomAndRooms),
            (None, Some(_)) => Ok(vec![self.room()?]),
            (rooms, None) => {
                let rooms = required_list("rooms", rooms)?;
                at_most(BROADCAST_ROOMS_MAX, "rooms", &rooms)?;
                Ok(rooms)
            }
        }
    }

    fn emit(&self) -> Result<Emit<'a>, Invalid> {
        let event = self.event()?.unwrap_or(Cow::Borrowed(DEFAULT_EVENT));
        Ok(Emit { event, data: self.data()?, omit: flag("omit", self.omit)? })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<Key>()? {
            let value: &'de RawValue = map.next_value()?;
            let field = match key {
                Key::Id => &mut fields.id,
                Key::Event => &mut fields.event,
                Key::Data => &mut fields.data,
                Key::Op => &mut fields.op,
                Key::Room => &mut fields.room,
                Key::Rooms => &mut fields.rooms,
                Key::Ids => &mut fields.ids,
                Key::To => &mut fields.to,
                Key::From => &mut fields.from,
                Key::Omit => &mut fields.omit,
                Key::Once => &mut fields.once,
                Key::Unknown => continue,
            };
            *field = Some(value);
        }
        Ok(fields)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

fn any<'a>(argument: &'static str, value: Option<&'a RawValue>) -> Result<Cow<'a, str>, Invalid> {
    match value.map(RawValue::get) {
        None => Ok(Cow::Borrowed("null")),
        Some(value) if json::too_deep(value) => Err(Invalid::TooDeep { argument }),
        Some(value) => Ok(json::compact(value)),
    }
}

fn flag(argument: &'static str, value: Option<&RawValue>) -> Result<bool, Invalid> {
    match value.map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Invalid::flag(argument)),
    }
}

fn required_list<'a>(argument: &'static str, value: Option<&'a RawValue>) -> Result<Vec<Cow<'a, str>>, Invalid> {
    list(argument, value.ok_or(Invalid::list(argument))?)
}

fn list<'a>(argument: &'static str, value: &'a RawValue) -> Result<Vec<Cow<'a, str>>, Invalid> {
    let names: Vec<Text<'a>> = serde_json::from_str(value.get()).map_err(|_| Invalid::list(argument))?;
    if names.is_empty() || names.iter().any(|name| name.0.is_empty()) {
        return Err(Invalid::list(argument));
    }
    at_most(LIST_MAX, argument, &names)?;
    Ok(names.into_iter().map(|name| name.0).collect())
}

fn at_most<T>(max: usize, argument: &'static str, list: &[T]) -> Result<(), Invalid> {
    match list.len() {
        names if names > max => Err(Invalid::ListTooLong { argument, names, max }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
