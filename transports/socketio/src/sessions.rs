//! Which sessions live, and where: found by every HTTP request, whatever connection it came on.
//!
//! A session is created on a lane and stays there; TCP connections come and go. The map is split into shards, each locked for
//! one look at a time, by handshakes, polling requests, upgrades and ends. WebSockets that are open do not touch it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;
use roomcast_lane::Port;
use roomcast_socketio_protocol::engineio::Revision;

use crate::sid::Sid;

const SHARDS: usize = 16;

/// All sessions of one mounted endpoint. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hasher: RandomState,
    shards: [Mutex<HashMap<Sid, Found>>; SHARDS],
}

/// A session that lives.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) port: Port,
    pub(crate) revision: Revision,
}

/// A session can be found while this lives.
pub(crate) struct Registered {
    sessions: Sessions,
    sid: Sid,
}

impl Sessions {
    /// Lets a session be found.
    pub(crate) fn register(&self, sid: Sid, port: Port, revision: Revision) -> Registered {
        self.shard(sid).lock().insert(sid, Found { port, revision });
        Registered { sessions: self.clone(), sid }
    }

    /// The session with this id.
    pub(crate) fn find(&self, sid: &str) -> Option<Found> {
        let sid = Sid::parse(sid)?;
        self.shard(sid).lock().get(&sid).cloned()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, sid: Sid) -> &Mutex<HashMap<Sid, Found>> {
        &self.0.shards[self.0.hasher.hash_one(sid) as usize % SHARDS]
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.sessions.shard(self.sid).lock().remove(&self.sid);
    }
}
