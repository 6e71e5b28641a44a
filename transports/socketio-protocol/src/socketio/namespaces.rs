//! The namespaces of one connection: which ones it is in, and what a packet means there.
//!
//! ```text
//!                 CONNECT                  connected
//!   not there ---------------> connecting -----------> connected ---.
//!      ^  ^ (of revision 4 `/` starts here)  |           |   |      | EVENT, ACK
//!      |  '------- refused ------------------'           |   '<-----'
//!      '---------- DISCONNECT from the client -----------'
//!      '- CONNECT - left <-- disconnected by the program -'   packets that were on their way are ignored
//! ```
//!
//! Everything else ends the connection, as it does in Socket.IO: packets to a namespace in which the client is not, a second
//! CONNECT before the first was answered (two sockets would get everything twice), no CONNECT in time.
//!
//! socket.io-protocol, "Connection to a namespace" and "Disconnection from a namespace"; what a server does with packets that
//! come at the wrong time is not written there but known from its implementation.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use smallvec::{SmallVec, smallvec};

use super::packet::{Args, Body, Packet, Revision};

/// What a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceLimits {
    /// Namespaces a connection may be in at a time; 16 by default. Further ones are refused, the connection stays.
    pub namespaces_max: usize,
    /// How long a client may take until it is connected to its first namespace; 45 s by default.
    pub connect_timeout: Duration,
}

impl Default for NamespaceLimits {
    fn default() -> Self {
        Self { namespaces_max: 16, connect_timeout: Duration::from_secs(45) }
    }
}

/// The namespaces of one connection.
///
/// `S` names a socket of the caller's. Every call looks through the connection's few namespaces. One namespace, which is
/// what most connections have, is kept in place; so if it is `/`, nothing is allocated.
#[derive(Debug)]
pub struct Namespaces<S> {
    entries: SmallVec<[Entry<S>; 1]>,
    /// Until when the client has to be connected to its first namespace; gone once it was.
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Entry<S> {
    name: Name,
    state: State<S>,
}

/// The name of a namespace; none is `/`.
#[derive(Debug)]
struct Name(Option<Box<str>>);

#[derive(Debug)]
enum State<S> {
    Connecting,
    Connected(S),
    /// The program ended it, and the client may not know yet.
    Left,
}

/// What is to be done with a packet.
#[derive(Debug)]
pub enum Decision<'a, S> {
    /// The client wants to come in: ask the application, then call [`Namespaces::handle_connected`] or
    /// [`Namespaces::handle_refused`].
    Connect {
        /// The namespace, which may not exist.
        namespace: Cow<'a, str>,
        /// The JSON object that it authenticates with.
        auth: Option<Cow<'a, str>>,
        /// The query of the namespace's name (revision 4).
        query: Option<Cow<'a, str>>,
    },
    /// The client is in too many namespaces: answer with [`Packet::connect_error`].
    Refuse {
        /// The namespace that it asked for.
        namespace: Cow<'a, str>,
    },
    /// An event for a socket.
    Event {
        /// The socket.
        socket: S,
        /// The event's name.
        name: Cow<'a, str>,
        /// What came with it.
        args: Args<'a>,
        /// The number for the answer, if one is wanted.
        ack: Option<u64>,
    },
    /// An answer. Whether this socket was asked under this number, and has not answered before, is for the caller to know.
    Answer {
        /// The socket that gave it.
        socket: S,
        /// The number that the event had.
        id: u64,
        /// The answer.
        args: Args<'a>,
    },
    /// The client left the namespace ([`DisconnectReason::ClientNamespace`](super::DisconnectReason::ClientNamespace)).
    Disconnect {
        /// The socket that is gone.
        socket: S,
    },
    /// Nothing: an answer without a number, or a packet to a namespace that the program has just ended.
    Ignore,
}

/// What a client did at the wrong time. Close its connection, as
/// [`CloseReason::ForcedServerClose`](crate::engineio::CloseReason::ForcedServerClose).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamespaceError {
    /// An event, an answer or a DISCONNECT to a namespace in which the client is not, or not yet.
    NotConnected,
    /// CONNECT to a namespace in which it is, or soon will be.
    ConnectedAlready,
    /// CONNECT_ERROR, which only servers send.
    ConnectErrorSent,
    /// It did not connect to a namespace within [`NamespaceLimits::connect_timeout`].
    ConnectTimeout,
}

/// No CONNECT to this namespace waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotConnecting;

impl<S: Clone + PartialEq> Namespaces<S> {
    /// A connection that was opened at `now`.
    ///
    /// Of revision 4 it is [connecting](Self::is_connecting) to `/` from the start: ask the application, as after
    /// [`Decision::Connect`].
    pub fn new(revision: Revision, now: Instant, limits: &NamespaceLimits) -> Self {
        let entries = match revision {
            Revision::V4 => smallvec![Entry::connecting("/")],
            Revision::V5 => SmallVec::new(),
        };
        // A time-out beyond the end of time is none.
        Self { entries, deadline: now.checked_add(limits.connect_timeout) }
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// The client did what it must not do now.
    pub fn handle_packet<'a>(
        &mut self,
        packet: Packet<'a>,
        limits: &NamespaceLimits,
    ) -> Result<Decision<'a, S>, NamespaceError> {
        let Packet { namespace, body } = packet;
        let (data, query) = match body {
            Body::Connect { data, query } => (data, query),
            Body::ConnectError { .. } => return Err(NamespaceError::ConnectErrorSent),
            body => return self.handle_inside(&namespace, body),
        };
        Ok(match self.admit(&namespace, limits)? {
            true => Decision::Connect { namespace, auth: data, query },
            false => Decision::Refuse { namespace },
        })
    }

    /// The application let the client in: tell it with [`Packet::connected`], then send what `socket` gets.
    ///
    /// # Errors
    /// The client did not ask for it, or was answered.
    pub fn handle_connected(&mut self, namespace: &str, socket: S) -> Result<(), NotConnecting> {
        let at = self.connecting(namespace)?;
        self.entries[at].state = State::Connected(socket);
        self.deadline = None;
        Ok(())
    }

    /// The application did not: tell the client with [`Packet::connect_error`]. It may try again.
    ///
    /// # Errors
    /// As [`Self::handle_connected`].
    pub fn handle_refused(&mut self, namespace: &str) -> Result<(), NotConnecting> {
        let at = self.connecting(namespace)?;
        self.entries.remove(at);
        Ok(())
    }

    /// The program ended a socket: tell the client with [`Packet::disconnect`]. Gives the namespace; none if there is no
    /// such socket.
    pub fn handle_disconnected(&mut self, socket: &S) -> Option<&str> {
        let entry = self.entries.iter_mut().find(|entry| entry.socket() == Some(socket))?;
        entry.state = State::Left;
        Some(entry.name.as_str())
    }

    /// The connection ended: every socket that is gone with it.
    pub fn handle_close(&mut self) -> impl Iterator<Item = S> + use<S> {
        self.deadline = None;
        std::mem::take(&mut self.entries).into_iter().filter_map(|entry| match entry.state {
            State::Connected(socket) => Some(socket),
            State::Connecting | State::Left => None,
        })
    }

    /// The socket that the client has in a namespace.
    pub fn socket(&self, namespace: &str) -> Option<&S> {
        self.entries[self.position(namespace)?].socket()
    }

    /// The namespace of a socket.
    pub fn namespace(&self, socket: &S) -> Option<&str> {
        self.entries.iter().find(|entry| entry.socket() == Some(socket)).map(|entry| entry.name.as_str())
    }

    /// Whether the application is being asked about a namespace.
    pub fn is_connecting(&self, namespace: &str) -> bool {
        self.connecting(namespace).is_ok()
    }

    /// When [`Self::handle_timeout`] is to be called. While the application is being asked time stands still for the
    /// client: it has done what it has to.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.entries.iter().any(Entry::is_connecting))
    }

    /// It is `now`.
    ///
    /// # Errors
    /// [`NamespaceError::ConnectTimeout`] if the client has not connected in time.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), NamespaceError> {
        match self.poll_timeout() {
            Some(deadline) if deadline <= now => Err(NamespaceError::ConnectTimeout),
            _ => Ok(()),
        }
    }

    /// Notes that the client is connecting; false if it is in too many namespaces.
    fn admit(&mut self, namespace: &str, limits: &NamespaceLimits) -> Result<bool, NamespaceError> {
        if let Some(at) = self.position(namespace) {
            let state = &mut self.entries[at].state;
            return match state {
                State::Left => {
                    *state = State::Connecting;
                    Ok(true)
                }
                State::Connecting | State::Connected(_) => Err(NamespaceError::ConnectedAlready),
            };
        }
        if !self.make_room(limits) {
            return Ok(false);
        }
        self.entries.push(Entry::connecting(namespace));
        Ok(true)
    }

    fn make_room(&mut self, limits: &NamespaceLimits) -> bool {
        if self.entries.len() >= limits.namespaces_max
            && let Some(left) = self.entries.iter().position(|entry| matches!(entry.state, State::Left))
        {
            self.entries.remove(left);
        }
        self.entries.len() < limits.namespaces_max
    }

    /// What only a client that is in the namespace may send.
    fn handle_inside<'a>(&mut self, namespace: &str, body: Body<'a>) -> Result<Decision<'a, S>, NamespaceError> {
        let at = self.position(namespace).ok_or(NamespaceError::NotConnected)?;
        let socket = match &self.entries[at].state {
            State::Connecting => return Err(NamespaceError::NotConnected),
            State::Left => return Ok(Decision::Ignore),
            State::Connected(socket) => socket.clone(),
        };
        Ok(match body {
            Body::Event { name, args, ack } => Decision::Event { socket, name, args, ack },
            Body::Ack { id: Some(id), args } => Decision::Answer { socket, id, args },
            Body::Ack { id: None, .. } => Decision::Ignore,
            _ => {
                self.entries.remove(at);
                Decision::Disconnect { socket }
            }
        })
    }

    fn position(&self, namespace: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name.as_str() == namespace)
    }

    fn connecting(&self, namespace: &str) -> Result<usize, NotConnecting> {
        self.position(namespace).filter(|&at| self.entries[at].is_connecting()).ok_or(NotConnecting)
    }
}

impl<S> Entry<S> {
    fn connecting(namespace: &str) -> Self {
        Self { name: Name::new(namespace), state: State::Connecting }
    }

    fn socket(&self) -> Option<&S> {
        match &self.state {
            State::Connected(socket) => Some(socket),
            State::Connecting | State::Left => None,
        }
    }

    fn is_connecting(&self) -> bool {
        matches!(self.state, State::Connecting)
    }
}

impl Name {
    fn new(name: &str) -> Self {
        Self((name != "/").then(|| name.into()))
    }

    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/")
    }
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "packet to a namespace without being connected to it",
            Self::ConnectedAlready => "CONNECT to a namespace that was connected to before",
            Self::ConnectErrorSent => "CONNECT_ERROR from a client",
            Self::ConnectTimeout => "no namespace connected to in time",
        })
    }
}

impl std::error::Error for NamespaceError {}

impl fmt::Display for NotConnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no CONNECT to this namespace waits for an answer")
    }
}

impl std::error::Error for NotConnecting {}

#[cfg(test)]
mod tests;
