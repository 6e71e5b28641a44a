//! Deliveries to sockets whose clients have not heard that they are connected.

use roomcast::{Class, Delivery, Message, Offset};

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
    pub(crate) ack: Option<u64>,
    pub(crate) offset: Option<Offset>,
}

impl Held {
    pub(crate) fn new(connection: Key) -> Self {
        Self { connection, messages: Vec::new(), bytes: 0 }
    }

    /// Keeps a delivery's message as its class says, if there are less than `max` bytes, not counted what it replaces.
    pub(crate) fn push(&mut self, delivery: &Delivery, max: usize) -> Pushed {
        let Delivery { message, ack, offset, .. } = delivery;
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
        self.bytes -= freed;
        self.keep(HeldMessage { message: message.clone(), ack: *ack, offset: *offset });
        if replaceable.is_some() { Pushed::Replaced } else { Pushed::Kept }
    }

    /// With what a socket missed that comes back.
    pub(crate) fn with_missed(connection: Key, missed: Vec<(Message, Offset)>) -> Self {
        let mut held = Self::new(connection);
        for (message, offset) in missed {
            held.keep(HeldMessage { message, ack: None, offset: Some(offset) });
        }
        held
    }

    fn keep(&mut self, held: HeldMessage) {
        self.bytes += held.size();
        self.messages.push(held);
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use roomcast::{Backlog, Closed, Engine, Lane};

    use super::*;

    #[derive(Default)]
    struct Post(Mutex<Vec<Delivery>>);

    impl Lane for Post {
        fn backlog(&self) -> Backlog {
            Backlog::default()
        }

        fn deliver(&self, delivery: Delivery) {
            self.0.lock().unwrap().push(delivery);
        }

        fn close(&self, _closed: Closed) {}
    }

    #[test]
    fn a_message_keeps_its_number_and_its_offset() {
        let (engine, post) = (Engine::new(), Arc::new(Post::default()));
        engine.keep_journal(1 << 20);
        let socket = engine.attach(Arc::clone(&post) as Arc<dyn Lane>).connect(&"a".repeat(20)).unwrap();
        socket.send(&Message::raw("e", "1"));
        socket.ask(&Message::raw("e", "1"), |_| 7);
        let mut held = Held::new(Key { index: 0, generation: 0 });
        post.0.lock().unwrap().iter().for_each(|delivery| assert_eq!(held.push(delivery, 10_000), Pushed::Kept));
        let kept: Vec<_> = held.into_messages().iter().map(|held| (held.ack, held.offset)).collect();
        let offset = engine.journal().map(|journal| journal.last());
        assert_eq!(kept, [(None, offset), (Some(7), offset)]);
    }
}
