//! An endpoint on a lane that is driven by hand, and its clients.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use roomcast::Engine;
use roomcast_lane::ManualLane;
use roomcast_socketio_protocol::engineio::{PacketKind, Query};

use super::flavor::{Flavor, Heard, Message};
use super::requests::{Asked, Upload};
use super::websocket::WebSocket;
use crate::candidate::Candidate;
use crate::connection::Connection;
use crate::mount::{Endpoint, Mount};
use crate::request;
use crate::sid::Sid;
use crate::{SocketIo, SocketIoBuilder};

/// What a stream takes before it is read.
const ROOM: usize = 1 << 20;

/// A lane with one mounted endpoint.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) lane: ManualLane,
    pub(crate) io: SocketIo,
    endpoint: Arc<Endpoint>,
    pub(crate) mount: Arc<Mount>,
}

/// A client that polls.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) flavor: Flavor,
    pub(crate) sid: String,
}

impl World {
    /// An endpoint with its defaults. Its namespaces are still to be mounted.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(SocketIoBuilder) -> SocketIoBuilder) -> Self {
        let engine = Engine::new();
        let lane = ManualLane::new(&engine);
        let io = change(SocketIo::builder(&lane.lanes())).build();
        let endpoint = io.clone().into_service().endpoint;
        let mount = Arc::clone(&endpoint.mount);
        Self { engine, lane, io, endpoint, mount }
    }

    /// An endpoint without Socket.IO.
    pub(crate) fn echo() -> Self {
        let world = Self::new();
        let endpoint = SocketIo::builder(&world.lane.lanes()).build_echo().endpoint;
        Self { mount: Arc::clone(&endpoint.mount), endpoint, ..world }
    }

    pub(crate) fn run(&mut self) {
        self.lane.run();
    }

    pub(crate) fn advance(&mut self, seconds: f64) {
        self.lane.advance(Duration::from_secs_f64(seconds));
    }

    /// How many Engine.IO sessions live, how many sockets, and how many connections the lane has.
    pub(crate) fn counts(&self) -> (usize, usize, u64) {
        (self.io.sessions(), self.engine.stats().sockets, self.lane.stats().connections)
    }

    // --- polling

    /// Begins a request.
    pub(crate) fn ask(&self, method: Method, query: &str, content_type: &str, body: &Upload) -> Asked {
        let request = Request::builder().method(method).uri(format!("/socket.io/?{query}"));
        let request = request.header("content-type", content_type).body(body.clone()).unwrap();
        Asked::new(&self.endpoint, request)
    }

    /// A client that begins with a poll, which is answered.
    pub(crate) fn poller(&mut self, flavor: Flavor) -> Poller {
        self.poller_with(flavor, "")
    }

    /// The same with more in its query.
    pub(crate) fn poller_with(&mut self, flavor: Flavor, more: &str) -> Poller {
        let query = format!("{}{more}", flavor.query("polling"));
        let mut handshake = self.ask(Method::GET, &query, "", &Upload::default());
        self.run();
        let answered = handshake.answer().expect("an answer to the handshake");
        assert_eq!(answered.status, 200, "{:?}", answered.body);
        let packets = flavor.packets(&answered.content_type, &answered.body);
        let Message::Text(open) = &packets[0].message else { panic!("no open packet") };
        assert_eq!(packets[0].kind, PacketKind::Open);
        let open: serde_json::Value = serde_json::from_str(open).unwrap();
        Poller { flavor, sid: open["sid"].as_str().unwrap().into() }
    }

    pub(crate) fn get(&self, client: &Poller) -> Asked {
        self.ask(Method::GET, &client.query(), "", &Upload::default())
    }

    /// A POST with a body of text, as it is.
    pub(crate) fn post(&self, client: &Poller, body: &str) -> Asked {
        self.post_slowly(client, &Upload::whole(body.to_owned()))
    }

    pub(crate) fn post_slowly(&self, client: &Poller, body: &Upload) -> Asked {
        self.ask(Method::POST, &client.query(), "text/plain;charset=UTF-8", body)
    }

    /// Polls, and gives the body as text.
    #[track_caller]
    pub(crate) fn poll(&mut self, client: &Poller) -> String {
        let mut get = self.get(client);
        self.run();
        let (status, text) = get.text();
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Hands in a body of text, which is taken.
    #[track_caller]
    pub(crate) fn say(&mut self, client: &Poller, body: &str) {
        let mut post = self.post(client, body);
        self.run();
        assert_eq!(post.text(), (200, "ok".into()));
    }

    /// A client that polls and is connected to `/`; text, revision 4.
    #[track_caller]
    pub(crate) fn connected_poller(&mut self) -> Poller {
        let client = self.poller(Flavor::V4);
        self.say(&client, "40");
        let answer = self.poll(&client);
        assert!(answer.starts_with("40{\"sid\":\""), "{answer}");
        client
    }

    // --- WebSockets

    /// A client on a WebSocket, whose open packet is still to be received.
    pub(crate) fn websocket(&mut self, flavor: Flavor) -> WebSocket {
        self.websocket_with(flavor, "", ROOM)
    }

    /// The same with more in its query, and a stream that takes `room` bytes before it is read.
    pub(crate) fn websocket_with(&mut self, flavor: Flavor, more: &str, room: usize) -> WebSocket {
        let query = format!("{}{more}", flavor.query("websocket"));
        let head = Request::get(format!("/socket.io/?{query}")).body(()).unwrap().into_parts().0;
        let framing = Query::parse(&query).framing(flavor.revision);
        let (here, sid, opening) =
            (Arc::clone(&self.mount), Sid::random().unwrap(), request::opening("websocket", head));
        let make = move || Connection::websocket(here, sid, framing, opening);
        let client = WebSocket::new(self.lane.connect(&self.mount.wire, room, make));
        self.run();
        client
    }

    /// A client on a WebSocket that is connected to `/`; text, revision 4.
    pub(crate) fn connected_websocket(&mut self) -> WebSocket {
        let client = self.websocket(Flavor::V4);
        client.text("40");
        self.run();
        let texts = client.texts();
        assert!(texts.len() == 2 && texts[1].starts_with("40{\"sid\":\""), "{texts:?}");
        client
    }

    /// A WebSocket that wants to become the session's; `None` if there is no such session.
    pub(crate) fn candidate(&mut self, client: &Poller) -> Option<WebSocket> {
        self.candidate_with(client, ROOM)
    }

    /// The same with a stream that takes `room` bytes before it is read.
    pub(crate) fn candidate_with(&mut self, client: &Poller, room: usize) -> Option<WebSocket> {
        let (here, base64) = (Arc::clone(&self.mount), client.flavor.base64);
        let session = self.mount.sessions.find(&client.sid)?.port;
        let make = move || Candidate::new(here, session, base64);
        Some(WebSocket::new(self.lane.connect(&self.mount.wire, room, make)))
    }
}

impl Poller {
    pub(crate) fn query(&self) -> String {
        format!("{}&sid={}", self.flavor.query("polling"), self.sid)
    }

    /// The packets of an answer.
    #[track_caller]
    pub(crate) fn packets(&self, asked: &mut Asked) -> Vec<Heard> {
        let answered = asked.answer().expect("an answer");
        assert_eq!(answered.status, 200, "{:?}", answered.body);
        self.flavor.packets(&answered.content_type, &answered.body)
    }
}
