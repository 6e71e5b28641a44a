//! Telling a program of sockets that are gone, each with its session.
//!
//! A socket's data goes with it, and with that the note of a session that began over it. So each socket that came in has an
//! unopened [`Session`] here until it leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomcast::{Socket, SocketId};
use roomcast_lane::{BoxFuture, Disconnect, Handshake, Seldom};
use tokio::sync::watch;

use crate::session::Session;
use crate::session::layer::SessionLayer;

static NOT_SAVED: Seldom = Seldom::new();

pub(super) struct AfterDisconnect {
    sessions: SessionLayer,
    handler: Handler,
    unopened: Mutex<HashMap<SocketId, Session>>,
    /// How many hooks have begun, and are not through with all that belongs to them.
    begun: watch::Sender<usize>,
}

pub(super) type Handler = Box<dyn Fn(Session, Socket, Disconnect) -> BoxFuture<()> + Send + Sync>;

/// A hook that has begun, until it is dropped.
struct Begun(Arc<AfterDisconnect>);

/// Of a socket that is not in yet, and perhaps never will be.
pub(super) struct Newcomer {
    after: Arc<AfterDisconnect>,
    id: SocketId,
    session: Session,
}

impl AfterDisconnect {
    pub(super) fn new(sessions: SessionLayer, handler: Handler) -> Self {
        Self { sessions, handler, unopened: Mutex::default(), begun: watch::Sender::new(0) }
    }

    pub(super) fn newcomer(self: &Arc<Self>, socket: &Socket, handshake: &Handshake) -> Newcomer {
        let session = self.sessions.of_lasting(socket, handshake);
        Newcomer { after: Arc::clone(self), id: socket.id(), session }
    }

    /// Tells of a socket, if it came in.
    pub(super) fn left(self: &Arc<Self>, socket: &Socket, bye: Disconnect) {
        let Some(session) = self.unopened().remove(&socket.id()) else { return };
        // From here, not from where the task begins: who waits after this call waits for it.
        let (begun, socket) = (Begun::new(self), socket.clone());
        tokio::spawn(async move {
            (begun.0.handler)(session.clone(), socket, bye).await;
            if let Err(error) = session.save().await {
                NOT_SAVED.say(|left_out| {
                    tracing::error!("the session of a socket that is gone was not saved{left_out}: {error}");
                });
            }
        });
    }

    /// Resolves when no hook is under way.
    pub(super) async fn settled(&self) {
        let mut begun = self.begun.subscribe();
        // The sender is here: it does not end before.
        drop(begun.wait_for(|begun| *begun == 0).await);
    }

    fn unopened(&self) -> MutexGuard<'_, HashMap<SocketId, Session>> {
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    fn new(after: &Arc<AfterDisconnect>) -> Self {
        after.begun.send_modify(|begun| *begun += 1);
        Self(Arc::clone(after))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.send_modify(|begun| *begun -= 1);
    }
}

impl Newcomer {
    /// It was let in.
    pub(super) fn came_in(self) {
        self.after.unopened().insert(self.id, self.session);
    }
}
