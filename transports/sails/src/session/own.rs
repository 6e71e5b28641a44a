//! The session that a socket has got since its handshake.
//!
//! A client of virtual requests never sees a `Set-Cookie`, and its handshake's cookie stays what it was. So a session that
//! begins over a socket, or gets a new id there, is noted on the socket: its later requests, and those that run at the same time,
//! have that one. The note is the socket's data, and goes with it.

use std::sync::{Arc, Mutex, PoisonError};

use roomcast::Socket;

use super::id::SessionId;

/// What is noted on one socket.
#[derive(Debug, Default)]
pub(crate) struct Own(Mutex<Option<SessionId>>);

/// Attaches notes: under a lock, so that two requests at once find the same.
#[derive(Debug, Default)]
pub(crate) struct Attaching(Mutex<()>);

impl Own {
    pub(crate) fn id(&self) -> Option<SessionId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is this one.
    pub(crate) fn replace(&self, id: SessionId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }

    /// The id under which a session begins: `fresh`, unless another request was faster. `dead` is the one that the caller
    /// found to lead nowhere.
    pub(crate) fn begin(&self, fresh: SessionId, dead: Option<&SessionId>) -> SessionId {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some(id) if Some(id) != dead => id.clone(),
            _ => own.insert(fresh).clone(),
        }
    }
}

impl Attaching {
    /// The note of a socket. One that is gone gets one that nobody finds.
    pub(crate) fn note(&self, socket: &Socket) -> Arc<Own> {
        let _one_at_a_time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = socket.get::<Own>() {
            return own;
        }
        socket.insert(Own::default());
        socket.get::<Own>().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SessionId {
        SessionId::new(text).unwrap()
    }

    #[test]
    fn who_begins_first_decides() {
        let own = Own::default();
        assert_eq!(own.begin(id("a"), None), id("a"));
        assert_eq!(own.begin(id("b"), None), id("a"));
        assert_eq!(own.begin(id("c"), Some(&id("a"))), id("c"));
        assert_eq!(own.begin(id("d"), Some(&id("a"))), id("c"));
        own.replace(id("e"));
        assert_eq!(own.id(), Some(id("e")));
    }
}
