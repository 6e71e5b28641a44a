//! What `GET /stats` says.

use serde_json::Value;

/// The six integers that the contract asks for (section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Open accepted TCP connections, the one that asked included.
    pub tcp: u64,
    /// Engine.IO sessions.
    pub engine: u64,
    /// Connected sockets of namespace `/`.
    pub sockets: u64,
    /// Open `/ws` and `/ws/echo`.
    pub websockets: u64,
    /// Rooms with a member, own-id rooms included.
    pub rooms: u64,
    /// Memberships in these rooms.
    pub memberships: u64,
}

impl Stats {
    /// Reads the answer of the server.
    ///
    /// # Panics
    /// If it is no JSON object with these six integers.
    #[must_use]
    pub fn parse(json: &str) -> Self {
        let key = |key| Self::number(json, key);
        Self {
            tcp: key("tcp"),
            engine: key("engine"),
            sockets: key("sockets"),
            websockets: key("websockets"),
            rooms: key("rooms"),
            memberships: key("memberships"),
        }
    }

    /// One integer of the answer.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn number(json: &str, key: &str) -> u64 {
        let value: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("/stats: {error}: {json}"));
        value[key].as_u64().unwrap_or_else(|| panic!("/stats: no integer {key:?}: {json}"))
    }
}
