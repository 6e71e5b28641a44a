//! What other threads hold of a connection.

use std::any::Any;
use std::sync::Arc;

use crate::key::Key;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;
use crate::protocol::close::Close;

/// Reaches one connection from anywhere: [`Context::port`](crate::Context::port). Keeps nothing open.
#[derive(Clone, Debug)]
pub struct Port {
    pub(crate) lane: Arc<LaneShared>,
    pub(crate) key: Key,
}

impl Port {
    /// Sends something to the connection's [`Protocol::handle_message`](crate::Protocol::handle_message), in order with
    /// broadcasts and replies of the same thread. If the connection is gone, or its lane, the message is dropped; put
    /// something into it that tells you so, as a oneshot sender. Costs a short lock and an allocation.
    pub fn send<M: Any + Send>(&self, message: M) {
        self.lane.push(Order::Message { to: self.key, message: Box::new(message) });
    }

    /// Ends the connection, behind what was queued before.
    pub fn close(&self, close: Close) {
        self.lane.push(Order::Close { to: self.key, close });
    }

    /// The number of the lane that owns the connection.
    pub fn lane(&self) -> usize {
        self.lane.index
    }
}
