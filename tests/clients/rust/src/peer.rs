//! A client that keeps what it hears.

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder, ReconnectSettings};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::{DEADLINE, Server};

/// Something that the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Its namespace is connected.
    Connected,
    /// The server disconnected it from its namespace.
    Closed,
    /// Something failed; the library's words.
    Error(String),
    /// An event came.
    Event(String, Payload),
}

/// A client in one namespace.
pub struct Peer {
    client: Client,
    heard: UnboundedReceiver<Heard>,
}

/// A payload of JSON values.
#[must_use]
pub fn text(values: impl IntoIterator<Item = Value>) -> Payload {
    Payload::Text(values.into_iter().collect())
}

impl Peer {
    /// A client that is connected and has been told its `auth`.
    pub async fn connect(server: &Server, transport: TransportType, namespace: &str, auth: Value) -> Self {
        let mut peer = Self::begin(builder(server, transport).namespace(namespace).auth(auth.clone())).await;
        peer.is_greeted(auth).await;
        peer
    }

    /// A client that has only begun to connect.
    pub async fn begin(builder: ClientBuilder) -> Self {
        let (tell, heard) = unbounded_channel();
        let client = told(builder, &tell).connect().await.expect("there is a transport");
        Self { client, heard }
    }

    /// Its namespace is connected, and the server has told it its `auth`.
    pub async fn is_greeted(&mut self, auth: Value) {
        assert_eq!(self.next().await, Heard::Connected);
        assert_eq!(self.next().await, Heard::Event("auth".into(), text([auth])));
    }

    /// What it is told next.
    pub async fn next(&mut self) -> Heard {
        let next = timeout(DEADLINE, self.heard.recv()).await;
        next.expect("nothing more is heard").expect("the client has it")
    }

    /// Sends an event.
    pub async fn emit(&self, event: &str, payload: impl Into<Payload>) {
        self.client.emit(event, payload).await.expect("it is connected");
    }

    /// Sends an event, and waits for its ack: the arguments, in an array.
    pub async fn ask(&self, event: &str, payload: impl Into<Payload>) -> Payload {
        let mut acked = self.begin_to_ask(event, payload).await;
        timeout(DEADLINE, acked.recv()).await.expect("no ack").expect("the client has it")
    }

    /// Sends an event that is to be acknowledged, and returns where the ack arrives.
    pub async fn begin_to_ask(&self, event: &str, payload: impl Into<Payload>) -> UnboundedReceiver<Payload> {
        let (tell, acked) = unbounded_channel();
        let callback = move |payload: Payload, _| {
            let _ = tell.send(payload);
            async {}.boxed()
        };
        self.client.emit_with_ack(event, payload, DEADLINE, callback).await.expect("it is connected");
        acked
    }

    /// Leaves the server.
    pub async fn leave(self) {
        self.client.disconnect().await.expect("it is connected");
    }
}

/// How to connect to the server, and how soon again if it has gone.
pub fn builder(server: &Server, transport: TransportType) -> ClientBuilder {
    ClientBuilder::new(server.url()).transport_type(transport).reconnect_delay(50, 100)
}

fn told(builder: ClientBuilder, tell: &UnboundedSender<Heard>) -> ClientBuilder {
    let [connected, closed, failed, any] = [(); 4].map(|()| tell.clone());
    builder
        .on(Event::Connect, move |_, _| say(&connected, Heard::Connected))
        .on(Event::Close, move |_, _| say(&closed, Heard::Closed))
        .on(Event::Error, move |payload, _| say(&failed, Heard::Error(format!("{payload:?}"))))
        .on_any(move |event, payload, _| say(&any, Heard::Event(event.into(), payload)))
}

fn say(tell: &UnboundedSender<Heard>, heard: Heard) -> futures_util::future::BoxFuture<'static, ()> {
    let _ = tell.send(heard); // a test that has ended hears nothing
    async {}.boxed()
}

/// What a client is told when it is about to connect again.
#[must_use]
pub fn at(url: String) -> ReconnectSettings {
    let mut settings = ReconnectSettings::new();
    settings.address(url);
    settings
}
