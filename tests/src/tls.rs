//! The real binary inside TLS, and clients of other people's libraries: rustls, tungstenite.

use crate::{DEADLINE, Response, Server, Stats};
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types::CertificateDer};
use std::{
    env, fs,
    io::{self, Write},
    net::TcpStream,
    path::PathBuf,
    process::{self, Command},
    sync::Arc,
};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::frame::CloseFrame},
};

/// A certificate for `localhost` that signs itself, and its key.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// One that was never seen before.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key can be made");
        Self {
            certificate: own.cert.der().clone(),
            certificate_pem: own.cert.pem(),
            key_pem: own.signing_key.serialize_pem(),
        }
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The key in PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A client that trusts this certificate and no other.
    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("it was made well");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("ring has both");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }
}

/// A running `roomcast-server` that speaks TLS; its files are gone with it.
#[derive(Debug)]
pub struct TlsServer {
    server: Server,
    folder: PathBuf,
}

impl TlsServer {
    /// Starts a server with this identity. `name` is that of the test.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(name: &str, identity: &Identity, settings: &[(&str, &str)]) -> Self {
        let folder = env::temp_dir().join(format!("roomcast-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        fs::write(folder.join("cert.pem"), identity.certificate_pem()).expect("a file in it");
        fs::write(folder.join("key.pem"), identity.key_pem()).expect("a file in it");
        let file = |name: &str| folder.join(name).to_str().expect("a path of text").to_owned();
        let (certificate, key) = (file("cert.pem"), file("key.pem"));
        let server = Server::listening(&[&[("TLS_CERT", &*certificate), ("TLS_KEY", &*key)], settings].concat());
        Self { server, folder }
    }

    /// The process, its banner and its log.
    #[must_use]
    pub fn process(&self) -> &Server {
        &self.server
    }

    /// Writes other files where it looks.
    ///
    /// # Panics
    /// If that fails.
    pub fn write(&self, certificate_pem: &str, key_pem: &str) {
        fs::write(self.folder.join("cert.pem"), certificate_pem).expect("a file");
        fs::write(self.folder.join("key.pem"), key_pem).expect("a file");
    }

    /// Sends a signal, as `HUP`.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.server.pid())]).status();
        assert!(status.expect("there is a shell").success());
    }

    /// A TCP connection inside TLS, if the server has this identity.
    ///
    /// # Errors
    /// If it has another one, or does not answer.
    pub async fn connect(&self, identity: &Identity) -> io::Result<TlsStream<tokio::net::TcpStream>> {
        let tcp = tokio::net::TcpStream::connect(self.server.address()).await?;
        tcp.set_nodelay(true)?;
        let name = "localhost".try_into().expect("a name");
        timeout(DEADLINE, TlsConnector::from(identity.client()).connect(name, tcp)).await?
    }

    /// A greeted member of the room protocol, and its id.
    ///
    /// # Panics
    /// If it does not get in.
    pub async fn open_rooms(&self, identity: &Identity) -> (Member, String) {
        let stream = self.connect(identity).await.expect("a handshake");
        let url = format!("wss://localhost:{}/ws", self.server.address().port());
        let opening = timeout(DEADLINE, client_async(url, stream)).await.expect("an answer in time");
        let mut member = Member(opening.expect("a WebSocket").0);
        let hello: serde_json::Value = serde_json::from_str(&member.text().await).expect("the hello is JSON");
        let id = hello["data"]["id"].as_str().expect("the hello has an id").to_owned();
        (member, id)
    }

    /// `GET` of a path, as a blocking client does it.
    ///
    /// # Panics
    /// If there is no answer.
    #[track_caller]
    #[must_use]
    pub fn get(&self, identity: &Identity, path: &str) -> Response {
        let tcp = TcpStream::connect(self.server.address()).expect("the server accepts");
        tcp.set_read_timeout(Some(DEADLINE)).expect("an open socket");
        let name = "localhost".try_into().expect("a name");
        let tls = ClientConnection::new(identity.client(), name).expect("a good configuration");
        let mut stream = StreamOwned::new(tls, tcp);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the server reads");
        Response::read(&mut stream).expect("an answer")
    }

    /// What `/stats` says.
    ///
    /// # Panics
    /// If the answer is not that of the contract.
    #[track_caller]
    #[must_use]
    pub fn stats(&self, identity: &Identity) -> Stats {
        Stats::parse(self.get(identity, "/stats").text())
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A WebSocket inside TLS.
#[derive(Debug)]
pub struct Member(WebSocketStream<TlsStream<tokio::net::TcpStream>>);

impl Member {
    /// Sends a text.
    ///
    /// # Panics
    /// If the connection is gone.
    pub async fn send(&mut self, text: &str) {
        timeout(DEADLINE, self.0.send(Message::text(text))).await.expect("in time").expect("an open connection");
    }

    /// Sends a request and checks that its answer is `ok`.
    ///
    /// # Panics
    /// If it is not, or something else comes before.
    pub async fn ok(&mut self, request: &str) {
        self.send(request).await;
        let answer = self.text().await;
        assert!(answer.contains(r#""ok":true"#), "{request}: {answer}");
    }

    /// The next text.
    ///
    /// # Panics
    /// If something else comes, or nothing.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The close that comes next, after which the server ends TLS and TCP in good order.
    ///
    /// # Panics
    /// If something else comes, or nothing.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        let Some(Ok(Message::Close(frame))) = self.next().await else { panic!("no close") };
        let end = self.next().await;
        assert!(end.is_none(), "no good end: {end:?}");
        frame
    }

    async fn next(&mut self) -> Option<Result<Message, tokio_tungstenite::tungstenite::Error>> {
        timeout(DEADLINE, self.0.next()).await.expect("something in time")
    }
}
