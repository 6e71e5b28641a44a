//! Calling protocols, and when to call them next.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::SMALL;
use crate::guard;
use crate::key::Key;
use crate::lane::Lane;
use crate::lane::connection::State;
use crate::lane::flush::Slow;
use crate::lane::timers::Armed;
use crate::protocol::Protocol;
use crate::protocol::close::Close;
use crate::protocol::context::{Context, Place};

/// Timers that a turn runs at most.
const TIMERS_MAX: usize = if SMALL { 4 } else { 256 };

impl Lane {
    /// Calls a connection's protocol while the inbox is drained; `None` if there is none any more, or it is on its way out, but
    /// for one that waits until its output is taken.
    pub(crate) fn call<R>(
        &mut self,
        key: Key,
        call: impl FnOnce(&mut dyn Protocol, &mut Context<'_>) -> R,
    ) -> Option<R> {
        if self.connection(key)?.is_called() { self.call_at(key, Place::Ordered, call) } else { None }
    }

    /// The same; an error ends the connection.
    pub(crate) fn call_or_close(
        &mut self,
        key: Key,
        call: impl FnOnce(&mut dyn Protocol, &mut Context<'_>) -> Result<(), Close>,
    ) {
        if let Some(Err(close)) = self.call(key, call) {
            self.begin_close(key, &close);
        }
    }

    /// Calls a connection's protocol in any state.
    pub(crate) fn call_at<R>(
        &mut self,
        key: Key,
        place: Place,
        call: impl FnOnce(&mut dyn Protocol, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let mut protocol = self.connection(key)?.protocol.take()?;
        let mut context = Context::new(self, key, place);
        match catch_unwind(AssertUnwindSafe(|| call(&mut *protocol, &mut context))) {
            Ok(result) => {
                let change = self.change.take_if(|(at, _)| *at == key);
                if let Some((_, change)) = change {
                    drop_protocol(protocol);
                    self.change(key, change);
                } else if let Some(connection) = self.connection(key) {
                    connection.protocol = Some(protocol);
                    self.after_call(key);
                } else {
                    // It ended itself.
                    drop_protocol(protocol);
                    self.control.clear();
                }
                Some(result)
            }
            Err(panic) => {
                tracing::error!("a protocol panicked: {}", guard::text(&*panic));
                self.counters().protocol_panics.add(1);
                self.change = None;
                drop_protocol(protocol);
                self.control.clear();
                self.remove(key, &Close::internal("panic"));
                None
            }
        }
    }

    fn after_call(&mut self, key: Key) {
        if !self.control.is_empty() {
            let mut control = std::mem::take(&mut self.control);
            self.write_control(key, &control);
            control.clear();
            self.control = control;
        }
        self.rearm(key);
    }

    /// Sees to it that the connection comes up when the first of its deadlines has passed.
    pub(crate) fn rearm(&mut self, key: Key) {
        let (age, now) = (self.limits.outbox_age_max, self.now);
        let Self { connections, timers, .. } = self;
        let connection = connections.get_mut(key.index as usize).filter(|c| c.generation == key.generation);
        let Some(connection) = connection else { return };
        let own = match connection.state {
            State::Closing { until, .. } => Some(until),
            _ if connection.overdue => None,
            _ => connection.protocol.as_ref().and_then(|protocol| protocol.poll_timeout()),
        };
        let outbox = connection.outbox.as_ref().filter(|_| !connection.io.is_none());
        let stalled = outbox.and_then(|outbox| outbox.progress().checked_add(age));
        let held = connection.hold_deadline(now);
        if let Some(deadline) = [own, stalled, held].into_iter().flatten().min() {
            timers.arm(key, &mut connection.armed, deadline, now);
        }
    }

    /// Runs what is due; true if there is more.
    pub(crate) fn run_timers(&mut self) -> bool {
        self.run_drain();
        while let Some((_, key)) = self.unheard.pop_front_if(|(behind, _)| *behind <= self.obeyed) {
            self.overdue.push(key);
        }
        while let Some(key) = self.overdue.pop() {
            self.time_out_late(key);
        }
        for _ in 0..TIMERS_MAX {
            let Some((key, armed)) = self.timers.pop(self.now) else { return false };
            if let Some(connection) = self.connection(key)
                && connection.armed == armed
            {
                connection.armed = Armed::NO;
                self.time_out(key);
                self.rearm(key);
            }
        }
        true
    }

    fn time_out(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        if let State::Closing { until, .. } = connection.state
            && until <= now
        {
            return self.remove(key, &Close::ended());
        }
        // One that is ready may be about to take something.
        if !connection.waits_to_be_read() && self.cut_off_stalled(key) {
            return;
        }
        self.time_out_hold(key);
        let waiting = self.orders.len() as u64;
        let Some(connection) = self.connection(key) else { return };
        // What it waits for may lie in the stream, or among the orders.
        let has_stream = !connection.io.is_none();
        connection.overdue = if has_stream { connection.waits_to_be_read() } else { waiting > 0 };
        if !connection.overdue {
            self.time_out_protocol(key);
        } else if !has_stream {
            self.unheard.push_back((self.obeyed + waiting, key));
        }
    }

    /// A connection was heard: a deadline that passed before is looked at.
    fn time_out_late(&mut self, key: Key) {
        if self.connection(key).is_some_and(|connection| std::mem::take(&mut connection.overdue))
            && !self.cut_off_stalled(key)
        {
            self.time_out_protocol(key);
            self.rearm(key);
        }
    }

    /// Cuts a peer off that has taken nothing for too long; whether it was one.
    fn cut_off_stalled(&mut self, key: Key) -> bool {
        let (age, now) = (self.limits.outbox_age_max, self.now);
        let Some(connection) = self.connection(key).filter(|connection| !connection.io.is_none()) else { return false };
        let Some(outbox) = &connection.outbox else { return false };
        let is_stalled = outbox.progress().checked_add(age).is_some_and(|until| until <= now);
        let queued = outbox.bytes();
        if is_stalled {
            self.cut_off(key, queued, Slow::Stalled);
        }
        is_stalled
    }

    fn time_out_protocol(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key).filter(|connection| connection.state == State::Open) else {
            return;
        };
        let due = connection.protocol.as_ref().and_then(|protocol| protocol.poll_timeout());
        if due.is_some_and(|due| due <= now) {
            self.call_or_close(key, |protocol, cx| protocol.handle_timeout(now, cx));
        }
    }
}

/// Drops a protocol; its panic, if it has one there, is not the lane's end.
pub(crate) fn drop_protocol(protocol: Box<dyn Protocol>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(protocol))) {
        tracing::error!("a protocol panicked while it was dropped: {}", guard::text(&*panic));
    }
}
