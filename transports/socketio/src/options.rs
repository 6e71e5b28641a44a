//! What an endpoint allows, with defaults.

use std::time::Duration;

use roomcast_http::Origins;
use roomcast_rfc6455::Limits;
use roomcast_socketio_protocol::engineio::{PayloadLimits, SessionConfig};
use roomcast_socketio_protocol::socketio::{DecodeLimits, NamespaceLimits};

use crate::allow::Allow;
use crate::cookie::Cookie;
use crate::recovery::Recovery;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) path: String,
    pub(crate) origins: Origins,
    pub(crate) allow_request: Option<Allow>,
    pub(crate) session: SessionConfig,
    pub(crate) frames: Limits,
    pub(crate) payloads: PayloadLimits,
    pub(crate) packets: DecodeLimits,
    /// Else as many as [`DecodeLimits`] has it, or as one message may have.
    pub(crate) packet_bytes_max: Option<usize>,
    pub(crate) namespaces: NamespaceLimits,
    pub(crate) allow_eio3: bool,
    pub(crate) allow_polling: bool,
    pub(crate) polled_sessions_max: usize,
    pub(crate) cookie: Option<Cookie>,
    /// How long the body of a POST may take.
    pub(crate) body_timeout: Duration,
    pub(crate) outbox_bytes_max: Option<usize>,
    pub(crate) recovery: Option<Recovery>,
}

impl Options {
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            origins: Origins::default(),
            allow_request: None,
            // What waits for polls is bounded by the lane, as what waits for WebSockets.
            session: SessionConfig {
                waiting_bytes_max: usize::MAX,
                waiting_packets_max: usize::MAX,
                ..SessionConfig::default()
            },
            frames: Limits::default(),
            payloads: PayloadLimits::default(),
            packets: DecodeLimits::default(),
            packet_bytes_max: None,
            namespaces: NamespaceLimits::default(),
            allow_eio3: true,
            allow_polling: true,
            polled_sessions_max: 100_000,
            cookie: None,
            body_timeout: Duration::from_secs(30),
            outbox_bytes_max: None,
            recovery: None,
        }
    }
}
