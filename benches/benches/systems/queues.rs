//! A queue for each socket: what the rivals put a message into.

use bytes::Bytes;
use parking_lot::Mutex;

/// Unbounded queues that share one allocation a message.
pub(crate) struct Queues(Vec<Mutex<Vec<Bytes>>>);

impl Queues {
    pub(crate) fn new(sockets: usize) -> Self {
        Self((0..sockets).map(|_| Mutex::new(Vec::with_capacity(64))).collect())
    }

    pub(crate) fn push(&self, socket: usize, message: &Bytes) {
        self.0[socket].lock().push(message.clone());
    }

    pub(crate) fn empty(&mut self) {
        for queue in &mut self.0 {
            queue.get_mut().clear();
        }
    }
}
