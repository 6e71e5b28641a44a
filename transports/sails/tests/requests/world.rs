//! A server that a test runs.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use roomcast::Engine;
use roomcast_lane::{Application, Events, Lanes};
use roomcast_sails::Sails;
use roomcast_socketio::SocketIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Client;

const DEADLINE: Duration = Duration::from_secs(20);

/// An endpoint in front of a router, on one lane: what waits for it there waits for everybody.
pub(crate) struct World {
    pub(crate) lanes: Lanes,
    pub(crate) io: SocketIo,
    pub(crate) address: SocketAddr,
}

impl World {
    /// The same router for plain HTTP and for virtual requests.
    pub(crate) async fn of(api: Router) -> Self {
        Self::with(api.clone(), Sails::new(api)).await
    }

    /// Virtual requests alone.
    pub(crate) async fn virtually(sails: Sails) -> Self {
        Self::with(Router::new(), sails).await
    }

    pub(crate) async fn with(http: Router, sails: Sails) -> Self {
        Self::mount(&Engine::new(), http, Events::new().fallback(sails)).await
    }

    pub(crate) async fn mount(engine: &Engine, http: Router, application: impl Application) -> Self {
        let lanes = Lanes::builder().threads(1).start(engine).unwrap();
        let io = SocketIo::new(&lanes);
        io.namespace("/", application);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = http.layer(io.layer());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { lanes, io, address }
    }

    /// A client that is connected.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_with("", &[]).await
    }

    /// A client whose handshake has these parameters and headers.
    pub(crate) async fn connect_with(&self, query: &str, headers: &[(&'static str, &str)]) -> Client {
        Client::connect(self.address, query, headers).await
    }

    /// Asks by plain HTTP; the status and the body.
    pub(crate) async fn http(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        in_time("an answer by HTTP", stream.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.into())
    }
}

pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// Waits until something is so.
pub(crate) async fn becomes(what: &str, so: impl Fn() -> bool) {
    let poll = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, poll).await;
}
