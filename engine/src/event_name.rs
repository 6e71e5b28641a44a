//! Which names an event may have.

const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether a name means something of its own to clients of Socket.IO, which end their connection over such an event
/// (socket.io-parser, `RESERVED_EVENTS`). Sockets of all wires share rooms, so no event should have it.
pub fn is_reserved_event(name: &str) -> bool {
    RESERVED.contains(&name)
}
