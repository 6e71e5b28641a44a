//! What a client of the room protocol may ask for.

use std::borrow::Cow;

/// One request of the room protocol, checked: names are not empty, events are not reserved.
///
/// This is what a [`Policy`](crate::Policy) is shown before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op<'a> {
    /// `getId`: the socket's own id.
    GetId,
    /// `rooms`: the names of the socket's rooms, its own first.
    Rooms,
    /// `join`: the asking socket, or the sockets with these ids, come into the room.
    Join {
        /// The room.
        room: Cow<'a, str>,
        /// Whom, if not the asking socket.
        ids: Option<Vec<Cow<'a, str>>>,
    },
    /// `leave`: the asking socket, or the sockets with these ids, leave the room.
    Leave {
        /// The room.
        room: Cow<'a, str>,
        /// Whom, if not the asking socket.
        ids: Option<Vec<Cow<'a, str>>>,
    },
    /// `leaveAll`: every member of the room leaves all its rooms but its own.
    LeaveAll {
        /// The room.
        room: Cow<'a, str>,
    },
    /// `broadcast`: a message to the members of these rooms.
    Broadcast {
        /// The rooms.
        rooms: Vec<Cow<'a, str>>,
        /// What is sent.
        emit: Emit<'a>,
        /// `once`: a socket in several of the rooms gets one copy instead of one for each room.
        once: bool,
    },
    /// `blast`: a message to every socket.
    Blast {
        /// What is sent.
        emit: Emit<'a>,
    },
    /// `addRoomMembersToRooms`: the members of `room` join each of `to` as well.
    AddRoomMembersToRooms {
        /// The room whose members are meant.
        room: Cow<'a, str>,
        /// Where they come to.
        to: Vec<Cow<'a, str>>,
    },
    /// `removeRoomMembersFromRooms`: the members of `room` leave each of `from`.
    RemoveRoomMembersFromRooms {
        /// The room whose members are meant.
        room: Cow<'a, str>,
        /// What they leave.
        from: Vec<Cow<'a, str>>,
    },
}

/// The message of a `broadcast` or a `blast`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit<'a> {
    /// The event's name; `message` if the request named none.
    pub event: Cow<'a, str>,
    /// The event's argument as compact JSON text; `null` if the request had none.
    pub data: Cow<'a, str>,
    /// Whether the asking socket is left out.
    pub omit: bool,
}
