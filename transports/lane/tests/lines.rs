//! The example `lines`, run over real TCP.

#[path = "../examples/lines.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a program of its own")]
mod lines;

use std::time::Duration;

use roomcast::Engine;
use roomcast_lane::Lanes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

struct Client(BufReader<TcpStream>);

impl Client {
    async fn send(&mut self, lines: &str) {
        self.0.get_mut().write_all(lines.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line in time").unwrap();
        line
    }

    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.0.read_to_string(&mut rest)).await.expect("an end in time").unwrap();
        rest
    }
}

async fn serve(threads: usize) -> (Lanes, impl AsyncFn() -> Client, tokio::task::JoinHandle<std::io::Result<()>>) {
    let lanes = Lanes::builder().threads(threads).start(&Engine::new()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = lanes.clone();
    let served = tokio::spawn(async move { lines::run(&serving, listener, lines::chat()).await });
    (lanes, async move || Client(BufReader::new(TcpStream::connect(at).await.unwrap())), served)
}

#[tokio::test]
async fn rooms_over_lanes() {
    for threads in [1, 3] {
        let (_lanes, connect, _served) = serve(threads).await;
        let mut clients = Vec::new();
        for _ in 0..7 {
            let mut client = connect().await;
            // One's own line comes back when the join before it is in force.
            client.send("join \"chess\"\nsay \"here\"\n").await;
            while !client.line().await.contains("here") {}
            clients.push(client);
        }
        let mut stranger = connect().await;
        stranger.send("join \"go\"\nsay \"alone\"\n").await;
        assert_eq!(stranger.line().await, "said \"alone\"\n");
        clients[0].send("say \"a\"\nsay \"b\"\n").await;
        for client in &mut clients {
            let mut line = client.line().await;
            while line.contains("here") {
                line = client.line().await;
            }
            assert_eq!((line.as_str(), client.line().await.as_str()), ("said \"a\"\n", "said \"b\"\n"));
        }
    }
}

#[tokio::test]
async fn a_broken_line_ends_its_connection_only() {
    let (lanes, connect, _served) = serve(1).await;
    let (mut good, mut bad) = (connect().await, connect().await);
    bad.send("nonsense\n").await;
    assert_eq!(bad.rest().await, "");
    good.send("join \"x\"\nsay \"still here\"\n").await;
    assert_eq!(good.line().await, "said \"still here\"\n");
    assert_eq!(lanes.stats().adopted, 2);
}

#[tokio::test]
async fn draining_ends_everything() {
    let (lanes, connect, served) = serve(2).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = connect().await;
        client.send("join \"x\"\nsay \"hi\"\n").await;
        client.line().await;
        clients.push(client);
    }
    let readers = clients.into_iter().map(|mut client| tokio::spawn(async move { client.rest().await }));
    let readers: Vec<_> = readers.collect();
    assert_eq!(timeout(PATIENCE, lanes.drain(Duration::from_millis(200))).await.unwrap(), 0);
    served.await.unwrap().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(lanes.stats().connections, 0);
}

#[test]
fn lanes_need_a_runtime() {
    let error = Lanes::start(&Engine::new()).unwrap_err();
    assert!(error.to_string().contains("call it inside #[tokio::main]"), "{error}");
}
