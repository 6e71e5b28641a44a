//! What a mounted WebSocket allows, with defaults.

use std::time::Duration;

use roomcast_http::Origins;
use roomcast_rfc6455::Limits;

use crate::heartbeat::Periods;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) origins: Origins,
    pub(crate) limits: Limits,
    pub(crate) periods: Periods,
    pub(crate) heartbeat: bool,
    pub(crate) connect_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: Origins::default(),
            limits: Limits::default(),
            periods: Periods { interval: Duration::from_secs(25), timeout: Duration::from_secs(20) },
            heartbeat: true,
            connect_timeout: Duration::from_secs(45),
        }
    }
}

impl Options {
    /// What an echo needs: long messages, and no heartbeat of its own.
    pub(crate) fn echo() -> Self {
        let limits = Limits { message_bytes_max: 32 << 20, ..Limits::default() };
        Self { limits, heartbeat: false, ..Self::default() }
    }
}
