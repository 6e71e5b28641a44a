//! Requests, and the exact bytes that have to come back.

use crate::history::{Op, Place};
use std::{fmt::Write as _, ops::Range};

/// The names of the rooms, in JSON.
pub(crate) const ROOMS: [&str; 9] =
    ["\"r0\"", "\"r1\"", "\"ü/%\"", "\"__proto__\"", "\"a b\"", "\"\\\"quoted\\\"\\\\\"", "\"r6\"", "\"😀\"", "\"r8\""];

/// Names of events in JSON, as the server writes them; the first need not be said.
const EVENTS: [&str; 4] = ["\"message\"", "\"e\"", "\"ü \\\"quoted\\\" \\\\\"", "\"news\""];

/// What every message ends with: the server does not touch what it carries.
const TAIL: &str = r#"","tail":["ü😀\"\\\n\u0000",null,-1.50e+3,{}]}"#;

/// What a message carries, beside its number.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) event: usize,
    /// A part of [`Pool`].
    pub(crate) fill: Range<usize>,
}

/// Letters to fill messages with.
#[derive(Debug)]
pub(crate) struct Pool(String);

impl Pool {
    pub(crate) const BYTES: usize = 1 << 20;

    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        Self((0..Self::BYTES).map(|_| rng.alphanumeric()).collect())
    }
}

impl Text {
    pub(crate) const EVENTS: usize = EVENTS.len();

    fn data(&self, call: u32, pool: &Pool) -> String {
        format!(r#"{{"n":{call},"fill":"{}{TAIL}"#, &pool.0[self.fill.clone()])
    }

    /// Are these the bytes of the delivery of this call's message?
    pub(crate) fn is_delivered_as(&self, call: u32, pool: &Pool, payload: &[u8]) -> bool {
        let head = format!(r#"{{"event":{},"data":{{"n":{call},"fill":""#, EVENTS[self.event]);
        let fill = &pool.0.as_bytes()[self.fill.clone()];
        let rest = payload.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_prefix(fill));
        rest.and_then(|rest| rest.strip_prefix(TAIL.as_bytes())) == Some(b"}")
    }
}

/// The number of the call whose message this delivery claims to be.
pub(crate) fn delivered_call(payload: &[u8]) -> Option<u32> {
    const MARK: &[u8] = br#","data":{"n":"#;
    let head = &payload[..payload.len().min(100)];
    let at = head.windows(MARK.len()).position(|part| part == MARK)?;
    digits(&payload[at + MARK.len()..])
}

/// The number of the call that this reply claims to answer.
pub(crate) fn replied_call(payload: &[u8]) -> Option<u32> {
    let id = payload.strip_prefix(br#"{"reply":"#)?;
    digits(&id[id.iter().position(u8::is_ascii_digit)?..])
}

fn digits(text: &[u8]) -> Option<u32> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    str::from_utf8(&text[..end]).ok()?.parse().ok()
}

/// The id of a request, any JSON.
fn id(call: u32) -> String {
    match call % 4 {
        0 => format!("{call}"),
        1 => format!("\"{call}\""),
        2 => format!("[{call},null]"),
        _ => format!("{{\"call\":{call}}}"),
    }
}

/// The reply to a call, without the key that two of them have.
pub(crate) fn reply_begins(call: u32) -> String {
    format!(r#"{{"reply":{},"ok":true"#, id(call))
}

/// The reply to a call while the lanes are too busy.
pub(crate) fn reply_overloaded_begins(call: u32) -> String {
    format!(r#"{{"reply":{},"ok":false,"error":"overloaded: "#, id(call))
}

/// A request. `ids` are those of all sockets.
pub(crate) fn request(call: u32, op: &Op, text: Option<&Text>, pool: &Pool, ids: &dyn Fn(usize) -> String) -> String {
    let place = |place: &Place| match place {
        Place::Room(room) => ROOMS[*room].to_owned(),
        Place::Own(socket) => format!("\"{}\"", ids(*socket)),
    };
    let rooms = |rooms: &[usize]| list(rooms.iter().map(|room| ROOMS[*room].to_owned()));
    let mut json = format!(r#"{{"id":{},"op":"#, id(call));
    let _never = match op {
        Op::GetId => write!(json, r#""getId""#),
        Op::Rooms => write!(json, r#""rooms""#),
        Op::Join { room, who } | Op::Leave { room, who } => {
            let verb = if matches!(op, Op::Join { .. }) { "join" } else { "leave" };
            write!(json, r#""{verb}","room":{}"#, ROOMS[*room]).and_then(|()| match who[..] {
                // Itself: nothing to say.
                [] => Ok(()),
                _ => write!(json, r#","ids":{}"#, list(who.iter().map(|socket| format!("\"{}\"", ids(*socket))))),
            })
        }
        Op::LeaveAll { of } => write!(json, r#""leaveAll","room":{}"#, place(of)),
        Op::Copy { of, to } => write!(json, r#""addRoomMembersToRooms","room":{},"to":{}"#, place(of), rooms(to)),
        Op::Remove { of, from } => {
            write!(json, r#""removeRoomMembersFromRooms","room":{},"from":{}"#, place(of), rooms(from))
        }
        Op::Broadcast { to, once, omit } => {
            write!(json, r#""broadcast","rooms":{},"once":{once},"omit":{omit}"#, list(to.iter().map(place)))
        }
        Op::Blast { omit } => write!(json, r#""blast","omit":{omit}"#),
    };
    if let Some(text) = text {
        if text.event > 0 {
            json.extend([r#","event":"#, EVENTS[text.event]]);
        }
        json.extend([r#","data":"#, &text.data(call, pool)]);
    }
    json + "}"
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_recognised_and_every_byte_of_it_checked() {
        let pool = Pool::new(&mut fastrand::Rng::with_seed(1));
        for (event, name) in EVENTS.iter().enumerate() {
            let text = Text { event, fill: 1000..1500 };
            let right = format!(r#"{{"event":{name},"data":{}}}"#, text.data(17, &pool)).into_bytes();
            assert_eq!(delivered_call(&right), Some(17));
            assert!(text.is_delivered_as(17, &pool, &right));
            assert!(!text.is_delivered_as(18, &pool, &right));
            for at in 0..right.len() {
                let mut wrong = right.clone();
                wrong[at] ^= 1;
                assert!(!text.is_delivered_as(17, &pool, &wrong), "byte {at}");
            }
            assert!(!text.is_delivered_as(17, &pool, &right[..right.len() - 1]));
            assert!(!text.is_delivered_as(17, &pool, &[&right[..], b" "].concat()));
        }
    }

    #[test]
    fn requests_are_json_and_replies_are_recognised() {
        let pool = Pool::new(&mut fastrand::Rng::with_seed(1));
        let to = vec![Place::Room(5), Place::Own(3)];
        let text = Text { event: 2, fill: 0..3 };
        for (call, op) in [
            (0, Op::Broadcast { to, once: true, omit: false }),
            (1, Op::Join { room: 2, who: vec![1, 2] }),
            (2, Op::Leave { room: 3, who: vec![] }),
            (3, Op::Copy { of: Place::Room(0), to: vec![1, 5] }),
        ] {
            let text = matches!(op, Op::Broadcast { .. }).then_some(&text);
            let json = request(call, &op, text, &pool, &|socket| format!("id{socket}"));
            let value: serde_json::Value =
                serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!(value["data"]["n"].as_u64(), text.map(|_| u64::from(call)));
            assert_eq!(replied_call(format!("{}}}", reply_begins(call)).as_bytes()), Some(call));
        }
    }
}
