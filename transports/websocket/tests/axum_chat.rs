//! Runs `examples/axum_chat.rs` as a user would, and chats.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const DEADLINE: Duration = Duration::from_secs(20);

/// The example as a process, ended when this is dropped.
struct Example {
    child: Child,
    address: String,
}

impl Example {
    fn start() -> Self {
        let mut child = Command::new(binary()).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("chat on http://").unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { address: address.to_owned(), child }
    }

    async fn connect(&self, path: &str) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        client_async(format!("ws://{}{path}", self.address), stream).await.unwrap().0
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Ends it as Ctrl-C would; whether it ended well.
    async fn interrupt(mut self) -> bool {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        let wait = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.success();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("its end")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// cargo builds the examples of a package with its tests, beside them.
fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("examples/axum_chat");
    assert!(binary.exists(), "no {}: cargo build -p roomcast-websocket --example axum_chat", binary.display());
    binary
}

async fn next(client: &mut WebSocketStream<TcpStream>) -> Message {
    tokio::time::timeout(DEADLINE, client.next()).await.expect("a message in time").expect("no end").unwrap()
}

async fn text(client: &mut WebSocketStream<TcpStream>) -> String {
    next(client).await.into_text().unwrap().to_string()
}

#[tokio::test]
async fn a_chat_of_two_with_a_listener_and_an_end() {
    let example = Example::start();
    assert!(example.get("/").await.contains("<title>chat</title>"));

    let mut nobody = example.connect("/ws").await;
    assert!(matches!(next(&mut nobody).await, Message::Close(Some(close)) if close.reason == "who are you?"));
    drop(nobody);

    let (mut ann, mut ben) = (example.connect("/ws?name=Ann").await, example.connect("/ws?name=B%C3%A9n").await);
    let mut listener = example.connect("/rooms").await;
    for client in [&mut ann, &mut ben, &mut listener] {
        assert!(text(client).await.starts_with(r#"{"event":"hello""#));
    }
    listener.send(Message::text(r#"{"id":1,"op":"join","room":"chat"}"#)).await.unwrap();
    assert_eq!(text(&mut listener).await, r#"{"reply":1,"ok":true}"#);
    assert!(example.get("/members").await.ends_with("\r\n\r\n3"));

    ben.send(Message::text(r#"{"event":"say","data":"hello all"}"#)).await.unwrap();
    for client in [&mut ann, &mut ben, &mut listener] {
        assert_eq!(text(client).await, r#"{"event":"said","data":["Bén","hello all"]}"#);
    }

    ben.close(None).await.unwrap();
    for client in [&mut ann, &mut listener] {
        assert_eq!(text(client).await, r#"{"event":"left","data":"client namespace disconnect"}"#);
    }

    let ended = tokio::spawn(example.interrupt());
    assert!(matches!(next(&mut ann).await, Message::Close(Some(close)) if u16::from(close.code) == 1001));
    drop((ann, listener));
    assert!(ended.await.unwrap(), "it ended well");
}
