//! Deliveries to sockets whose clients have not heard that they are connected.

use roomcast::{Class, Delivery, Message, Namespace};

use crate::key::Key;

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
}

impl Held {
    pub(crate) fn new(connection: Key) -> Self {
        Self { connection, messages: Vec::new(), bytes: 0 }
    }

    /// Keeps a delivery's message as its class says; false if there are `max` bytes already.
    pub(crate) fn push(&mut self, delivery: &Delivery, max: usize) -> bool {
        let Delivery { message, namespace, ack, .. } = delivery;
        match message.class() {
            Class::Volatile => return true,
            class @ Class::Latest(_) => {
                if let Some(at) = self.messages.iter().rposition(|held| held.message.class() == class) {
                    let replaced = self.messages.remove(at);
                    self.bytes -= replaced.size();
                }
            }
            Class::Reliable => {}
        }
        if self.bytes >= max {
            return false;
        }
        let held = HeldMessage { message: message.clone(), namespace: namespace.clone(), ack: *ack };
        self.bytes += held.size();
        self.messages.push(held);
        true
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
