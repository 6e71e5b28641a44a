//! What a client brings when it connects, and how it is turned away.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a client brought: lent to [`Application::connect`](crate::Application::connect) and not kept.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Handshake {
    /// Which transport it came through, as `websocket`.
    pub transport: &'static str,
    /// The headers of the HTTP request, if there was one.
    pub headers: http::HeaderMap,
    /// The request's target, with its query.
    pub uri: http::Uri,
    /// What tower layers in front attached to the request.
    pub extensions: http::Extensions,
    /// The address of the peer, where it is known.
    pub peer: Option<SocketAddr>,
    /// What the client sent to prove who it is, as JSON text; empty for none.
    pub auth: Bytes,
    /// The socket goes on where it was when its connection was lost: in its rooms, and without having missed anything.
    pub recovered: bool,
}

impl Handshake {
    /// A handshake that brought nothing.
    pub fn new(transport: &'static str) -> Self {
        Self { transport, ..Self::default() }
    }

    /// The `auth` object, read as `T`. None sent is read as `{}`.
    ///
    /// # Errors
    /// A refusal that says what is wrong with it.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let json: &[u8] = if self.auth.is_empty() { b"{}" } else { &self.auth };
        serde_json::from_slice(json).map_err(|e| Refusal::new(format!("auth: {e}")).status(400))
    }

    /// The first value of a name in the target's query, percent-decoded; `None` too if it is no UTF-8.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(key, _)| decode(key).as_deref() == Some(name))?;
        decode(value)
    }
}

/// Percent-decoding of a form field: `+` is a space, a lone `%` stands for itself.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// An application's no to a client, or to one of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The text for the client.
    pub message: String,
    /// More for the client, as JSON text.
    pub data: Option<Bytes>,
    /// The HTTP status that says the same.
    pub status: u16,
}

impl Refusal {
    /// A refusal with status 403.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None, status: 403 }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with more for the client. What cannot be JSON is left out.
    #[must_use]
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = serde_json::to_vec(data).ok().map(Bytes::from);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_decoded() {
        let mut handshake = Handshake::new("test");
        handshake.uri = "/x?a=1&na%6De=caf%C3%A9+au%20lait&bad=%FF&lone=%&empty".parse().unwrap();
        assert_eq!(handshake.query("name").as_deref(), Some("café au lait"));
        assert_eq!(handshake.query("lone").as_deref(), Some("%"));
        assert_eq!(handshake.query("empty").as_deref(), Some(""));
        assert_eq!((handshake.query("bad"), handshake.query("none")), (None, None));
    }

    #[test]
    fn auth_of_nothing_is_an_empty_object() {
        #[derive(serde::Deserialize)]
        struct Login {
            token: Option<String>,
        }
        let mut handshake = Handshake::new("test");
        assert_eq!(handshake.auth::<Login>().unwrap().token, None);
        handshake.auth = Bytes::from_static(br#"{"token":7}"#);
        let refusal = handshake.auth::<Login>().err().unwrap();
        assert_eq!(refusal.status, 400);
        assert!(refusal.message.starts_with("auth: invalid type"), "{refusal}");
    }
}
