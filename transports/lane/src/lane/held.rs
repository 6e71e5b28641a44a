//! Deliveries to sockets whose clients have not heard that they are connected.

use roomcast::{Class, Delivery, Message, Namespace, Offset};

use crate::key::Key;
use crate::lane::outbox::Pushed;

/// What a connecting socket will get once its client has heard that it is connected. Messages, not bytes: the connection may
/// speak another codec by then.
pub(crate) struct Held {
    pub(crate) connection: Key,
    messages: Vec<HeldMessage>,
    bytes: usize,
}

pub(crate) struct HeldMessage {
    pub(crate) message: Message,
    pub(crate) namespace: Namespace,
    pub(crate) ack: Option<u64>,
    pub(crate) offset: Option<Offset>,
}

impl Held {
    pub(crate) fn new(connection: Key) -> Self {
        Self { connection, messages: Vec::new(), bytes: 0 }
    }

    /// Keeps a delivery's message as its class says, if there are less than `max` bytes, not counted what it replaces.
    pub(crate) fn push(&mut self, delivery: &Delivery, max: usize) -> Pushed {
        let Delivery { message, namespace, ack, offset, .. } = delivery;
        let replaceable = match message.class() {
            Class::Volatile => return Pushed::Dropped,
            class @ Class::Latest(_) => self.messages.iter().rposition(|held| held.message.class() == class),
            Class::Reliable => None,
        };
        let freed = replaceable.map_or(0, |at| self.messages[at].size());
        if self.bytes - freed >= max {
            return Pushed::Full;
        }
        if let Some(at) = replaceable {
            self.messages.remove(at);
        }
        let held = HeldMessage { message: message.clone(), namespace: namespace.clone(), ack: *ack, offset: *offset };
        self.bytes = self.bytes - freed + held.size();
        self.messages.push(held);
        if replaceable.is_some() { Pushed::Replaced } else { Pushed::Kept }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_messages(self) -> Vec<HeldMessage> {
        self.messages
    }
}

impl HeldMessage {
    fn size(&self) -> usize {
        size_of::<Self>() + self.message.size()
    }
}
