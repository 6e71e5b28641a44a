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

/// How long to wait when the process or the system has no file left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// How often at most to say so.
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
    let result = accept(&listener, stop, |stream| {
        if front.connections.open() >= front.connections_max {
            return tracing::debug!("a connection was turned away: there are {} already", front.connections_max);
        }
        let counted = front.connections.enter();
        tokio::spawn(serve_connection(stream, router.clone(), front.head_timeout, stopped.clone(), counted));
    })
    .await;
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

/// Accepts until `stop` resolves.
async fn accept(listener: &TcpListener, stop: impl Future<Output = ()>, take: impl Fn(TcpStream)) -> io::Result<()> {
    let mut stop = pin!(stop);
    let mut said: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return Ok(()),
        };
        match accepted {
            // Frames are gathered by the lanes; Nagle's algorithm would only hold back the last one.
            Ok((stream, _)) => match stream.set_nodelay(true) {
                Ok(()) => take(stream),
                Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
            },
            Err(error) if is_out_of_files(&error) => {
                if said.is_none_or(|said| said.elapsed() >= SAY_SO) {
                    tracing::warn!("connections wait to be accepted: {error}; raise the limit of open files");
                    said = Some(Instant::now());
                }
                tokio::time::sleep(OUT_OF_FILES).await;
            }
            Err(error) if is_passing(&error) => {
                tracing::debug!("a connection was lost before it was accepted: {error}");
            }
            Err(error) => return Err(error),
        }
    }
}

/// EMFILE, ENFILE, no memory: the connection stays in the queue and will do later.
fn is_out_of_files(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) || error.kind() == io::ErrorKind::OutOfMemory
}

/// Errors of the connection, not of the listener (accept(2)).
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::PermissionDenied
            | Kind::TimedOut
    )
}
