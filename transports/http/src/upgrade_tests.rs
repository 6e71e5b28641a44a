use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

const EARLY: &[u8] = b"early";

/// Upgrades a connection as hyper does; what is handed to the lane then.
async fn upgraded<S>(near: S, far: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> (Stream, Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (told, mut upgraded) = mpsc::unbounded_channel();
    let service = service_fn(move |mut request: Request<Incoming>| {
        told.send(request.extensions_mut().remove::<OnUpgrade>().unwrap()).unwrap();
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        async { Ok::<_, Infallible>(response) }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(near), service).with_upgrades();
    let asking = async {
        let (mut from, mut to) = tokio::io::split(far);
        let ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
        to.write_all(&[ask, EARLY].concat()).await.unwrap();
        to.flush().await.unwrap();
        from.read_u8().await.unwrap();
    };
    let taking = async { into_stream(upgraded.recv().await.unwrap()).await.unwrap() };
    let (served, (), taken) = tokio::join!(serving, asking, taking);
    served.unwrap();
    taken
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
    (near.unwrap().0, far.unwrap())
}

#[tokio::test]
async fn tcp_is_taken_out_of_what_hyper_made_of_it() {
    let (near, far) = tcp().await;
    let (stream, early) = upgraded(near, far).await;
    assert_eq!((format!("{stream:?}").as_str(), &early[..]), ("Stream::tcp", EARLY));
}

#[tokio::test]
async fn a_stream_whose_end_is_kept_is_taken_out_as_well() {
    let never = |_: &mut std::task::Context<'_>| std::task::Poll::Pending;
    let (near, far) = tcp().await;
    let (stream, early) = upgraded(KeptEnd::new(near, never), far).await;
    assert_eq!((format!("{stream:?}").as_str(), &early[..]), ("Stream::tcp", EARLY));
    let (near, far) = tcp().await;
    let (stream, early) = upgraded(KeptEnd::new(Prefixed::new(Bytes::new(), near), never), far).await;
    assert_eq!((format!("{stream:?}").as_str(), &early[..]), ("Stream::tcp", EARLY));
}

#[tokio::test]
async fn foreign_streams_stay_as_they_are() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (stream, early) = upgraded(near, far).await;
    assert_eq!((format!("{stream:?}").as_str(), &early[..]), ("Stream::boxed", &b""[..]), "the box has it");
}

#[tokio::test]
async fn a_client_that_left_is_told_apart() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (told, mut upgrades) = mpsc::unbounded_channel();
    let service = service_fn(move |mut request: Request<Incoming>| {
        told.send(request.extensions_mut().remove::<OnUpgrade>().unwrap()).unwrap();
        std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>()
    });
    let serving = tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(near), service).with_upgrades());
    let (_from, mut to) = tokio::io::split(far);
    to.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n").await.unwrap();
    let upgrade = upgrades.recv().await.unwrap();
    to.shutdown().await.unwrap();
    assert!(matches!(into_stream(upgrade).await, Err(UpgradeError::Left(_))));
    drop(serving.await.unwrap());
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_is_taken_out_too() {
    use std::sync::Arc;

    use rustls::crypto::ring;
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let provider = Arc::new(ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider));
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let server = server.with_single_cert(vec![own.cert.der().clone()], key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider);
    let client = client.with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();

    let (near, far) = tcp().await;
    let connector = TlsConnector::from(Arc::new(client));
    let (near, far) = tokio::join!(
        TlsAcceptor::from(Arc::new(server)).accept(near),
        connector.connect("localhost".try_into().unwrap(), far)
    );
    let (stream, early) = upgraded(near.unwrap(), far.unwrap()).await;
    assert_eq!((format!("{stream:?}").as_str(), &early[..]), ("Stream::tls", EARLY));
}

#[tokio::test]
async fn tcp_of_which_something_was_read_before_is_taken_out_with_all_that_is_left() {
    // More than hyper reads before it has a whole head.
    let behind = vec![b'x'; 64 * 1024];
    let (near, mut far) = tcp().await;
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
    let read = Bytes::from([ask.as_slice(), &behind].concat());
    let (told, mut upgrades) = mpsc::unbounded_channel();
    let service = service_fn(move |mut request: Request<Incoming>| {
        told.send(request.extensions_mut().remove::<OnUpgrade>().unwrap()).unwrap();
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        async { Ok::<_, Infallible>(response) }
    });
    let stream = TokioIo::new(Prefixed::new(read, near));
    let serving = http1::Builder::new().serve_connection(stream, service).with_upgrades();
    let taking = async { into_stream(upgrades.recv().await.unwrap()).await.unwrap() };
    let (served, answered, (stream, early)) = tokio::join!(serving, far.read_u8(), taking);
    served.unwrap();
    assert_eq!((answered.unwrap(), format!("{stream:?}").as_str()), (b'H', "Stream::tcp"));
    assert!(early == behind, "{} bytes", early.len());
}
