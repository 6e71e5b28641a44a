//! The HTTP front: accepts connections and serves a router on them, HTTP/1.1 with upgrades.
//!
//! What `axum::serve` leaves to others is done here. A connection that has not sent a whole request head in time is closed,
//! and so is one that does not take its answer. The number of connections is counted and bounded. Running out of files
//! neither ends the server nor makes it spin.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::connections::{Connections, Speaking};
use crate::stall::Stall;
use crate::tls::{self, TlsIdentity};

/// How often at most to say that connections are turned away.
const SAY_SO: Duration = Duration::from_secs(1);
/// How long it may be a client's turn, to take its answer or to send a head, if a head may not take longer.
const STALL_MAX: Duration = Duration::from_secs(30);
/// The longest request head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How connections are served.
#[derive(Clone, Debug)]
pub struct Front {
    /// How long a connection may take to send the head of a request, the first or a further one. Inside TLS, the handshake
    /// and the first head together.
    pub head_timeout: Duration,
    /// How many connections there may be, upgraded ones and those that shake hands included. Further ones are closed as soon
    /// as they are accepted.
    pub connections_max: usize,
    /// Where they are counted.
    pub connections: Connections,
}

/// Serves `router` on all connections that come, until `stop` resolves; then lets the requests that have begun finish. To
/// bound that, drop the future.
///
/// # Errors
/// Those of the listener that do not pass.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    front: Front,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_on(listener, None, router, front, stop).await
}

/// The same inside TLS. A WebSocket that is upgraded takes its TLS along to its lane.
///
/// Each connection shakes hands in a task of its own: under half a millisecond of computing with an ECDSA key of 256 bits,
/// thrice that with an RSA key of 2,048. Then it costs 8 KiB more than a plain one.
///
/// # Errors
/// As [`serve`].
pub async fn serve_tls(
    listener: TcpListener,
    identity: TlsIdentity,
    router: Router,
    front: Front,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_on(listener, Some(identity), router, front, stop).await
}

/// Serves with TLS or without.
pub(crate) async fn serve_on(
    listener: TcpListener,
    identity: Option<TlsIdentity>,
    router: Router,
    front: Front,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(());
    let mut said = None::<Instant>;
    let take = |stream| {
        if front.connections.open() >= front.connections_max {
            if said.is_none_or(|said| said.elapsed() >= SAY_SO) {
                let max = front.connections_max;
                tracing::warn!("connections are turned away: there are {max} already; raise the limit of open files");
                said = Some(Instant::now());
            }
            return;
        }
        let counted = front.connections.enter();
        let serving =
            Serving { router: router.clone(), head_timeout: front.head_timeout, stopped: stopped.clone(), counted };
        match &identity {
            None => tokio::spawn(serving.connection(stream, None)),
            Some(identity) => tokio::spawn(serving.inside_tls(stream, identity.config())),
        };
    };
    let result = roomcast_lane::accept(&listener, take, stop).await;
    drop((listener, stopped));
    stopping.send_replace(());
    // Each connection has a receiver.
    stopping.closed().await;
    result
}

/// What the task of a connection has.
struct Serving {
    router: Router,
    head_timeout: Duration,
    stopped: watch::Receiver<()>,
    counted: Speaking,
}

impl Serving {
    /// Shakes hands, then speaks HTTP.
    async fn inside_tls(mut self, stream: TcpStream, config: Arc<ServerConfig>) {
        let deadline = tokio::time::Instant::now() + self.head_timeout;
        let shaken = tokio::select! {
            shaken = tls::handshake(stream, config) => shaken,
            () = tokio::time::sleep_until(deadline) => return tracing::debug!("a client did not finish its TLS handshake in time"),
            _ = self.stopped.changed() => return,
        };
        match shaken {
            Ok(stream) => self.connection(stream, Some(deadline)).await,
            Err(error) => tracing::debug!("a TLS handshake failed: {error}"),
        }
    }

    /// Speaks HTTP. The first head may have to be there earlier than the others: at `deadline`.
    async fn connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        deadline: Option<tokio::time::Instant>,
    ) {
        let Self { router, head_timeout, mut stopped, counted: _counted } = self;
        let stall = Stall::new();
        let service = service_fn(|request: http::Request<Incoming>| {
            let (router, stall) = (router.clone(), stall.clone());
            stall.request_came();
            async move {
                stall.answer_begins();
                let response = router.oneshot(request.map(Body::new)).await;
                response.map(|response| stall.answer_is(response))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stall.happens(STALL_MAX.max(head_timeout)) => return tracing::debug!("a client was cut off: it does not take its answer"),
            () = stall.asks_nothing_until(deadline) => return tracing::debug!("a client was cut off: its first request took too long"),
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("an HTTP connection failed: {error}");
        }
    }
}
