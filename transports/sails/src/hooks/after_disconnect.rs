//! Telling a program of sockets that are gone, each with its session.
//!
//! A socket's data goes with it, and with that the note of a session that began over it. So each socket that came in has an
//! unopened [`Session`] here until it leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomcast::{Socket, SocketId};
use roomcast_lane::{BoxFuture, Disconnect, Handshake};

use crate::session::Session;
use crate::session::layer::SessionLayer;

pub(super) struct AfterDisconnect {
    sessions: SessionLayer,
    handler: Handler,
    unopened: Mutex<HashMap<SocketId, Session>>,
}

pub(super) type Handler = Box<dyn Fn(Session, Socket, Disconnect) -> BoxFuture<()> + Send + Sync>;

/// Of a socket that is not in yet, and perhaps never will be.
pub(super) struct Newcomer {
    after: Arc<AfterDisconnect>,
    id: SocketId,
    session: Session,
}

impl AfterDisconnect {
    pub(super) fn new(sessions: SessionLayer, handler: Handler) -> Self {
        Self { sessions, handler, unopened: Mutex::default() }
    }

    pub(super) fn newcomer(self: &Arc<Self>, socket: &Socket, handshake: &Handshake) -> Newcomer {
        let session = self.sessions.of_lasting(socket, handshake);
        Newcomer { after: Arc::clone(self), id: socket.id(), session }
    }

    /// Tells of a socket, if it came in.
    pub(super) fn left(self: &Arc<Self>, socket: &Socket, bye: Disconnect) {
        let Some(session) = self.unopened().remove(&socket.id()) else { return };
        let (after, socket) = (Arc::clone(self), socket.clone());
        tokio::spawn(async move {
            (after.handler)(session.clone(), socket, bye).await;
            if let Err(error) = session.save().await {
                tracing::error!("the session of a socket that is gone was not saved: {error}");
            }
        });
    }

    fn unopened(&self) -> MutexGuard<'_, HashMap<SocketId, Session>> {
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newcomer {
    /// It was let in.
    pub(super) fn came_in(self) {
        self.after.unopened().insert(self.id, self.session);
    }
}
