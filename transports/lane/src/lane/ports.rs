//! The lane's ways to the engine, one a namespace.

use std::collections::HashMap;
use std::sync::Arc;

use roomcast::{Engine, LanePort};

use crate::SMALL;

/// Ports at which those are looked for that have no sockets.
const SEARCH_FROM: usize = if SMALL { 2 } else { 64 };

/// The port of the first namespace, and of each other while there are sockets in it and a while longer: never of more than
/// twice those, and [`SEARCH_FROM`].
#[derive(Clone)]
pub(crate) struct Ports {
    first: LanePort,
    others: HashMap<Arc<str>, LanePort>,
    search_at: usize,
}

impl Ports {
    pub(crate) fn new(first: LanePort) -> Self {
        Self { first, others: HashMap::new(), search_at: SEARCH_FROM }
    }

    /// The port of the namespace with this name.
    pub(crate) fn get(&mut self, name: &Arc<str>) -> &LanePort {
        let Self { first, others, search_at } = self;
        if **name == *first.engine().name() {
            return first;
        }
        if others.len() >= *search_at && !others.contains_key(name) {
            others.retain(|_, port| port.is_used());
            *search_at = SEARCH_FROM.max(2 * others.len());
        }
        others.entry(Arc::clone(name)).or_insert_with(|| first.namespace(name))
    }

    /// The engine, in its first namespace.
    pub(crate) fn engine(&self) -> &Engine {
        self.first.engine()
    }
}

#[cfg(test)]
mod tests {
    use roomcast::{Backlog, Closed, Delivery, Lane};

    use super::*;

    struct Deaf;

    impl Lane for Deaf {
        fn backlog(&self) -> Backlog {
            Backlog::default()
        }

        fn deliver(&self, _delivery: Delivery) {}

        fn close(&self, _closed: Closed) {}
    }

    #[test]
    fn ports_without_sockets_do_not_add_up() {
        let engine = Engine::new();
        let mut ports = Ports::new(engine.attach(Arc::new(Deaf)));
        let used: Vec<_> = (0..10).map(|name| ports.get(&format!("/used-{name}").into()).connect(&id(name))).collect();
        for name in 0..1_000 {
            ports.get(&format!("/{name}").into());
        }
        assert!(ports.others.len() <= SEARCH_FROM.max(20) + 1, "{}", ports.others.len());
        for (name, socket) in used.iter().enumerate() {
            let port = &ports.others[&*format!("/used-{name}")];
            assert!(std::ptr::eq(port.engine(), socket.as_ref().unwrap().engine()), "the same handle");
        }
    }

    fn id(number: usize) -> String {
        format!("{number:020}")
    }
}
