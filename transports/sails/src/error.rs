//! Why a verb of `sails.sockets` was not, or not wholly, carried out.

use std::fmt;

use roomcast::{EncodeError, JoinError};

/// Why a verb was not, or not wholly, carried out. The text says what to do; with the feature `axum` it is an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The request came by plain HTTP, and this needs the socket that it came from.
    NotASocket,
    /// A room cannot be joined.
    Join(JoinError),
    /// Some sockets joined, others are in as many rooms as they may be.
    Full {
        /// Memberships that were refused.
        memberships: usize,
    },
    /// An event needs a name that is not empty and that Socket.IO does not use itself.
    EventName(String),
    /// The data cannot be JSON.
    Encode(EncodeError),
    /// A lane has no room for more messages: it was not sent. Of a copy for each room, some rooms may have theirs.
    Overloaded,
}

impl Error {
    /// The HTTP status that says the same.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotASocket | Self::EventName(_) => 400,
            Self::Join(JoinError::Private) => 403,
            Self::Join(JoinError::Gone) => 410,
            Self::Join(JoinError::NameEmpty | JoinError::NameTooLong { .. }) => 400,
            Self::Join(_) | Self::Full { .. } | Self::Overloaded => 503,
            Self::Encode(_) => 500,
        }
    }
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Join(error)
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASocket => f.write_str("this request has no socket: send it over a socket, not by plain HTTP"),
            Self::Join(error) => error.fmt(f),
            Self::Full { memberships } => {
                write!(f, "{memberships} memberships were refused: raise rooms_per_socket_max or leave rooms")
            }
            Self::EventName(name) => write!(f, "{name:?} cannot be the name of an event: it is empty or reserved"),
            Self::Encode(error) => error.fmt(f),
            Self::Overloaded => {
                f.write_str("not, or not to all rooms, sent: a lane has no room for more; try again later")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Error {
    fn into_response(self) -> axum_core::response::Response {
        let status = http::StatusCode::from_u16(self.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.to_string()).into_response()
    }
}
