//! Who is told of rooms and members that come and go.

use crate::socket::Members;

/// Told after each change, on the thread that made it, outside every lock: it may call the engine.
///
/// A panic ends that one call; nothing else is lost or undone by it.
///
/// A bulk verb is one call for each room. Calls of different threads come in no particular order, so what an observer
/// wants to know exactly it asks the engine. The sockets' own rooms and everybody's are not reported.
pub trait Observer: Send + Sync + 'static {
    /// A room got its first members.
    fn room_created(&self, room: &str) {
        let _ = room;
    }

    /// Sockets joined a room.
    fn joined(&self, room: &str, members: &Members) {
        let _ = (room, members);
    }

    /// Sockets left a room, by whatever way.
    fn left(&self, room: &str, members: &Members) {
        let _ = (room, members);
    }

    /// A room lost its last member.
    fn room_deleted(&self, room: &str) {
        let _ = room;
    }
}
