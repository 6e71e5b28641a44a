//! The HTTP front for endpoints that take WebSockets on lanes: connections begin there, and come here only if none takes them.
//!
//! The stream of a connection that becomes a WebSocket is registered once, with its lane's reactor, and no other thread has to
//! do with it. The price is that all other connections come here by way of a lane, so their first request waits for its turn.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use roomcast_http::{Direct, Head, Heads, Prefixed, Undirected};
use roomcast_lane::{Lanes, Stream, Wire};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::serve::{HEAD_BYTES_MAX, Host};

/// Gives new connections to lanes.
pub(crate) struct Entrance {
    lanes: Lanes,
    wire: Wire,
    heads: Arc<Heads>,
}

impl Entrance {
    /// Connections that no endpoint takes are for `host`, on the current runtime.
    pub(crate) fn new(direct: Vec<Direct>, timeout: Duration, host: Host) -> Self {
        let (runtime, lanes) = (Handle::current(), host.connections.lanes().clone());
        let others = move |connection| welcome(&runtime, &host, connection);
        let heads = Heads { direct, timeout, bytes_max: HEAD_BYTES_MAX, others: Box::new(others) };
        Self { lanes, wire: Wire::mute(), heads: Arc::new(heads) }
    }

    pub(crate) fn enter(&self, stream: std::net::TcpStream) {
        let heads = Arc::clone(&self.heads);
        let adopted = self.lanes.adopt(Stream::from(stream), Bytes::new(), &self.wire, || Head::new(heads));
        if let Err(error) = adopted {
            tracing::debug!("a connection was turned away: {error}");
        }
    }
}

/// Serves a connection from where its lane left off.
fn welcome(runtime: &Handle, host: &Host, connection: Undirected) {
    let Undirected { stream, read, deadline } = connection;
    let Ok(stream) = stream.into_tcp() else { return };
    // The server stops: whoever has not asked yet is not served any more.
    let Some(serving) = host.serving(stream.peer_addr()) else { return };
    runtime.spawn(async move {
        match watched(stream).await {
            Ok(stream) => serving.connection(Prefixed::new(read, stream), Some(deadline.into())).await,
            Err(error) => tracing::debug!("a connection was lost on its way from a lane: {error}"),
        }
    });
}

/// The stream on the current reactor, known to it as writable. hyper has the head already: it would come to write before the
/// reactor has looked, and an answer that closes the connection is lost if its first write has to wait.
async fn watched(stream: std::net::TcpStream) -> io::Result<TcpStream> {
    let stream = TcpStream::from_std(stream)?;
    stream.writable().await?;
    Ok(stream)
}
