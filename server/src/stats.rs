//! The numbers of `GET /stats`.

use roomcast_lane::{LaneStats, Lanes};
use roomcast_websocket::WebSocket;
use serde::Serialize;

use crate::connections::Connections;

/// What is counted. The first six are the contract; then what the lanes count, as [`LaneStats`] names and explains it: summed,
/// and for each lane under `lanes`.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    /// Open TCP connections, the asking one included.
    tcp: usize,
    /// Engine.IO sessions, on both paths and all transports.
    engine: usize,
    /// Sockets of Socket.IO in the namespace `/`.
    sockets: usize,
    /// Open raw WebSockets.
    websockets: usize,
    /// Rooms with a member, those of the sockets' own included.
    rooms: usize,
    /// Members of these rooms, summed.
    memberships: usize,
    #[serde(flatten)]
    sum: Lane,
    lanes: Vec<Lane>,
}

/// A lane's counters, and what is left when what did not get out is taken off.
#[derive(Debug, Serialize)]
struct Lane {
    #[serde(flatten)]
    stats: LaneStats,
    /// [`LaneStats::delivered`].
    delivered: u64,
}

impl From<LaneStats> for Lane {
    fn from(stats: LaneStats) -> Self {
        Self { delivered: stats.delivered(), stats }
    }
}

impl Stats {
    pub(crate) fn read(
        engine: roomcast::Stats,
        connections: &Connections,
        lanes: &Lanes,
        websockets: &[WebSocket],
        sessions: usize,
        sockets: usize,
    ) -> Self {
        let each = lanes.lane_stats();
        let sum = each.iter().fold(LaneStats::default(), |mut sum, lane| {
            sum += *lane;
            sum
        });
        Self {
            tcp: connections.open(),
            engine: sessions,
            sockets,
            websockets: websockets.iter().map(WebSocket::connections).sum(),
            // Each socket has a room of its own and is its only member.
            rooms: engine.rooms + engine.sockets,
            memberships: engine.memberships + engine.sockets,
            sum: sum.into(),
            lanes: each.into_iter().map(Lane::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::body::to_bytes;
    use axum::response::IntoResponse;
    use roomcast::Engine;

    use super::*;

    #[tokio::test]
    async fn the_contract_then_sums_then_each_lane() {
        let lanes = Lanes::builder().threads(2).start(&Engine::new()).unwrap();
        let counted = lanes.engine().stats();
        let stats = Json(Stats::read(counted, &Connections::new(&lanes), &lanes, &[], 0, 0));
        let body = to_bytes(stats.into_response().into_body(), usize::MAX).await.unwrap();
        let text = str::from_utf8(&body).unwrap();
        let contract = r#"{"tcp":0,"engine":0,"sockets":0,"websockets":0,"rooms":0,"memberships":0,"#;
        let rest = text.strip_prefix(contract).unwrap_or_else(|| panic!("{text}"));
        let (sum, each) = rest.split_once(r#","lanes":["#).unwrap();
        assert_eq!(each, format!("{{{sum}}},{{{sum}}}]}}"), "the same keys, and all are zero");
        for key in ["delivered", "dropped_volatile", "replaced_latest", "lost", "slow_over_limit", "lane_panics"] {
            assert!(sum.contains(&format!("\"{key}\":0")), "{key}: {sum}");
        }
    }
}
