//! The open packet: what a client learns in the handshake.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use serde::{Serialize, Serializer};

use super::{PacketKind, Transport};

/// The data of the open packet (section "Handshake" of engine.io-protocol): JSON with exactly these keys, in this order.
///
/// Revision 3 knows the first four; its clients ignore the last.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open<'a> {
    sid: &'a str,
    upgrades: &'static [&'static str],
    #[serde(serialize_with = "milliseconds")]
    ping_interval: Duration,
    #[serde(serialize_with = "milliseconds")]
    ping_timeout: Duration,
    max_payload: usize,
}

impl<'a> Open<'a> {
    /// For a session `sid` that was opened by `transport`: on polling the client may upgrade, a WebSocket is the last word.
    /// `bytes_max` is the most that one message may have, or one payload.
    #[must_use]
    pub fn new(
        sid: &'a str,
        transport: Transport,
        ping_interval: Duration,
        ping_timeout: Duration,
        bytes_max: usize,
    ) -> Self {
        let upgrades: &[&str] = match transport {
            Transport::Polling => &["websocket"],
            Transport::WebSocket => &[],
        };
        Self { sid, upgrades, ping_interval, ping_timeout, max_payload: bytes_max }
    }

    /// The same for a server that takes no upgrades.
    #[must_use]
    pub fn without_upgrades(self) -> Self {
        Self { upgrades: &[], ..self }
    }

    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Text and numbers always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Appends the packet, as a text frame has it: `0{"sid":...}`.
    pub fn append(&self, out: &mut BytesMut) {
        out.put_u8(PacketKind::Open.digit());
        out.put_slice(self.to_json().as_bytes());
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_keys_in_order() {
        let open = |transport| {
            let open =
                Open::new("S\"", transport, Duration::from_millis(25_000), Duration::from_millis(20_000), 1_000_000);
            let mut out = BytesMut::new();
            open.append(&mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(
            open(Transport::Polling),
            r#"0{"sid":"S\"","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert!(open(Transport::WebSocket).starts_with(r#"0{"sid":"S\"","upgrades":[],"#));
    }
}
