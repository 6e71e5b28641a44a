//! Carries out what a client asked for.

use std::borrow::Cow;
use std::fmt;

use roomcast::{Changed, JoinError, Message, Sent, Socket, SocketId, any};

use super::op::{Emit, Op};
use super::policy::Policy;
use super::reply::Answer;

/// Does what `op` says, in the name of `socket`, if the policy allows it. It is in force when this returns.
pub(crate) fn execute(op: &Op<'_>, socket: &Socket, policy: &Policy) -> Result<Answer, Failure> {
    if !policy.allows(socket, op) {
        return Err(Failure::Denied);
    }
    let engine = socket.engine();
    match op {
        Op::GetId => return Ok(Answer::Socket(socket.id().to_string())),
        Op::Rooms => return Ok(Answer::Rooms(rooms(socket))),
        Op::Join { room, ids: None } => {
            socket.join(&**room)?;
        }
        Op::Join { room, ids: Some(ids) } => all_joined(engine.to(any(these(ids, socket))).join(&**room)?)?,
        Op::Leave { room, ids: None } => {
            socket.leave(&**room);
        }
        Op::Leave { room, ids: Some(ids) } => {
            engine.to(any(these(ids, socket))).leave(&**room);
        }
        Op::LeaveAll { room } => {
            engine.to(&**room).leave_all();
        }
        Op::Broadcast { rooms, emit, once } => broadcast(socket, rooms, emit, *once)?,
        Op::Blast { emit } => {
            let everyone = if emit.omit { socket.broadcast() } else { engine.everyone() };
            taken(everyone.broadcast(&message(emit)))?;
        }
        Op::AddRoomMembersToRooms { room, to } => all_joined(engine.to(&**room).join(names(to))?)?,
        Op::RemoveRoomMembersFromRooms { room, from } => {
            engine.to(&**room).leave(names(from));
        }
    }
    Ok(Answer::Done)
}

/// Why a request was understood and not, or not wholly, carried out. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The policy says no.
    Denied,
    /// A room cannot be joined.
    Join(JoinError),
    /// Some sockets joined, others are in as many rooms as they may be.
    Full { memberships: usize },
    /// A lane takes no more messages at the moment.
    Overloaded,
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::Join(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("denied"),
            Self::Join(error @ JoinError::Private) => write!(f, "{error}; broadcast to it instead"),
            Self::Join(error @ JoinError::RoomsPerSocket { .. }) => write!(f, "{error}; leave another room first"),
            Self::Join(error) => error.fmt(f),
            Self::Full { memberships } => write!(
                f,
                "{memberships} of the memberships were not added, those sockets are in as many rooms as \
                 rooms_per_socket_max allows; let them leave others first"
            ),
            Self::Overloaded => {
                f.write_str("overloaded: the message was not sent, or not to all of the rooms; send it again later")
            }
        }
    }
}

impl std::error::Error for Failure {}

/// The socket's own room, then the others by name.
fn rooms(socket: &Socket) -> Vec<String> {
    let mut rooms = socket.rooms();
    rooms.sort_unstable();
    rooms.insert(0, socket.id().to_string());
    rooms
}

/// The connected sockets with these ids. A text that is no id of a socket is nobody, also if a room has that name.
fn these(ids: &[Cow<'_, str>], socket: &Socket) -> Vec<SocketId> {
    ids.iter().filter_map(|id| Some(socket.engine().socket(id)?.id())).collect()
}

fn names<'a>(rooms: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    rooms.iter().map(|room| &**room).collect()
}

fn message(emit: &Emit<'_>) -> Message {
    Message::raw(&emit.event, &emit.data)
}

fn broadcast(socket: &Socket, rooms: &[Cow<'_, str>], emit: &Emit<'_>, once: bool) -> Result<(), Failure> {
    let mut rooms = names(rooms);
    // A room that is named twice is one room. Copies are alike, so their order is nobody's concern.
    rooms.sort_unstable();
    rooms.dedup();
    let members = socket.engine().to(any(rooms));
    let members = if emit.omit { members.except(socket) } else { members };
    let members = if once { members } else { members.per_room() };
    taken(members.broadcast(&message(emit)))
}

fn taken(sent: Sent) -> Result<(), Failure> {
    if sent.overloaded { Err(Failure::Overloaded) } else { Ok(()) }
}

fn all_joined(changed: Changed) -> Result<(), Failure> {
    match changed.refused {
        0 => Ok(()),
        memberships => Err(Failure::Full { memberships }),
    }
}

#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
