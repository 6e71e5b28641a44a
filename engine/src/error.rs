//! What can go wrong: one small enum for each operation.

use std::error::Error;
use std::fmt;

/// Why a socket did not join a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket is no longer connected.
    Gone,
    /// A room needs a name of at least one byte.
    NameEmpty,
    /// The name is longer than `room_name_bytes_max`.
    NameTooLong {
        /// Bytes of the name.
        bytes: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The socket is in as many rooms as `rooms_per_socket_max` allows.
    RoomsPerSocket {
        /// The limit in rooms.
        max: usize,
    },
    /// The engine has as many rooms as `rooms_max` allows.
    Rooms {
        /// The limit in rooms.
        max: usize,
    },
    /// The name is the id of another connected socket: its own room is closed to others.
    Private,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the socket is no longer connected"),
            Self::NameEmpty => f.write_str("a room name needs at least one character"),
            Self::NameTooLong { bytes, max } => {
                write!(f, "room name has {bytes} bytes, room_name_bytes_max is {max}")
            }
            Self::RoomsPerSocket { max } => {
                write!(f, "the socket is in {max} rooms already, rooms_per_socket_max is {max}")
            }
            Self::Rooms { max } => write!(f, "the engine has {max} rooms already, rooms_max is {max}"),
            Self::Private => f.write_str("the room is another socket's own: its name is that socket's id"),
        }
    }
}

impl Error for JoinError {}

/// Why a socket was not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The engine has as many sockets as `sockets_max` allows.
    Sockets {
        /// The limit in sockets.
        max: usize,
    },
    /// A public id is 20 characters of the base64url alphabet.
    Id,
    /// A connected socket of the namespace has this id.
    IdTaken,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets { max } => write!(f, "{max} sockets are connected already, sockets_max is {max}"),
            Self::Id => f.write_str("a socket id is 20 characters of A-Z, a-z, 0-9, '-' and '_'"),
            Self::IdTaken => f.write_str("a connected socket has this id already"),
        }
    }
}

impl Error for ConnectError {}

/// Why a socket did not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResumeError {
    /// What was sent after the offset is not, or not all, in the journal: the client must begin anew.
    NotCovered,
    /// The socket was not connected.
    Connect(ConnectError),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCovered => f.write_str("the journal does not hold all that was sent since: connect anew"),
            Self::Connect(error) => error.fmt(f),
        }
    }
}

impl Error for ResumeError {}

/// A text that is no [`Offset`](crate::Offset).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetError;

impl fmt::Display for OffsetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offset is a number of digits and small letters, as a server wrote it")
    }
}

impl Error for OffsetError {}

/// Why a message could not be made, or not be written in a codec's format.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value is no JSON; the text says where it failed.
    Json(String),
    /// The message carries binary attachments and the wire has no place for them.
    Binary,
    /// The encoded message exceeds a limit of the wire.
    TooLarge {
        /// Bytes of the encoded message.
        bytes: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Socket.IO uses the event's name itself ([`is_reserved_event`](crate::is_reserved_event)): its clients would take the
    /// message for something else.
    EventReserved,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(why) => write!(f, "the value cannot be written as JSON: {why}"),
            Self::Binary => f.write_str("this wire carries no binary attachments"),
            Self::TooLarge { bytes, max } => write!(f, "the encoded message has {bytes} bytes, the limit is {max}"),
            Self::EventReserved => f.write_str("Socket.IO uses the event's name itself: choose another"),
        }
    }
}

impl Error for EncodeError {}
