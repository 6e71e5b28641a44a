//! The HTTP front: accepts connections and serves a router on them, HTTP/1.1 with upgrades.
//!
//! What `axum::serve` leaves to others is done here. A connection that has not sent a whole request head in time is closed,
//! and so is one that does not go on with its request's body, or does not take its answer. The number of connections is
//! counted and bounded. Running out of files neither ends the server nor makes it spin.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use roomcast_http::{Direct, KeptEnd, Peer, Seldom, a_year_at_most};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::bodiless::without_forbidden_body;
use crate::connections::{Connections, Speaking};
use crate::direct::Entrance;
use crate::stall::Stall;
use crate::tls::{self, TlsIdentity};

/// The longest request head, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

static TURNED_AWAY: Seldom = Seldom::new();

/// How connections are served. Times are a year at most.
#[derive(Clone, Debug)]
pub struct Front {
    /// How long a connection may take to send the head of a request, the first or a further one. Inside TLS, the handshake
    /// and the first head together.
    pub head_timeout: Duration,
    /// How long a client may stall: not send the next piece of its request's body, for which a handler waits, or take nothing
    /// of its answer. 30 s suit most; if `head_timeout` is longer, that counts. A handler waits from when it asked for a piece
    /// in vain until it gets one or drops the body, whatever else it waits for meanwhile: uploads with pauses need more.
    pub stall_timeout: Duration,
    /// How long requests that have begun may take to finish when the server stops, and clients to take the answers. Then
    /// their connections are cut off.
    pub drain: Duration,
    /// How many connections there may be, upgraded ones and those that shake hands included. Further ones are closed as soon
    /// as they are accepted.
    pub connections_max: usize,
    /// Where they are counted.
    pub connections: Connections,
    /// Endpoints that are asked before the router, as [`WebSocket::direct`](roomcast_websocket::WebSocket::direct) makes them.
    /// If there are any, each connection begins on one of the lanes of `connections`, and one that such an endpoint takes stays
    /// there: a connect costs a quarter less. All others come to the router with their first request, which so waits for a
    /// turn of its lane. Inside TLS it has no effect, so the endpoints belong into the router too. When [`serve`] has stopped,
    /// connections that have not asked for anything yet are still on the lanes, until those are drained or `head_timeout` is
    /// over.
    pub direct: Vec<Direct>,
}

/// Serves `router` on all connections that come, until `stop` resolves; then lets the requests that have begun finish, for
/// [`Front::drain`] at most. Whoever drops the future cuts them off at once.
///
/// A client that a handler or its answer waits for, to send the next piece of its request's body or to take the next piece of
/// its answer, is cut off without an answer after [`Front::stall_timeout`]. Each write that took some of the answer gives it
/// this time again, however slowly it reads.
///
/// A client that ends its side behind a whole request is answered; after 2 s of work for it a handler, or the body of an
/// answer that has nothing to give, is dropped, since the client may have left.
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
    let Front { head_timeout, stall_timeout, drain, connections_max, connections, direct } = front;
    let (head_timeout, drain) = (a_year_at_most(head_timeout), a_year_at_most(drain));
    let stall_timeout = a_year_at_most(stall_timeout).max(head_timeout);
    let stopping = Stopping(watch::Sender::new(None));
    let host =
        Host { router, head_timeout, stall_timeout, connections: connections.clone(), stopping: stopping.0.clone() };
    let gate = Gate { connections: connections.clone(), max: connections_max };
    let result = if identity.is_none() && !direct.is_empty() {
        let lanes = connections.lanes().clone();
        let entrance = Entrance::new(direct, head_timeout, host);
        lanes.accept(listener, move |stream| gate.admit(|| entrance.enter(stream)), stop).await
    } else {
        let take = |stream| gate.admit(|| host.take(stream, identity.as_ref()));
        let result = roomcast_lane::accept(&listener, take, stop).await;
        drop(listener);
        result
    };
    stopping.0.send_replace(Some(Instant::now() + drain));
    // Each connection that speaks HTTP has a receiver.
    stopping.0.closed().await;
    result
}

/// When connections are cut off, once the server stops. To drop it is to cut them off now.
struct Stopping(watch::Sender<Option<Instant>>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.send_replace(Some(Instant::now()));
    }
}

/// Turns connections away when there are too many.
struct Gate {
    connections: Connections,
    max: usize,
}

impl Gate {
    fn admit(&self, take: impl FnOnce()) {
        if self.connections.open() < self.max {
            return take();
        }
        let max = self.max;
        TURNED_AWAY.say(|left_out| {
            tracing::warn!(
                "a connection was turned away{left_out}: there are {max} already; raise the limit of open files"
            );
        });
    }
}

/// What all connections that speak HTTP have in common.
pub(crate) struct Host {
    router: Router,
    head_timeout: Duration,
    stall_timeout: Duration,
    pub(crate) connections: Connections,
    stopping: watch::Sender<Option<Instant>>,
}

impl Host {
    /// One more connection; `None` when the server stops.
    pub(crate) fn serving(&self, peer: io::Result<SocketAddr>) -> Option<Serving> {
        let (router, peer) = (self.router.clone(), peer.ok().map(Peer));
        let &Self { head_timeout, stall_timeout, .. } = self;
        let stopped = self.stopping.subscribe();
        let stops = stopped.borrow().is_some();
        (!stops).then(|| Serving {
            router,
            head_timeout,
            stall_timeout,
            peer,
            stopped,
            counted: self.connections.enter(),
        })
    }

    fn take(&self, stream: TcpStream, identity: Option<&TlsIdentity>) {
        let Some(serving) = self.serving(stream.peer_addr()) else { return };
        match identity {
            None => tokio::spawn(serving.connection(stream, None)),
            Some(identity) => tokio::spawn(serving.inside_tls(stream, identity.config())),
        };
    }
}

/// What the task of a connection has.
pub(crate) struct Serving {
    router: Router,
    head_timeout: Duration,
    stall_timeout: Duration,
    /// Unknown of one that is gone already.
    peer: Option<Peer>,
    stopped: watch::Receiver<Option<Instant>>,
    counted: Speaking,
}

impl Serving {
    /// Shakes hands, then speaks HTTP.
    async fn inside_tls(mut self, stream: TcpStream, config: Arc<ServerConfig>) {
        let deadline = Instant::now() + self.head_timeout;
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
    pub(crate) async fn connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        deadline: Option<Instant>,
    ) {
        let Self { router, head_timeout, stall_timeout, peer, mut stopped, counted: _counted } = self;
        let stall = Stall::new();
        let service = service_fn(|mut request: http::Request<Incoming>| {
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            let (router, stall) = (router.clone(), stall.clone());
            request.extensions_mut().insert(stall.clone());
            stall.request_came();
            async move {
                let request = stall.answer_begins(request.map(Body::new));
                let response = router.oneshot(request).await;
                response.map(|response| stall.answer_is(without_forbidden_body(response)))
            }
        });
        let (kept, taken, mut sleep) = (stall.clone(), stall.clone(), Box::pin(tokio::time::sleep(Duration::ZERO)));
        let stream = KeptEnd::new(stream, move |cx| kept.poll_told(&mut sleep, cx)).on_taken(move || taken.takes());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let cut_off = async {
            tokio::select! {
                () = stall.happens(stall_timeout) => "it does not go on with its request, or take its answer",
                () = stall.asks_nothing_until(deadline) => "its first request took too long",
            }
        };
        let (mut connection, mut cut_off) = (pin!(connection), pin!(cut_off));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            why = cut_off.as_mut() => return tracing::debug!("a client was cut off: {why}"),
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    why = cut_off => return tracing::debug!("a client was cut off: {why}"),
                    () = passed(stopped) => return tracing::debug!("a client was cut off: the server stops"),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!("an HTTP connection failed: {error}");
        }
    }
}

/// Resolves when the server has stopped and its time for that is over.
async fn passed(mut stopped: watch::Receiver<Option<Instant>>) {
    loop {
        let deadline = *stopped.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return,
            changed = stopped.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use roomcast::Engine;
    use roomcast_lane::Lanes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_an_answer_slowly_gets_all_of_it_also_if_it_is_one_piece() {
        const LIMIT: Duration = Duration::from_secs(30);
        const BYTES: usize = 1 << 20;
        const AT_ONCE: usize = 64 << 10;
        let lanes = Lanes::builder().threads(1).start(&Engine::new()).unwrap();
        let router = Router::new().route("/", get(async || "x".repeat(BYTES)));
        let connections = Connections::new(&lanes);
        let stopping = watch::Sender::new(None);
        let host = Host { router, head_timeout: LIMIT / 9, stall_timeout: LIMIT, connections, stopping };
        let (near, mut far) = tokio::io::duplex(AT_ONCE);
        let serving = host.serving(Err(io::ErrorKind::NotConnected.into())).unwrap();
        tokio::spawn(serving.connection(near, None));
        far.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; AT_ONCE]);
        loop {
            tokio::time::sleep(LIMIT / 2).await;
            match far.read(&mut piece).await.unwrap() {
                0 => break,
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        assert!(answer.ends_with(&[b'x'; BYTES]), "all of it, not {} bytes", answer.len());
    }
}
