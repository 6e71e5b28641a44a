//! Clients that lost their connection and come back (Socket.IO's connection state recovery).
//!
//! With CONNECT the server gives out a secret, `pid`, and with each event its offset in the namespace's journal. A client that
//! comes back says both. If the journal still has all that came after, it is again who it was: same id, same rooms, and what it
//! missed follows, each message once, however much is sent meanwhile (`roomcast::Journal` has the proof).
//!
//! A secret has one owner. It is taken when a client comes with it, so nobody can come twice. If the former connection still
//! seems to live, because nobody has noticed yet that it is dead, its socket is disconnected first: who knows the secret is the
//! client.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use roomcast::{Engine, FormerMember, Offset, SocketId};
use roomcast_lane::{Disconnect, DisconnectReason};
use serde::Deserialize;

use crate::sid::Sid;

/// How connections are recovered: [`SocketIoBuilder::recovery`](crate::SocketIoBuilder::recovery).
///
/// While it is on, the broadcasts of a namespace run one after another ([`Engine::keep_journal`]), and every event without an
/// acknowledgement has one argument more: its offset, which is how the protocol has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    pub(crate) window: Duration,
    pub(crate) journal_bytes_max: usize,
    pub(crate) sockets_max: usize,
    pub(crate) sockets_bytes_max: usize,
}

impl Recovery {
    /// For clients that come back within `window`. Socket.IO's default is two minutes.
    pub fn new(window: Duration) -> Self {
        let window = roomcast_http::a_year_at_most(window);
        Self { window, journal_bytes_max: 16 << 20, sockets_max: 100_000, sockets_bytes_max: 64 << 20 }
    }

    /// Bytes of messages that are kept for each namespace; 16 MiB by default. Whoever missed older ones begins anew.
    #[must_use]
    pub fn journal_bytes_max(mut self, bytes: usize) -> Self {
        self.journal_bytes_max = bytes;
        self
    }

    /// Lost sockets that are remembered for each namespace; 100,000 by default. Beyond it the one that is gone longest is
    /// forgotten.
    #[must_use]
    pub fn sockets_max(mut self, sockets: usize) -> Self {
        self.sockets_max = sockets;
        self
    }

    /// Bytes that the ids and rooms of lost sockets may take for each namespace; 64 MiB by default. Beyond it the one that is
    /// gone longest is forgotten.
    #[must_use]
    pub fn sockets_bytes_max(mut self, bytes: usize) -> Self {
        self.sockets_bytes_max = bytes;
        self
    }
}

/// Who of a namespace may come back.
pub(crate) struct Returning {
    settings: Recovery,
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    here: HashMap<SocketId, Here>,
    /// Sockets that are here, by their secrets.
    secrets: HashMap<Sid, SocketId>,
    gone: HashMap<Sid, Gone>,
    /// What they take in memory.
    gone_bytes: usize,
    /// In the order in which they went; some have come back.
    went: VecDeque<(Instant, Sid)>,
}

#[derive(Clone, Copy)]
struct Here {
    pid: Sid,
    /// The journal as it was when the client got the secret: what is older was not for it.
    since: Offset,
}

struct Gone {
    who: FormerMember,
    since: Offset,
    at: Instant,
}

/// A client that says it was here.
pub(crate) struct Former {
    pub(crate) pid: Sid,
    pub(crate) who: FormerMember,
    /// The journal as it was when it got the secret.
    pub(crate) since: Offset,
    /// What it got last.
    pub(crate) after: Offset,
}

/// What a client says of it when it authenticates.
#[derive(Deserialize)]
struct Claim {
    pid: Option<String>,
    offset: Option<String>,
}

impl Returning {
    pub(crate) fn new(settings: Recovery) -> Self {
        Self { settings, people: Mutex::default() }
    }

    /// Whether nobody is here, and nobody may come back.
    pub(crate) fn is_over(&self) -> bool {
        let mut people = self.people.lock();
        people.forget_old(&self.settings, Instant::now());
        people.here.is_empty() && people.gone.is_empty()
    }

    /// The socket that a client was, by what it authenticates with. It cannot be taken again.
    pub(crate) fn take(&self, auth: &str, engine: &Engine) -> Option<Former> {
        let claim: Claim = serde_json::from_str(auth).ok()?;
        let pid = Sid::parse(claim.pid.as_deref()?)?;
        let (who, since) = self.take_gone(pid).or_else(|| self.take_here(pid, engine))?;
        // A client that begins anew keeps the offset of what it got before, until it gets something.
        let after = match claim.offset {
            Some(offset) => since.max(offset.parse().ok()?),
            None => since,
        };
        Some(Former { pid, who, since, after })
    }

    fn take_gone(&self, pid: Sid) -> Option<(FormerMember, Offset)> {
        let mut people = self.people.lock();
        people.forget_old(&self.settings, Instant::now());
        people.take_gone(pid).map(|gone| (gone.who, gone.since))
    }

    /// Its connection is dead, and nobody has noticed.
    fn take_here(&self, pid: Sid, engine: &Engine) -> Option<(FormerMember, Offset)> {
        let (id, here) = {
            let mut people = self.people.lock();
            let id = people.secrets.remove(&pid)?;
            (id, people.here.remove(&id)?)
        };
        let socket = engine.socket(id.as_str()).filter(|socket| socket.id() == id)?;
        let who = FormerMember { id: id.as_str().into(), rooms: socket.rooms() };
        socket.disconnect();
        Some((who, here.since))
    }

    /// A socket is connected, and its client gets this secret.
    pub(crate) fn enter(&self, id: SocketId, pid: Sid, since: Offset) {
        let mut people = self.people.lock();
        people.here.insert(id, Here { pid, since });
        people.secrets.insert(pid, id);
    }

    /// A socket is gone.
    pub(crate) fn leave(&self, id: SocketId, bye: &Disconnect) {
        let (mut people, at) = (self.people.lock(), Instant::now());
        let Some(Here { pid, since }) = people.here.remove(&id) else { return };
        people.secrets.remove(&pid);
        if may_come_back(&bye.reason) {
            let who = FormerMember { id: id.as_str().into(), rooms: bye.rooms.clone() };
            people.go(pid, Gone { who, since, at });
        }
        people.forget_old(&self.settings, at);
    }
}

impl Gone {
    /// What it takes in memory, but for the cells of the maps.
    fn bytes(&self) -> usize {
        let rooms = self.who.rooms.iter().map(|room| size_of::<String>() + room.len()).sum::<usize>();
        size_of::<Self>() + self.who.id.len() + rooms
    }
}

impl People {
    fn go(&mut self, pid: Sid, gone: Gone) {
        self.went.push_back((gone.at, pid));
        self.gone_bytes += gone.bytes();
        self.gone.insert(pid, gone);
    }

    fn take_gone(&mut self, pid: Sid) -> Option<Gone> {
        let gone = self.gone.remove(&pid)?;
        self.gone_bytes -= gone.bytes();
        Some(gone)
    }

    fn forget_old(&mut self, settings: &Recovery, now: Instant) {
        while let Some((at, pid)) = self.went.front().copied()
            && (now.saturating_duration_since(at) > settings.window
                || self.went.len() > settings.sockets_max
                || self.gone_bytes > settings.sockets_bytes_max)
        {
            self.went.pop_front();
            // It may have come back, and gone again later.
            if self.gone.get(&pid).is_some_and(|gone| gone.at == at) {
                self.take_gone(pid);
            }
        }
    }
}

/// Not if one of the sides left on purpose, nor after what could not be read.
fn may_come_back(reason: &DisconnectReason) -> bool {
    !matches!(reason, DisconnectReason::ClientLeft | DisconnectReason::ServerLeft | DisconnectReason::ParseError)
}

#[cfg(test)]
mod tests {
    use roomcast::MemoryLane;

    use super::*;

    fn auth(pid: Sid, offset: Option<Offset>) -> String {
        let offset = offset.map_or_else(String::new, |offset| format!(r#","offset":"{offset}""#));
        format!(r#"{{"token":1,"pid":"{}"{offset}}}"#, pid.as_str())
    }

    fn bye(reason: DisconnectReason) -> Disconnect {
        Disconnect { reason, rooms: vec!["r".into()] }
    }

    #[test]
    fn who_comes_back_is_who_it_was_once() {
        let engine = Engine::new();
        engine.keep_journal(1_000);
        let lane = MemoryLane::new(&engine);
        let since = engine.journal().unwrap().last();
        let returning = Returning::new(Recovery::new(Duration::from_secs(60)));
        let (socket, pid) = (lane.connect().unwrap(), Sid::random().unwrap());
        let id = socket.id();
        returning.enter(id, pid, since);
        drop(socket);
        returning.leave(id, &bye(DisconnectReason::TransportClose));
        let former = returning.take(&auth(pid, None), &engine).unwrap();
        assert_eq!(
            (former.who.id.as_str(), &former.who.rooms[..], former.after),
            (id.as_str(), &["r".into()][..], since)
        );
        assert!(returning.take(&auth(pid, None), &engine).is_none(), "it was taken");
    }

    #[test]
    fn what_is_older_than_the_secret_was_not_missed() {
        let engine = Engine::new();
        engine.keep_journal(1_000);
        let lane = MemoryLane::new(&engine);
        let returning = Returning::new(Recovery::new(Duration::from_secs(60)));
        let [before, since, later] = [1, 2, 3].map(|number| {
            let _ = engine.everyone().emit("e", &number);
            engine.journal().unwrap().last()
        });
        for (offset, after) in [(None, since), (Some(before), since), (Some(since), since), (Some(later), later)] {
            let (socket, pid) = (lane.connect().unwrap(), Sid::random().unwrap());
            returning.enter(socket.id(), pid, since);
            let former = returning.take(&auth(pid, offset), &engine).unwrap();
            assert_eq!((former.since, former.after), (since, after), "{offset:?}");
        }
    }

    #[test]
    fn a_socket_that_seems_to_live_gives_way() {
        let engine = Engine::new();
        engine.keep_journal(1_000);
        let lane = MemoryLane::new(&engine);
        let returning = Returning::new(Recovery::new(Duration::from_secs(60)));
        let (socket, pid) = (lane.connect().unwrap(), Sid::random().unwrap());
        socket.join("r").unwrap();
        returning.enter(socket.id(), pid, engine.journal().unwrap().last());
        let former = returning.take(&auth(pid, None), &engine).unwrap();
        assert_eq!((former.who.rooms, socket.is_connected()), (vec!["r".to_owned()], false));
        returning.leave(socket.id(), &bye(DisconnectReason::TransportClose));
        assert!(returning.take(&auth(pid, None), &engine).is_none());
    }

    #[test]
    fn who_left_on_purpose_or_long_ago_begins_anew() {
        let engine = Engine::new();
        engine.keep_journal(1_000);
        let lane = MemoryLane::new(&engine);
        let settings = Recovery::new(Duration::from_secs(60)).sockets_max(2);
        let since = engine.journal().unwrap().last();
        let gone = |returning: &Returning, reason| {
            let (socket, pid) = (lane.connect().unwrap(), Sid::random().unwrap());
            returning.enter(socket.id(), pid, since);
            returning.leave(socket.id(), &bye(reason));
            pid
        };
        let returning = Returning::new(settings);
        for reason in [DisconnectReason::ClientLeft, DisconnectReason::ServerLeft, DisconnectReason::ParseError] {
            let pid = gone(&returning, reason.clone());
            assert!(returning.take(&auth(pid, None), &engine).is_none(), "{reason}");
        }
        let pids = [0; 3].map(|_| gone(&returning, DisconnectReason::PingTimeout));
        let found = pids.map(|pid| returning.take(&auth(pid, None), &engine).is_some());
        assert_eq!(found, [false, true, true], "two are remembered");
        let narrow = Returning::new(Recovery::new(Duration::from_secs(60)).sockets_bytes_max(400));
        for _ in 0..10 {
            let pids = [0; 4].map(|_| gone(&narrow, DisconnectReason::PingTimeout));
            let found = pids.map(|pid| narrow.take(&auth(pid, None), &engine).is_some());
            assert!(!found[0] && found[3], "{found:?}");
        }
        assert_eq!(narrow.people.lock().gone_bytes, 0);
        let brief = Returning::new(Recovery::new(Duration::ZERO));
        let pid = gone(&brief, DisconnectReason::PingTimeout);
        std::thread::sleep(Duration::from_millis(2));
        assert!(brief.take(&auth(pid, None), &engine).is_none());
        for nonsense in ["", "{}", "[]", r#"{"pid":7}"#, r#"{"pid":"x"}"#, r#"{"pid":"abcdefghij0123456789"}"#] {
            assert!(returning.take(nonsense, &engine).is_none(), "{nonsense}");
        }
        let pid = gone(&returning, DisconnectReason::PingTimeout);
        let claim = format!(r#"{{"pid":"{}","offset":"no offset"}}"#, pid.as_str());
        assert!(returning.take(&claim, &engine).is_none());
    }
}
