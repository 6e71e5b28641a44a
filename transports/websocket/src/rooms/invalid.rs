//! Why a request was not understood.

use std::fmt;

use crate::json::DEPTH_MAX;

/// What is wrong with a request. Its text stands in the reply and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// The text is no JSON object: another value, nothing, or no JSON from its first character on.
    NoObject,
    /// The text begins an object and is no valid JSON; the parser's own words.
    Json(String),
    /// There is no `op`, or it is no string.
    OpMissing,
    /// There is no such `op`.
    OpUnknown(String),
    /// An argument is missing, or not what it has to be.
    Argument {
        /// Its key.
        argument: &'static str,
        /// What it has to be, with an example.
        want: &'static str,
    },
    /// A broadcast has both `room` and `rooms`.
    RoomAndRooms,
    /// A list has too many names.
    ListTooLong {
        /// Its key.
        argument: &'static str,
        /// How many names it has.
        names: usize,
        /// How many it may have.
        max: usize,
    },
    /// A value is nested deeper than 64 levels.
    TooDeep {
        /// Its key.
        argument: &'static str,
    },
    /// The event's name has a meaning of its own in Socket.IO.
    Reserved(String),
}

impl Invalid {
    pub(crate) const fn room() -> Self {
        Self::Argument { argument: "room", want: r#"a string that is not empty, as "lobby""# }
    }

    pub(crate) const fn list(argument: &'static str) -> Self {
        Self::Argument { argument, want: r#"an array of strings, none empty and at least one, as ["lobby"]"# }
    }

    pub(crate) const fn flag(argument: &'static str) -> Self {
        Self::Argument { argument, want: "true or false" }
    }

    pub(crate) const fn event() -> Self {
        Self::Argument { argument: "event", want: r#"a string that is not empty, as "message""# }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoObject => f.write_str(r#"send one JSON object in each frame, as {"id":1,"op":"getId"}"#),
            Self::Json(why) => write!(f, "no valid JSON: {why}"),
            Self::OpMissing => f.write_str(r#"op has to be a string, as "join""#),
            Self::OpUnknown(op) => write!(f, "unknown op {}; known are {KNOWN_OPS}", Shortened(op)),
            Self::Argument { argument, want } => write!(f, "{argument} has to be {want}"),
            Self::RoomAndRooms => f.write_str("give either room or rooms, not both"),
            Self::ListTooLong { argument, names, max } => {
                write!(f, "{argument} has {names} names, {max} are allowed: send several requests")
            }
            Self::TooDeep { argument } => write!(f, "{argument} is nested deeper than {DEPTH_MAX} levels: flatten it"),
            Self::Reserved(event) => write!(f, "the event name {event} is reserved: choose another"),
        }
    }
}

impl std::error::Error for Invalid {}

const KNOWN_OPS: &str = "getId, rooms, join, leave, leaveAll, broadcast, blast, addRoomMembersToRooms, \
                         removeRoomMembersFromRooms";

/// A client's text in an answer: in quotes, and not longer than is needed to recognise it.
struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARS_MAX: usize = 40;
        match self.0.char_indices().nth(CHARS_MAX) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
        }
    }
}
