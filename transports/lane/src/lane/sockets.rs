//! Sockets of connections: in, events, answers, out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use roomcast::{Closed, FormerMember, Offset, OwnedSocket, Resumed, Socket, SocketId};

use crate::application::connect::{Connect, NewSocket};
use crate::application::disconnect::{Disconnect, DisconnectReason};
use crate::application::event::Event;
use crate::application::handshake::{Handshake, Refusal};
use crate::application::reply::{AckToken, Answer, Reply};
use crate::application::{Application, BoxFuture};
use crate::guard;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::connection::{Attached, Binding, Connecting, Holds, Orphan, State};
use crate::lane::held::Held;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;
use crate::lanes::tasks;
use crate::protocol::close::Close;

/// Events in flight at which a connection is read no further, and at which it is read again.
const IN_FLIGHT_MAX: u32 = 64;
const IN_FLIGHT_RESUME: u32 = 32;

impl Lane {
    /// Connects a socket and asks the application. The outcome comes through the inbox.
    pub(crate) fn connect(&mut self, key: Key, connect: Connect, holds_input: bool) -> Option<NewSocket> {
        let Connect { namespace, id, application, mut handshake, resume } = connect;
        let (max, now) = (self.outbox_limit(key.index), self.now);
        let connection = self.connection(key).filter(|connection| connection.state == State::Open)?;
        let application = application.unwrap_or_else(|| Arc::clone(connection.wire.application()));
        if holds_input {
            connection.hold(Holds::CONNECTING, now);
        }
        let resumed = resume.and_then(|(who, after)| self.resume(&namespace, &who, after, max));
        let recovered = resumed.is_some();
        let (owned, missed) = match resumed {
            Some(Resumed { socket, missed, .. }) => (socket, missed),
            None => match self.connect_new(&namespace, id) {
                Ok(owned) => (owned, Vec::new()),
                Err(refusal) => {
                    tracing::debug!("a socket was not connected: {refusal}");
                    let refusal = refusal.status(503);
                    self.counters().refused.add(1);
                    self.shared.push(Order::NoPlace { to: key, namespace, refusal, holds_input });
                    return None;
                }
            },
        };
        handshake.recovered = recovered;
        let (id, socket) = (owned.id(), Socket::clone(&owned));
        if application.wants_rooms() {
            owned.report_rooms();
        }
        let held = self.held.insert(Held::with_missed(key, missed)) as u32;
        let connection = self.connection(key)?;
        let binding = Binding { route: held, codec: connection.codec, held: true };
        let connecting = Some(Connecting { held, holds_input });
        if connection.sockets.is_empty() {
            connection.sockets.reserve_exact(1);
        }
        connection.sockets.push(Attached { owned, application: Arc::clone(&application), namespace, connecting });
        self.table.bind(id, binding);
        self.ask(&application, socket, handshake);
        Some(NewSocket { id, recovered })
    }

    fn connect_new(&mut self, namespace: &Arc<str>, id: Option<String>) -> Result<OwnedSocket, Refusal> {
        let id = id.or_else(|| self.ids.id()).ok_or_else(|| Refusal::new("the system has no randomness"))?;
        self.ports.get(namespace).connect(&id).map_err(|error| Refusal::new(error.to_string()))
    }

    /// Brings a former socket back, if the journal has all that it missed, that is not more than `max` bytes, and it can be in
    /// all its rooms again.
    fn resume(&mut self, namespace: &Arc<str>, who: &FormerMember, after: Offset, max: usize) -> Option<Resumed> {
        let engine = self.ports.get(namespace).engine().clone();
        let resumed = engine.journal()?.resume(who, after, || self.ports.get(namespace).connect(&who.id));
        match resumed {
            Ok(resumed) if !resumed.refused.is_empty() => {
                tracing::debug!("a socket is not recovered: it cannot be in the rooms {:?} again", resumed.refused);
                None
            }
            Ok(resumed) if resumed.missed.iter().map(|(message, _)| message.size()).sum::<usize>() <= max => {
                Some(resumed)
            }
            Ok(_) => {
                tracing::debug!("a socket is not recovered: it missed more than may wait for a connection");
                None
            }
            Err(error) => {
                tracing::debug!("a socket is not recovered: {error}");
                None
            }
        }
    }

    /// Polls the application's answer once; one that takes longer goes on elsewhere.
    fn ask(&self, application: &Arc<dyn Application>, socket: Socket, handshake: Handshake) {
        let id = socket.id();
        let late = (Arc::clone(application), socket.clone());
        let outcome = Outcome { lane: Arc::clone(&self.shared), socket: Some(id), late };
        let start = || {
            let mut future = application.connect(socket, handshake);
            match tasks::poll_once(&mut future) {
                Poll::Ready(result) => Ok(result),
                Poll::Pending => Err(future),
            }
        };
        match guard::call_handler(self.shared.index, &self.shared.counters, "connect", start) {
            Some(Ok(result)) => outcome.report(result),
            Some(Err(future)) => self.tasks.spawn(Box::pin(outcome.wait_for(future))),
            None => outcome.report(Err(failed())),
        }
    }

    /// The application let a socket in, or did not.
    pub(crate) fn socket_outcome(&mut self, id: SocketId, result: Result<(), Refusal>) {
        self.counters().refused.add(usize::from(result.is_err()));
        let Some((key, at)) = self.find(id) else {
            return self.orphan_outcome(id, result.is_ok());
        };
        let Some(connecting) = self.connections[key.index as usize].sockets[at].connecting else { return };
        match result {
            Ok(()) => self.let_in(key, at, connecting),
            Err(refusal) => {
                let attached = self.detach(key, at);
                let namespace = Arc::clone(&attached.namespace);
                // Closed first, or the engine would tell this lane what it knows.
                attached.owned.close();
                drop(attached);
                self.socket_refused(key, &namespace, &refusal, connecting.holds_input);
            }
        }
    }

    /// Tells the client that it is connected, and then what was sent to it meanwhile.
    fn let_in(&mut self, key: Key, at: usize, connecting: Connecting) {
        let attached = &self.connections[key.index as usize].sockets[at];
        let (id, socket) = (attached.owned.id(), Socket::clone(&attached.owned));
        let namespace = Arc::clone(&attached.namespace);
        self.call(key, |protocol, cx| protocol.handle_connected(&socket, cx));
        // The protocol may have ended the socket, or the connection.
        if let Some((key, at)) = self.find(id) {
            self.connections[key.index as usize].sockets[at].connecting = None;
            if let Some(binding) = self.table.get_mut(id) {
                (binding.route, binding.held) = (key.index, false);
            }
            if let Some(held) = self.held.try_remove(connecting.held as usize) {
                self.deliver_held(key, &namespace, held);
            }
        }
        if connecting.holds_input {
            self.release(key, Holds::CONNECTING);
        }
    }

    /// Tells a protocol that a socket did not come in.
    pub(crate) fn socket_refused(&mut self, key: Key, namespace: &str, refusal: &Refusal, holds_input: bool) {
        self.call_or_close(key, |protocol, cx| protocol.handle_refused(namespace, refusal, cx));
        if holds_input {
            self.release(key, Holds::CONNECTING);
        }
    }

    /// Gives an event to the application; false if the socket is not connected.
    pub(crate) fn event(&mut self, key: Key, id: SocketId, event: Event<'_>, ack: Option<AckToken>) -> bool {
        self.events += 1;
        // Unique in the process, since a reply may be finished on another lane's thread.
        let serial = (self.shared.index as u64) << 48 | self.events;
        let Some(connection) = self.connections.get(key.index as usize) else { return false };
        let attached = connection.sockets.iter().find(|attached| attached.owned.id() == id);
        let Some(attached) = attached.filter(|attached| attached.connecting.is_none()) else { return false };
        let reply = Reply::new(&self.shared, key, id, ack, serial);
        let counters = &self.shared.counters;
        counters.events.add(1);
        let name = event.name_for_log();
        let pending = Reply::is_pending_after(serial, || {
            let call = || attached.application.event(&attached.owned, event, reply);
            guard::call_handler(self.shared.index, counters, &name, call);
        });
        let now = self.now;
        if pending && let Some(connection) = self.connection(key) {
            connection.in_flight += 1;
            if connection.in_flight >= IN_FLIGHT_MAX {
                connection.hold(Holds::REQUESTS, now);
            }
        }
        true
    }

    /// An event is finished.
    pub(crate) fn reply(&mut self, key: Key, id: SocketId, answer: Option<(AckToken, Answer)>, counted: bool) {
        if counted && let Some(connection) = self.connection(key) {
            connection.in_flight = connection.in_flight.saturating_sub(1);
            if connection.in_flight <= IN_FLIGHT_RESUME {
                self.release(key, Holds::REQUESTS);
            }
        }
        if let Some((ack, answer)) = answer
            && self.find(id).is_some()
        {
            self.call(key, |protocol, cx| protocol.handle_reply(id, ack, answer, cx));
        }
    }

    /// The program disconnected a socket.
    pub(crate) fn socket_closed(&mut self, closed: Closed) {
        let Closed { id, rooms, connection } = closed;
        if let Some((key, at)) = self.find(id) {
            let attached = self.detach(key, at);
            let bye = Disconnect { reason: DisconnectReason::ServerLeft, rooms };
            let holds_input = attached.connecting.is_some_and(|connecting| connecting.holds_input);
            self.finish(attached, bye, false);
            self.call_or_close(key, |protocol, cx| protocol.handle_disconnected(id, cx));
            if holds_input {
                self.release(key, Holds::CONNECTING);
            }
            if connection {
                self.close_whole(key);
            }
        } else if let Some(orphan) = self.orphans.get_mut(&id) {
            orphan.bye.rooms = rooms;
            orphan.waits_for_closed = false;
            self.settle_orphan(id);
        }
    }

    /// The program ends a connection: each of its sockets as if it had been disconnected, then the connection itself.
    fn close_whole(&mut self, key: Key) {
        while let Some(id) = self.connection(key).and_then(|connection| Some(connection.sockets.first()?.owned.id())) {
            self.end_socket(key, id, DisconnectReason::ServerLeft);
            self.call_or_close(key, |protocol, cx| protocol.handle_disconnected(id, cx));
        }
        self.begin_close(key, &Close::server_left());
    }

    /// Ends a socket of a connection from this side.
    pub(crate) fn end_socket(&mut self, key: Key, id: SocketId, reason: DisconnectReason) {
        let Some((key, at)) = self.find(id).filter(|(found, _)| *found == key) else { return };
        let attached = self.detach(key, at);
        self.close_attached(attached, reason);
    }

    /// Ends a socket that its connection has given up.
    pub(crate) fn close_attached(&mut self, attached: Attached, reason: DisconnectReason) {
        self.unbind(&attached);
        match attached.owned.close() {
            Some(rooms) => self.finish(attached, Disconnect { reason, rooms }, false),
            // Somebody was faster; the rooms come with the news of it.
            None => {
                let bye = Disconnect { reason: DisconnectReason::ServerLeft, rooms: Vec::new() };
                self.finish(attached, bye, true);
            }
        }
    }

    /// Tells the application that a socket is gone, once nothing is awaited any more.
    fn finish(&mut self, attached: Attached, bye: Disconnect, waits_for_closed: bool) {
        let Attached { owned, application, connecting, .. } = attached;
        let id = owned.id();
        let orphan = Orphan {
            owned,
            application,
            bye,
            waits_for_outcome: connecting.is_some(),
            waits_for_closed,
            was_connected: connecting.is_none(),
        };
        self.orphans.insert(id, orphan);
        self.settle_orphan(id);
    }

    pub(crate) fn orphan_outcome(&mut self, id: SocketId, was_connected: bool) {
        if let Some(orphan) = self.orphans.get_mut(&id) {
            orphan.waits_for_outcome = false;
            orphan.was_connected = was_connected;
            self.settle_orphan(id);
        }
    }

    fn settle_orphan(&mut self, id: SocketId) {
        let settled = |orphan: &Orphan| !orphan.waits_for_outcome && !orphan.waits_for_closed;
        if !self.orphans.get(&id).is_some_and(settled) {
            return;
        }
        if let Some(orphan) = self.orphans.remove(&id) {
            self.say_goodbye(orphan);
        }
    }

    pub(crate) fn say_goodbye(&self, orphan: Orphan) {
        let Orphan { owned, application, bye, was_connected, .. } = orphan;
        if was_connected {
            let call = || application.disconnected(&owned, bye);
            guard::call_handler(self.shared.index, &self.shared.counters, "disconnected", call);
        }
    }

    /// Takes a socket off its connection; nothing is delivered to it any more.
    fn detach(&mut self, key: Key, at: usize) -> Attached {
        let attached = self.connections[key.index as usize].sockets.remove(at);
        self.unbind(&attached);
        attached
    }

    fn unbind(&mut self, attached: &Attached) {
        self.table.unbind(attached.owned.id());
        if let Some(connecting) = attached.connecting
            && let Some(held) = self.held.try_remove(connecting.held as usize)
        {
            self.counters().lost.add_shared(held.len());
        }
    }

    /// Where a socket is.
    fn find(&self, id: SocketId) -> Option<(Key, usize)> {
        let binding = self.table.get(id)?;
        let index = match binding.held {
            true => self.held.get(binding.route as usize)?.connection.index,
            false => binding.route,
        };
        let at = self.connections.get(index as usize)?.sockets.iter().position(|attached| attached.owned.id() == id)?;
        Some((self.key_of(index)?, at))
    }

    /// Switches the codec of a connection's sockets, those to come included.
    pub(crate) fn set_codec(&mut self, key: Key, codec: crate::CodecId) {
        let Self { connections, table, .. } = self;
        let connection = connections.get_mut(key.index as usize).filter(|c| c.generation == key.generation);
        let Some(connection) = connection else { return };
        connection.codec = codec;
        for attached in &connection.sockets {
            if let Some(binding) = table.get_mut(attached.owned.id()) {
                binding.codec = codec;
            }
        }
    }

    /// Ends all sockets of a connection.
    pub(crate) fn end_sockets(&mut self, sockets: Vec<Attached>, close: &Close) {
        for attached in sockets {
            self.close_attached(attached, close.reason().clone());
        }
    }
}

/// Reports how a connect went, whatever becomes of the application's future.
struct Outcome {
    lane: Arc<LaneShared>,
    socket: Option<SocketId>,
    /// Who is to hear of the end of whom, if the lane has ended.
    late: (Arc<dyn Application>, Socket),
}

impl Outcome {
    fn report(mut self, result: Result<(), Refusal>) {
        self.push(result);
    }

    fn push(&mut self, result: Result<(), Refusal>) {
        let Some(socket) = self.socket.take() else { return };
        let let_in = result.is_ok();
        if self.lane.push(Order::Outcome { socket, result }) {
            return;
        }
        let bye = self.lane.byes().remove(&socket);
        if let Some(bye) = bye.filter(|_| let_in) {
            let (application, socket) = &self.late;
            let call = || application.disconnected(socket, bye);
            guard::call_handler(self.lane.index, &self.lane.counters, "disconnected", call);
        }
    }

    async fn wait_for(self, future: BoxFuture<Result<(), Refusal>>) {
        let result = AssertUnwindSafe(future).catch_unwind().await;
        let result = result.unwrap_or_else(|panic| {
            guard::report_panic(Some(&self.lane.counters), "connect", &*panic);
            Err(failed())
        });
        self.report(result);
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.push(Err(failed()));
    }
}

fn failed() -> Refusal {
    Refusal::new("internal error").status(500)
}
