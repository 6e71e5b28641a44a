//! What the sessions of one server have in common.

use std::time::Duration;

/// Periods and limits of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// From ping to ping; 25 s by default.
    pub ping_interval: Duration,
    /// How long a client may be silent after a ping; 20 s by default. In revision 3 the client pings, and may be silent
    /// for both periods together.
    pub ping_timeout: Duration,
    /// How long a WebSocket may take to replace polling; 10 s by default. It is closed then, the session goes on.
    pub upgrade_timeout: Duration,
    /// How long a session that the server closes waits for the poll that tells the client; 30 s by default.
    pub close_timeout: Duration,
    /// Whether a WebSocket may replace polling; true by default.
    pub allow_upgrades: bool,
    /// Packets that may wait for polls; 65,536 by default.
    pub waiting_packets_max: usize,
    /// Bytes that may wait for polls before another message comes; 1 MiB by default.
    pub waiting_bytes_max: usize,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(30),
            allow_upgrades: true,
            waiting_packets_max: 65_536,
            waiting_bytes_max: 1 << 20,
        }
    }
}
