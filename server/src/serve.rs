//! The HTTP front: accepts connections and serves a router on them, HTTP/1.1 with upgrades.
//!
//! What `axum::serve` leaves to others is done here. A connection that has not sent a whole request head in time is closed,
//! and so is one that does not take its answer. The number of connections is counted and bounded. Running out of files
//! neither ends the server nor makes it spin.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::connections::{Connections, Speaking};
use crate::stall::Stall;

/// How often at most to say that connections are turned away.
const SAY_SO: Duration = Duration::from_secs(1);
/// How long it may be a client's turn, to take its answer or to send a head, if a head may not take longer.
const STALL_MAX: Duration = Duration::from_secs(30);
/// The longest request head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How connections are served.
#[derive(Clone, Debug)]
pub struct Front {
    /// How long a connection may take to send the head of a request, the first or a further one.
    pub head_timeout: Duration,
    /// How many connections there may be, upgraded ones included. Further ones are closed as soon as they are accepted.
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
        tokio::spawn(serve_connection(stream, router.clone(), front.head_timeout, stopped.clone(), counted));
    };
    let result = roomcast_lane::accept(&listener, take, stop).await;
    drop((listener, stopped));
    stopping.send_replace(());
    // Each connection has a receiver.
    stopping.closed().await;
    result
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    head_timeout: Duration,
    mut stopped: watch::Receiver<()>,
    _counted: Speaking,
) {
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
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("an HTTP connection failed: {error}");
    }
}
