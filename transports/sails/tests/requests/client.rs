//! A client of Socket.IO that asks virtual requests, its packets written by hand.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::in_time;

pub(crate) struct Client {
    stream: WebSocketStream<TcpStream>,
    /// What is written before a packet's data, for namespaces other than `/`.
    namespace: String,
    pub(crate) id: String,
    asked: u64,
    /// What came while something else was waited for.
    came: VecDeque<Packet>,
}

/// An event, or the answer to one.
#[derive(Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) answers: Option<u64>,
    pub(crate) args: Value,
    pub(crate) binary: Vec<Bytes>,
}

/// The answer to a virtual request.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) body: Value,
    pub(crate) headers: Value,
    pub(crate) binary: Vec<Bytes>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, query: &str, headers: &[(&'static str, &str)]) -> Self {
        let url = format!("ws://{address}/socket.io/?{query}&EIO=4&transport=websocket");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = in_time("a WebSocket", client_async(request, stream)).await.unwrap().0;
        let mut client = Self { stream, namespace: String::new(), id: String::new(), asked: 0, came: VecDeque::new() };
        assert!(client.text().await.starts_with('0'), "Engine.IO is open");
        client.enter("").await;
        client
    }

    /// Goes on in another namespace.
    pub(crate) async fn enter(&mut self, namespace: &str) {
        self.namespace = if namespace.is_empty() { String::new() } else { format!("{namespace},") };
        self.write(format!("40{}", self.namespace)).await;
        let connected = self.text().await;
        let sid = connected.strip_prefix(&format!("40{}", self.namespace)).expect("connected");
        self.id = serde_json::from_str::<Value>(sid).unwrap()["sid"].as_str().unwrap().into();
    }

    /// The answer to a request without data.
    pub(crate) async fn get(&mut self, url: &str) -> Answer {
        self.ask("get", json!({ "url": url })).await
    }

    pub(crate) async fn ask(&mut self, method: &str, request: Value) -> Answer {
        let number = self.begin(method, request).await;
        self.answer(number).await
    }

    /// Asks, and waits for nothing; the number of what was asked.
    pub(crate) async fn begin(&mut self, method: &str, request: Value) -> u64 {
        self.asked += 1;
        self.write(format!("42{}{}{}", self.namespace, self.asked, json!([method, request]))).await;
        self.asked
    }

    /// Asks with binary in the data.
    pub(crate) async fn begin_binary(&mut self, method: &str, request: Value, binary: Vec<Bytes>) -> u64 {
        self.asked += 1;
        let event = json!([method, request]);
        self.write(format!("45{}-{}{}{event}", binary.len(), self.namespace, self.asked)).await;
        for bytes in binary {
            self.stream.send(Message::Binary(bytes)).await.unwrap();
        }
        self.asked
    }

    /// An event whose sender wants no answer.
    pub(crate) async fn emit(&mut self, event: Value) {
        self.write(format!("42{}{event}", self.namespace)).await;
    }

    /// The answer to what has this number.
    pub(crate) async fn answer(&mut self, number: u64) -> Answer {
        self.acknowledged(number).await.into_answer()
    }

    /// What an event was acknowledged with.
    pub(crate) async fn acknowledged(&mut self, number: u64) -> Packet {
        self.take(|packet| packet.answers == Some(number)).await
    }

    /// The next event, as an array.
    pub(crate) async fn event(&mut self) -> Value {
        self.take(|packet| packet.answers.is_none()).await.args
    }

    /// What came and was not asked for yet.
    pub(crate) fn came(&self) -> &VecDeque<Packet> {
        &self.came
    }

    async fn take(&mut self, is_it: impl Fn(&Packet) -> bool) -> Packet {
        loop {
            if let Some(at) = self.came.iter().position(&is_it) {
                return self.came.remove(at).unwrap();
            }
            let packet = self.packet().await;
            self.came.push_back(packet);
        }
    }

    async fn packet(&mut self) -> Packet {
        let text = self.text().await;
        let kind = &text[..2];
        let rest = &text[2..];
        let (attachments, rest) = match kind {
            "45" | "46" => rest.split_once('-').map(|(count, rest)| (count.parse().unwrap(), rest)).unwrap(),
            "42" | "43" => (0, rest),
            other => panic!("neither an event nor an answer: {other}{rest}"),
        };
        let rest = rest.strip_prefix(&self.namespace).expect("a packet of the namespace");
        let (number, args) = rest.split_at(rest.find('[').expect("arguments"));
        let answers = matches!(kind, "43" | "46").then(|| number.parse().unwrap());
        let mut binary = Vec::new();
        for _ in 0..attachments {
            match self.message().await {
                Message::Binary(bytes) => binary.push(bytes),
                other => panic!("no attachment but {other:?}"),
            }
        }
        Packet { answers, args: serde_json::from_str(args).unwrap(), binary }
    }

    /// The next text; Engine.IO's pings are answered.
    async fn text(&mut self) -> String {
        loop {
            match self.message().await {
                Message::Text(text) if text.as_str() == "2" => self.write("3".into()).await,
                Message::Text(text) => return text.to_string(),
                other => panic!("no text but {other:?}"),
            }
        }
    }

    async fn message(&mut self) -> Message {
        in_time("a message", self.stream.next()).await.expect("the connection stays").unwrap()
    }

    async fn write(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }
}

impl Packet {
    fn into_answer(mut self) -> Answer {
        let answer = &mut self.args[0];
        Answer {
            status: answer["statusCode"].as_u64().unwrap_or_else(|| panic!("no status in {answer}")),
            body: answer["body"].take(),
            headers: answer["headers"].take(),
            binary: self.binary,
        }
    }
}

impl Answer {
    /// The body of what has to succeed.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// The status and the body of what is to be refused.
    pub(crate) fn refused(self) -> (u64, String) {
        assert!(self.status >= 400, "{self:?}");
        (self.status, self.body.as_str().expect("a text").into())
    }
}
