//! What HTTP/2 has instead of a `Host`, as hyper hands it on.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use roomcast_http::Origins;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// The client's side of a connection that asks `a.example` once, for a page of this origin (RFC 9113; RFC 7541, section 6.2.2).
fn asking_for_a_page_of(origin: &str) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/socket.io/?EIO=4&transport=polling"),
        (":authority", "a.example"),
        ("origin", origin),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect();
    let headers = [0, 0, u8::try_from(block.len()).unwrap(), 1, 0b101, 0, 0, 0, 1];
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers, &block].concat()
}

async fn allows(origin: &str) -> bool {
    let (judged, mut outcome) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Request<Incoming>| {
        judged.send(Origins::default().check(&request).is_ok()).unwrap();
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    client.write_all(&asking_for_a_page_of(origin)).await.unwrap();
    let serving = tokio::spawn(async move {
        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(server), service).await.map_err(drop)
    });
    let allows = outcome.recv().await.unwrap();
    serving.abort();
    allows
}

#[tokio::test]
async fn pages_of_the_own_host_are_known() {
    assert!(allows("https://a.example").await);
    assert!(!allows("https://b.example").await);
}
