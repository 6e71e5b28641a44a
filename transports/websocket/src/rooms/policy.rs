//! Who may do what.

use std::fmt;
use std::sync::Arc;

use roomcast::Socket;

use super::op::Op;

/// Decides which requests of the room protocol are carried out: clients choose rooms by name, so somebody has to.
///
/// ```
/// use roomcast_websocket::{Op, Policy};
///
/// struct User { team: String }
///
/// // Members of a team use their team's room, and nothing else.
/// let policy = Policy::new(|socket, op| {
///     let Some(user) = socket.get::<User>() else { return false };
///     match op {
///         Op::GetId | Op::Rooms => true,
///         Op::Join { room, ids: None } | Op::Leave { room, ids: None } => *room == user.team,
///         Op::Broadcast { rooms, .. } => rooms.iter().all(|room| *room == user.team),
///         _ => false,
///     }
/// });
/// ```
#[derive(Clone)]
pub struct Policy(Arc<Allows>);

type Allows = dyn Fn(&Socket, &Op<'_>) -> bool + Send + Sync;

impl Policy {
    /// Anybody may do anything: join every room, send to everybody, make others join and leave. For trusted clients, trials
    /// and tests.
    pub fn allow_all() -> Self {
        Self::new(|_, _| true)
    }

    /// Asks `allows` before each request; a refused one is answered with `denied`. It is called on the socket's lane and
    /// must not block. A panic ends the one connection.
    pub fn new(allows: impl Fn(&Socket, &Op<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allows))
    }

    pub(crate) fn allows(&self, socket: &Socket, op: &Op<'_>) -> bool {
        (self.0)(socket, op)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policy")
    }
}
