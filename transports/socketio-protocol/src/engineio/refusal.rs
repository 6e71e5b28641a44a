//! How the server says no to a request: a status, a code and a text, as engine.io's clients know them.

use std::fmt;

use serde::Serialize;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// `transport` is neither `polling` nor `websocket`.
    TransportUnknown,
    /// `sid` names no session that lives.
    SessionUnknown,
    /// A handshake is a GET.
    BadHandshakeMethod,
    /// All else that cannot be: another transport than the session's, a transport and an upgrade that do not fit, two
    /// polls at a time, a body that cannot be read.
    BadRequest,
    /// The application does not want this client.
    Forbidden,
    /// `EIO` is neither 3 nor 4.
    UnsupportedRevision,
}

impl Refusal {
    /// The `code` in the body.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedRevision => 5,
        }
    }

    /// The `message` in the body.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedRevision => "Unsupported protocol version",
        }
    }

    /// The HTTP status: 403 for [`Self::Forbidden`], else 400.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            _ => 400,
        }
    }

    /// The body, `application/json`: `{"code":3,"message":"Bad request"}`.
    #[must_use]
    pub fn body(self) -> String {
        self.body_with(self.message())
    }

    /// The body with the application's own words: for [`Self::Forbidden`].
    #[must_use]
    pub fn body_with(self, message: &str) -> String {
        // Text and a number always become JSON.
        serde_json::to_string(&Json { code: self.code(), message }).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Json<'a> {
    code: u8,
    message: &'a str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::{Refusal::*, *};

    #[test]
    fn bodies() {
        let all = [TransportUnknown, SessionUnknown, BadHandshakeMethod, BadRequest, Forbidden, UnsupportedRevision]
            .map(Refusal::body);
        assert_eq!(
            all,
            [
                r#"{"code":0,"message":"Transport unknown"}"#,
                r#"{"code":1,"message":"Session ID unknown"}"#,
                r#"{"code":2,"message":"Bad handshake method"}"#,
                r#"{"code":3,"message":"Bad request"}"#,
                r#"{"code":4,"message":"Forbidden"}"#,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ]
        );
        assert_eq!(Forbidden.body_with("no \"seat\""), r#"{"code":4,"message":"no \"seat\""}"#);
        assert_eq!((Forbidden.status(), BadRequest.status()), (403, 400));
    }
}
