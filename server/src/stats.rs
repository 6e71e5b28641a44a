//! The numbers of `GET /stats`.

use roomcast_lane::Lanes;
use roomcast_websocket::WebSocket;
use serde::Serialize;

use crate::connections::Connections;

/// What is counted. The first six are the contract; the others are of the lanes, since the start unless they say otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    /// Open TCP connections, the asking one included.
    tcp: usize,
    /// Engine.IO sessions: none, as long as there is no Engine.IO.
    engine: usize,
    /// Sockets of Socket.IO: likewise.
    sockets: usize,
    /// Open raw WebSockets.
    websockets: usize,
    /// Rooms with a member, those of the sockets' own included.
    rooms: usize,
    /// Members of these rooms, summed.
    memberships: usize,
    bytes_in: u64,
    bytes_out: u64,
    deliveries: u64,
    encodes: u64,
    slow_consumers: u64,
    overloaded: u64,
    /// Now.
    inbox_bytes: u64,
    /// Now.
    outbox_bytes: u64,
}

impl Stats {
    pub(crate) fn read(connections: &Connections, lanes: &Lanes, websockets: &[WebSocket]) -> Self {
        let (engine, lane) = (lanes.engine().stats(), lanes.stats());
        Self {
            tcp: connections.open(),
            engine: 0,
            sockets: 0,
            websockets: websockets.iter().map(WebSocket::connections).sum(),
            // Each socket has a room of its own and is its only member.
            rooms: engine.rooms + engine.sockets,
            memberships: engine.memberships + engine.sockets,
            bytes_in: lane.bytes_in,
            bytes_out: lane.bytes_out,
            deliveries: lane.deliveries,
            encodes: lane.encodes,
            slow_consumers: lane.slow_consumers,
            overloaded: lane.overloaded,
            inbox_bytes: lane.inbox_bytes,
            outbox_bytes: lane.outbox_bytes,
        }
    }
}
