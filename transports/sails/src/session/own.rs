//! The session that a socket has got since its handshake.
//!
//! A client of virtual requests never sees a `Set-Cookie`, and its handshake's cookie stays what it was. So a session that
//! begins over a socket, or gets a new id there, is noted on the socket: its later requests, and those that run at the same time,
//! have that one. The note is the socket's data, and goes with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomcast::Socket;

use super::id::SessionId;

/// What is noted on one socket.
#[derive(Debug, Default)]
pub(crate) struct Own {
    id: Mutex<Option<SessionId>>,
    /// Held while the store is asked to begin, rename or end what is noted here, so that who comes second knows what came of it.
    changing: tokio::sync::Mutex<()>,
}

/// The note of one who begins, renames or ends a session, alone. Without a socket there is no note, and nobody to wait for.
#[derive(Debug)]
pub(crate) struct Changing<'a>(Option<(&'a Own, tokio::sync::MutexGuard<'a, ()>)>);

/// Attaches notes: under a lock, so that two requests at once find the same.
#[derive(Debug, Default)]
pub(crate) struct Attaching(Mutex<()>);

impl Own {
    pub(crate) fn id(&self) -> Option<SessionId> {
        self.lock().clone()
    }

    /// Waits until nobody else changes the note.
    pub(crate) async fn changing(own: Option<&Self>) -> Changing<'_> {
        match own {
            Some(own) => Changing(Some((own, own.changing.lock().await))),
            None => Changing(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SessionId>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changing<'_> {
    /// What is noted: a session that has begun, and perhaps ended.
    pub(crate) fn id(&self) -> Option<SessionId> {
        self.0.as_ref()?.0.id()
    }

    /// From now on it is this one.
    pub(crate) fn becomes(self, id: &SessionId) {
        if let Some((own, _)) = &self.0 {
            *own.lock() = Some(id.clone());
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
