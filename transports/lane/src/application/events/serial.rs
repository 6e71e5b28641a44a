//! One event of a socket after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomcast::{Socket, SocketId};

use super::Inner;
use crate::application::event::Event;
use crate::application::reply::Reply;
use crate::lanes::tasks;

/// Which sockets have an event in work, and what waits behind it. A socket that is not in the map has none.
#[derive(Default)]
pub(super) struct Serial(Mutex<HashMap<SocketId, VecDeque<(Event<'static>, Reply)>>>);

impl Serial {
    /// Begins an event if its socket has none in work. All events of a socket come from its lane, or, where this is the fallback
    /// of other serial events, from their task for the socket: nobody else begins one between the look and the note.
    pub(super) fn event(serial: &Arc<Self>, events: &Arc<Inner>, socket: &Socket, event: Event<'_>, reply: Reply) {
        if let Some(waiting) = serial.lock().get_mut(&socket.id()) {
            waiting.push_back((event.into_owned(), reply));
            return;
        }
        let Some(future) = events.start(socket, event, reply) else { return };
        serial.lock().insert(socket.id(), VecDeque::new());
        let (events, socket) = (Arc::clone(events), socket.clone());
        let mut working = Working { serial: Arc::clone(serial), socket: socket.id(), finished: false };
        tasks::spawn(
            "event",
            Box::pin(async move {
                future.await;
                while let Some((event, reply)) = working.next() {
                    if let Some(future) = events.start(&socket, event, reply) {
                        future.await;
                    }
                }
            }),
        );
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketId, VecDeque<(Event<'static>, Reply)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that works for a socket. When it goes, however, the socket has no event in work any more.
struct Working {
    serial: Arc<Serial>,
    socket: SocketId,
    finished: bool,
}

impl Working {
    fn next(&mut self) -> Option<(Event<'static>, Reply)> {
        let mut sockets = self.serial.lock();
        let next = sockets.get_mut(&self.socket)?.pop_front();
        if next.is_none() {
            // Another task may begin for the socket from now on; its entry is not ours to remove.
            sockets.remove(&self.socket);
            self.finished = true;
        }
        next
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let waiting = self.serial.lock().remove(&self.socket);
        // Outside the lock: dropping replies tells lanes.
        drop(waiting);
    }
}
