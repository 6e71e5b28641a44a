//! The verbs of `sails.sockets`.

mod broadcast;
mod event_name;

use std::fmt;

use roomcast::{Changed, Engine, Message, Rooms, Sent, SocketId, Target};
use serde::Serialize;

pub use broadcast::Broadcast;
pub(crate) use broadcast::Scope;

use crate::error::Error;
use crate::who::{Caller, Who, get_id};

/// What `sails.sockets` is in Sails: who joins and leaves which rooms, and what is sent to them.
///
/// A cheap handle of an [`Engine`] and of one namespace of it; clone it into the state of a router. All transports of the
/// engine are meant: a raw WebSocket joins and hears as a Socket.IO client does. Sockets of other namespaces are nobody.
///
/// ```
/// use roomcast::{Engine, MemoryLane};
/// use roomcast_sails::Sockets;
/// use serde_json::json;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::new();
/// let lane = MemoryLane::new(&engine);
/// let (ann, ben) = (lane.connect()?, lane.connect()?);
///
/// let sockets = Sockets::new(&engine);
/// sockets.join([&ann, &ben], "chess")?;
/// sockets.broadcast("chess", None, &json!({"move": "e4"}))?;
/// sockets.omit(&ann).broadcast(["chess", "go"], "said", "well played")?;
/// assert_eq!((lane.received(&ann).len(), lane.received(&ben).len()), (1, 2));
/// # Ok(())
/// # }
/// ```
///
/// | Sails | roomcast |
/// |---|---|
/// | `sails.sockets.getId(req)` | `sockets.get_id(&req)?` |
/// | `.join(req, 'a')`, `.join(id, 'a')` | `sockets.join(&req, "a")?`, `sockets.join(id, "a")?` |
/// | `.leave(req, 'a')` | `sockets.leave(&req, "a")?` |
/// | `.leaveAll('a')` | `sockets.leave_all("a")` |
/// | `.addRoomMembersToRooms('a', ['b', 'c'])` | `sockets.add_room_members_to_rooms("a", ["b", "c"])?` |
/// | `.removeRoomMembersFromRooms('a', 'b')` | `sockets.remove_room_members_from_rooms("a", "b")` |
/// | `.broadcast('a', data)` | `sockets.broadcast("a", None, &data)?` |
/// | `.broadcast('a', 'e', data)` | `sockets.broadcast("a", "e", &data)?` |
/// | `.broadcast('a', data, req)` | `sockets.omit(&req).broadcast("a", None, &data)?` |
/// | `.broadcast(['a', 'b'], 'e', data, req)` | `sockets.omit(&req).broadcast(["a", "b"], "e", &data)?` |
/// | `.blast(data)` | `sockets.blast(None, &data)?` |
/// | `.blast('e', data, req)` | `sockets.omit(&req).blast("e", &data)?` |
///
/// Where Sails calls back, a verb here returns: it is in force then. Where Sails writes a line to its log and goes on, here
/// is an [`Error`]; as the answer of a handler it has the status that fits.
#[derive(Clone)]
pub struct Sockets {
    engine: Engine,
}

impl Sockets {
    /// The verbs on an engine, in its namespace.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone() }
    }

    /// The engine: for what `sails.sockets` has no word for, as members and counts.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The id of the socket that a request came from. As [`get_id`], here since Sails has it here.
    ///
    /// # Errors
    /// [`Error::NotASocket`] if the request came by plain HTTP (Sails returns `undefined`).
    pub fn get_id(&self, request: &(impl Caller + ?Sized)) -> Result<SocketId, Error> {
        get_id(request)
    }

    /// Sockets join one or more rooms; how many memberships are new. To be in a room already is no error.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.join(req, 'a')` | `sockets.join(&req, "a")?` |
    /// | `sails.sockets.join(id, 'a')` | `sockets.join(id, "a")?` |
    /// | `sails.sockets.join([req, id], 'a')` | `sockets.join([Who::from(&req), id.into()], "a")?` |
    /// | a loop | `sockets.join(&req, ["a", "b"])?` |
    ///
    /// Sails takes one room; it logs that a plain HTTP request has no socket, and calls back without an error. It has no
    /// limits. The room of another socket's id is closed here, where Sails lets anybody in.
    ///
    /// Costs as [`Selection::join`](roomcast::Selection::join).
    ///
    /// # Errors
    /// - [`Error::NotASocket`] if a request came by plain HTTP; nobody joined.
    /// - [`Error::Join`] for the name of a room, and [`Gone`](roomcast::JoinError::Gone) if the one socket that a request
    ///   or handle names is not connected any more. Ids that nobody has are no error.
    /// - [`Error::Full`] if some are in as many rooms as they may be; the rest joined.
    pub fn join<'w, 'r>(&self, who: impl Into<Who<'w>>, rooms: impl Into<Rooms<'r>>) -> Result<usize, Error> {
        let who = who.into();
        let changed = all_joined(self.engine.to(who.target(&self.engine)?).join(rooms)?)?;
        if who.is_handle() && changed.sockets == 0 {
            return Err(roomcast::JoinError::Gone.into());
        }
        Ok(changed.memberships)
    }

    /// Sockets leave one or more rooms; how many memberships ended. Not to be in a room is no error, nor is a room that
    /// does not exist.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.leave(req, 'a')` | `sockets.leave(&req, "a")?` |
    /// | `sails.sockets.leave(id, 'a')` | `sockets.leave(id, "a")?` |
    /// | a loop | `sockets.leave(&req, ["a", "b"])?` |
    ///
    /// A socket never leaves the room of its own id; in Sails it can, and hears nothing there any more.
    ///
    /// # Errors
    /// [`Error::NotASocket`] if a request came by plain HTTP; nobody left.
    pub fn leave<'w, 'r>(&self, who: impl Into<Who<'w>>, rooms: impl Into<Rooms<'r>>) -> Result<usize, Error> {
        Ok(self.engine.to(who.into().target(&self.engine)?).leave(rooms).memberships)
    }

    /// All members of a room leave all their rooms, this one too, but not the room of their own id.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.leaveAll('a')` | `sockets.leave_all("a")` |
    /// | `.leaveAll('a', {includeSourceRoom: false})` | [`sockets.leave_all_other_rooms("a")`](Self::leave_all_other_rooms) |
    /// | `.leaveAll('a', {includeSocketRooms: true})` | not there: a socket's own room is not left |
    ///
    /// A list of rooms, a socket or its id are taken too.
    pub fn leave_all<'t>(&self, room: impl Into<Target<'t>>) -> Changed {
        self.engine.to(room.into()).leave_all()
    }

    /// All members of a room leave all rooms other than this one and that of their own id: `leaveAll` of Sails with
    /// `includeSourceRoom: false`.
    ///
    /// Works on one member after the other, and costs as [`Socket::rooms`](roomcast::Socket::rooms) for each; rooms that
    /// one joins meanwhile stay.
    pub fn leave_all_other_rooms(&self, room: &str) -> Changed {
        let members = self.engine.to(room).sockets();
        members.fold(Changed::default(), |changed, socket| {
            let others: Rooms<'_> = socket.rooms().into_iter().filter(|other| other != room).collect();
            Changed { sockets: changed.sockets + 1, memberships: changed.memberships + socket.leave(others), ..changed }
        })
    }

    /// All who are members of a room now join other rooms as well. They stay in the first one; who joins that later is not
    /// added. `into` may hold the room itself.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.addRoomMembersToRooms('a', 'b')` | `sockets.add_room_members_to_rooms("a", "b")?` |
    /// | `.addRoomMembersToRooms('a', ['b', 'c'])` | `sockets.add_room_members_to_rooms("a", ["b", "c"])?` |
    ///
    /// As in Sails a socket's id is a room with one member. Expressions are taken too, such as
    /// [`all(["a", "b"])`](roomcast::all): those who are in both.
    ///
    /// Costs as [`Selection::join`](roomcast::Selection::join): far less than one `join` for each member.
    ///
    /// # Errors
    /// - [`Error::Join`] for the name of a room.
    /// - [`Error::Full`] if some are in as many rooms as they may be; the rest joined.
    pub fn add_room_members_to_rooms<'t, 'r>(
        &self,
        room: impl Into<Target<'t>>,
        into: impl Into<Rooms<'r>>,
    ) -> Result<Changed, Error> {
        all_joined(self.engine.to(room.into()).join(into)?)
    }

    /// All who are members of a room now leave other rooms. `from` may hold the room itself.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.removeRoomMembersFromRooms('a', 'b')` | `sockets.remove_room_members_from_rooms("a", "b")` |
    /// | `.removeRoomMembersFromRooms('a', ['b', 'c'])` | `sockets.remove_room_members_from_rooms("a", ["b", "c"])` |
    pub fn remove_room_members_from_rooms<'t, 'r>(
        &self,
        room: impl Into<Target<'t>>,
        from: impl Into<Rooms<'r>>,
    ) -> Changed {
        self.engine.to(room.into()).leave(from)
    }

    /// Leaves sockets out of what is sent next: the last argument of `broadcast` and `blast` in Sails. A request that came by
    /// plain HTTP, an id that nobody has: nobody is left out.
    ///
    /// Sails documents `broadcast(rooms, data, req)` and `blast(data, req)`, but leaves nobody out there: hook 3.0.2 takes the
    /// data for the socket in the one and forgets the request in the other. Here both do what is documented.
    pub fn omit<'w>(&self, who: impl Into<Who<'w>>) -> Broadcast<'_> {
        Broadcast::new(self).omit(who)
    }

    /// Sends each socket one copy of what is sent next, in however many of the rooms it is. Sails has no word for it.
    pub fn once(&self) -> Broadcast<'_> {
        Broadcast::new(self).once()
    }

    /// Sends an event to the members of one or more rooms: **one copy for each room**, so that a member of two of them
    /// gets two, as in Sails. [`Self::once`] asks for one copy for each socket.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.broadcast('a', data)` | `sockets.broadcast("a", None, &data)?` |
    /// | `.broadcast('a', 'e', data)` | `sockets.broadcast("a", "e", &data)?` |
    /// | `.broadcast('a', data, req)` | `sockets.omit(&req).broadcast("a", None, &data)?` |
    /// | `.broadcast(['a', 'b'], 'e', data, req)` | `sockets.omit(&req).broadcast(["a", "b"], "e", &data)?` |
    /// | `.broadcast(id, data)` | `sockets.broadcast(id, None, &data)?` |
    ///
    /// The event's name is `message` if there is none. The sender gets a copy if it is a member; it need not be one. `data`
    /// is anything that serde can serialise, sent as the event's single argument.
    ///
    /// In [`Sent`], `matched` counts the copies. Never waits for a reader; costs as
    /// [`Selection::broadcast`](roomcast::Selection::broadcast) for each room.
    ///
    /// # Errors
    /// - [`Error::EventName`] if Socket.IO has a meaning of its own for the name (Sails throws), or if it is empty (Sails
    ///   sends `message`).
    /// - [`Error::Encode`] if `data` cannot be JSON.
    /// - [`Error::Overloaded`] if a lane has no room for more: nobody, or not all of several rooms, got it.
    pub fn broadcast<'t, 'e, T: Serialize + ?Sized>(
        &self,
        rooms: impl Into<Target<'t>>,
        event: impl Into<Option<&'e str>>,
        data: &T,
    ) -> Result<Sent, Error> {
        Broadcast::new(self).broadcast(rooms, event, data)
    }

    /// Sends a [`Message`] to the members of one or more rooms, one copy for each room: raw JSON, several arguments, binary,
    /// or a class for readers that are behind.
    ///
    /// # Errors
    /// [`Error::EventName`], [`Error::Overloaded`]; see [`Self::broadcast`].
    pub fn broadcast_message<'t>(&self, rooms: impl Into<Target<'t>>, message: &Message) -> Result<Sent, Error> {
        Broadcast::new(self).broadcast_message(rooms, message)
    }

    /// Sends an event to every socket of the namespace.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `sails.sockets.blast(data)` | `sockets.blast(None, &data)?` |
    /// | `.blast('e', data)` | `sockets.blast("e", &data)?` |
    /// | `.blast(data, req)` | `sockets.omit(&req).blast(None, &data)?` |
    /// | `.blast('e', data, req)` | `sockets.omit(&req).blast("e", &data)?` |
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn blast<'e, T: Serialize + ?Sized>(&self, event: impl Into<Option<&'e str>>, data: &T) -> Result<Sent, Error> {
        Broadcast::new(self).blast(event, data)
    }

    /// Sends a [`Message`] to every socket of the namespace.
    ///
    /// # Errors
    /// [`Error::EventName`], [`Error::Overloaded`]; see [`Self::broadcast`].
    pub fn blast_message(&self, message: &Message) -> Result<Sent, Error> {
        Broadcast::new(self).blast_message(message)
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("engine", &self.engine).finish()
    }
}

fn all_joined(changed: Changed) -> Result<Changed, Error> {
    match changed.refused {
        0 => Ok(changed),
        memberships => Err(Error::Full { memberships }),
    }
}
