//! The opening handshake from the server's side (section 4.2).

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
    },
};
use std::fmt;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Judges a request that asks for a WebSocket; the 101 to answer it with.
///
/// Path, `Origin`, cookies are the caller's to check, before this. Subprotocols and extensions are never agreed
/// to (both are offers, section 4.2.2). The request must come as HTTP/1.1: over HTTP/2 there is another handshake
/// (RFC 8441).
///
/// Cost: one SHA-1 of 60 bytes and three small allocations.
///
/// # Errors
/// The first rule of section 4.2.1 that is broken; [`HandshakeError::response`] is the answer to it.
pub fn accept<B>(request: &Request<B>) -> Result<Response<()>, HandshakeError> {
    if request.method() != Method::GET {
        return Err(HandshakeError::Method);
    }
    if request.version() != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion);
    }
    let headers = request.headers();
    check_body(headers)?;
    check_host(headers)?;
    if !has_token(headers, UPGRADE, b"websocket") {
        return Err(HandshakeError::Upgrade);
    }
    if !has_token(headers, CONNECTION, b"upgrade") {
        return Err(HandshakeError::Connection);
    }
    if only(headers, SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(HandshakeError::Version);
    }
    let key = only(headers, SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())).ok_or(HandshakeError::Key)?;
    Ok(switching_protocols(key))
}

/// Why a request does not become a WebSocket. The text (`Display`) says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not a GET: 405.
    Method,
    /// Not HTTP/1.1: 400.
    HttpVersion,
    /// A body is announced: 400. Its bytes would be read as frames.
    Body,
    /// Not exactly one `Host` that says something: 400.
    Host,
    /// No `websocket` in `Upgrade`: 426.
    Upgrade,
    /// No `upgrade` in `Connection`: 400.
    Connection,
    /// Not exactly one `Sec-WebSocket-Version`, 13: 426 (section 4.4).
    Version,
    /// Not exactly one `Sec-WebSocket-Key`, 16 bytes as base64: 400.
    Key,
}

impl HandshakeError {
    /// The status to answer with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion | Self::Body | Self::Host | Self::Connection | Self::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// The whole answer: status, the headers that belong to it, and the text as `text/plain`.
    #[must_use]
    pub fn response(self) -> Response<String> {
        let mut response = Response::new(format!("{self}\n"));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match self {
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            Self::Upgrade | Self::Version => {
                // RFC 9110 section 15.5.22 wants Upgrade with a 426, section 7.8 wants it named in Connection.
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket handshake is a GET",
            Self::HttpVersion => "a WebSocket handshake is made over HTTP/1.1",
            Self::Body => "a WebSocket handshake has no body: send neither Content-Length nor Transfer-Encoding",
            Self::Host => "send exactly one Host header",
            Self::Upgrade => "this is a WebSocket endpoint: connect to it with a WebSocket client (Upgrade: websocket)",
            Self::Connection => "send Connection: Upgrade; a proxy on the way may have removed it",
            Self::Version => "send exactly one Sec-WebSocket-Version: 13",
            Self::Key => "send exactly one Sec-WebSocket-Key: 16 random bytes as base64, 24 characters",
        })
    }
}

impl std::error::Error for HandshakeError {}

fn check_body(headers: &HeaderMap) -> Result<(), HandshakeError> {
    let empty = headers.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
    if !empty || headers.contains_key(TRANSFER_ENCODING) {
        return Err(HandshakeError::Body);
    }
    Ok(())
}

fn check_host(headers: &HeaderMap) -> Result<(), HandshakeError> {
    match only(headers, HOST) {
        Some(host) if !host.is_empty() => Ok(()),
        _ => Err(HandshakeError::Host),
    }
}

/// The value of a header that must occur once (section 11.3).
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    values.next().filter(|_| values.next().is_none())
}

/// Is `token` in the comma-separated lists of all headers of this name? Case does not matter (section 4.2.1).
fn has_token(headers: &HeaderMap, name: HeaderName, token: &[u8]) -> bool {
    let mut tokens = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token))
}

/// 16 bytes are 22 characters of base64 and two of padding. The 4 bits of the last character that stand for nothing
/// may be set: some clients choose 22 random characters.
fn is_key(key: &[u8]) -> bool {
    let Some((characters, b"==")) = key.split_last_chunk() else { return false };
    characters.len() == 22 && characters.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/'))
}

fn switching_protocols(key: &HeaderValue) -> Response<()> {
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is visible ASCII");
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

#[cfg(test)]
mod tests;
