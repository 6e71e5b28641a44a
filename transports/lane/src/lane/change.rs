//! A connection goes on as something else: with another protocol, or outside the lane.
//!
//! Both are asked for by the connection's protocol while it is called ([`Context::replace`], [`Context::eject`]), and done when
//! that call has returned: until then the protocol is in use.
//!
//! [`Context::replace`]: crate::Context::replace
//! [`Context::eject`]: crate::Context::eject

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::guard;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::call::drop_protocol;
use crate::lane::connection::State;
use crate::lane::log::Note;
use crate::link::Io;
use crate::link::stream::Stream;
use crate::protocol::Protocol;
use crate::protocol::close::Close;
use crate::protocol::context::Place;
use crate::protocol::wire::Wire;

/// What becomes of a connection.
pub(crate) enum Change {
    /// Another protocol on its stream.
    Replace { protocol: Box<dyn Protocol>, wire: Wire },
    /// Its stream is somebody else's.
    Eject(Box<dyn FnOnce(Stream)>),
}

impl Lane {
    /// Does it; the protocol so far is gone.
    pub(crate) fn change(&mut self, key: Key, change: Change) {
        match change {
            Change::Replace { protocol, wire } => self.replace(key, protocol, wire),
            Change::Eject(take) => self.eject(key, take),
        }
    }

    fn replace(&mut self, key: Key, protocol: Box<dyn Protocol>, wire: Wire) {
        let Some(connection) = self.connection(key).filter(|connection| connection.state == State::Open) else {
            drop_protocol(protocol);
            self.control.clear();
            return self.remove(key, &Close::ended());
        };
        connection.codec = wire.codec();
        connection.wire = wire;
        connection.protocol = Some(protocol);
        connection.unseen = true;
        // As if it read, wherever this is: what it queues comes behind what is greeted with.
        self.call_at(key, Place::Reading, |protocol, cx| {
            protocol.handle_open(cx);
            cx.greet();
        });
    }

    /// Moves control bytes into the log, so that they go out in one write with what else the connection gets this turn.
    pub(crate) fn greet(&mut self, key: Key) {
        let mut control = std::mem::take(&mut self.control);
        self.append(key, &control, Note::OWN);
        control.clear();
        self.control = control;
        if let Some(connection) = self.connection(key) {
            connection.greets = true;
        }
    }

    fn eject(&mut self, key: Key, take: Box<dyn FnOnce(Stream)>) {
        self.control.clear();
        let Some(connection) = self.connection(key) else { return };
        let io = std::mem::replace(&mut connection.io, Io::None);
        // Whoever takes the stream counts it from then on.
        self.remove(key, &Close::ended());
        let stream = match Stream::off(io) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!("a connection was lost while it was given away: {error}"),
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| take(stream))) {
            tracing::error!("a stream was lost where it was given to: {}", guard::text(&*panic));
            self.counters().protocol_panics.add(1);
        }
    }
}
