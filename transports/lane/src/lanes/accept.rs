//! Accepting connections.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::lanes::Lanes;
use crate::lanes::order::Order;
use crate::seldom::Seldom;

/// How long to wait when the process or the system has no file left, or something else for a connection.
const SHORTAGE: Duration = Duration::from_millis(100);
/// How long a peer may be silent until the system asks whether it is there, and how often it asks then. Linux takes a peer that
/// never answers, nine times, for dead: two and a half minutes together.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(10));
/// Lanes that accept at most. Each of them is woken for a connection, if it sleeps; one that a handler holds is of no use.
const ACCEPTORS_MAX: usize = 2;
/// Connections that are accepted in one go.
const AT_ONCE_MAX: usize = 64;

static SHORT: Seldom = Seldom::new();

/// Gives `take` the connections that come to a listener, until `end` resolves.
///
/// Nagle's algorithm is off on them, and keepalive is on: a peer that is gone without a word is noticed within some minutes,
/// also by protocols that send nothing by themselves. Running out of files neither ends it nor makes it spin: it says so once a
/// second at most, and tries again every 100 ms. Errors of a connection are logged and pass.
///
/// # Errors
/// Those of the listener that do not pass.
pub async fn accept(
    listener: &TcpListener,
    mut take: impl FnMut(TcpStream),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut end = pin!(end);
    loop {
        let accepted = match select(pin!(listener.accept()), end.as_mut()).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(((), _)) => return Ok(()),
        };
        match accepted {
            Ok((stream, _)) => match prepare(&SockRef::from(&stream)) {
                Ok(()) => take(stream),
                Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
            },
            Err(error) => bear(error).await?,
        }
    }
}

/// What a lane needs to accept connections on its own thread.
pub(crate) struct Acceptor {
    listener: std::net::TcpListener,
    take: Arc<dyn Fn(std::net::TcpStream) + Send + Sync>,
    /// Changes, or is gone, when there is enough.
    enough: watch::Receiver<()>,
    failed: mpsc::Sender<io::Error>,
}

impl Lanes {
    /// Accepts connections on the threads of lanes, which so need no other thread to be woken for a connection, and gives them
    /// to `take` there: it must not block, and usually calls [`Lanes::adopt`]. One or two of the lanes do it, several
    /// connections at a time if so many are there; no reactor watches them yet, and they block. Otherwise as [`accept`].
    ///
    /// # Errors
    /// As [`accept`].
    pub async fn accept(
        &self,
        listener: TcpListener,
        take: impl Fn(std::net::TcpStream) + Send + Sync + 'static,
        end: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let (listener, take) = (listener.into_std()?, Arc::new(take));
        let (end_all, enough) = watch::channel(());
        let (failed, mut failure) = mpsc::channel(1);
        for lane in self.0.lanes.iter().take(ACCEPTORS_MAX) {
            let (take, enough, failed) = (Arc::clone(&take) as _, enough.clone(), failed.clone());
            lane.push(Order::Listen(Box::new(Acceptor { listener: listener.try_clone()?, take, enough, failed })));
        }
        drop((listener, enough, failed));
        let mut end = pin!(end);
        let result = match select(pin!(failure.recv()), end.as_mut()).await {
            Either::Left((Some(error), _)) => Err(error),
            // The lanes have ended.
            Either::Left((None, _)) => {
                end.await;
                Ok(())
            }
            Either::Right(((), _)) => Ok(()),
        };
        end_all.send_replace(());
        // Nobody listens any more.
        end_all.closed().await;
        result
    }
}

impl Acceptor {
    /// On the lane's own runtime.
    pub(crate) async fn run(self) {
        let Self { listener, take, mut enough, failed } = self;
        let end = async { drop(enough.changed().await) };
        if let Err(error) = accept_unwatched(listener, &*take, end).await {
            // Another lane's may be the one that is told.
            let _ = failed.try_send(error);
        }
    }
}

/// As [`accept`], for streams that no reactor watches yet.
#[cfg(unix)]
async fn accept_unwatched(
    listener: std::net::TcpListener,
    take: &(dyn Fn(std::net::TcpStream) + Send + Sync),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[expect(
        deprecated,
        reason = "what replaces it is unsafe; a listener of std keeps its descriptor as long as it lives"
    )]
    let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
    let mut end = pin!(end);
    loop {
        let mut ready = match select(end.as_mut(), pin!(listener.readable())).await {
            Either::Left(((), _)) => return Ok(()),
            Either::Right((ready, _)) => ready?,
        };
        let mut accepted = 0;
        while accepted < AT_ONCE_MAX
            && let Ok(result) = ready.try_io(|listener| listener.get_ref().accept())
        {
            accepted += 1;
            match result {
                Ok((stream, _)) => match prepare(&SockRef::from(&stream)) {
                    Ok(()) => take(stream),
                    Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
                },
                Err(error) => {
                    bear(error).await?;
                    break;
                }
            }
        }
        if accepted == AT_ONCE_MAX {
            // The lane has other connections too.
            tokio::task::yield_now().await;
        }
    }
}

/// As [`accept`], for streams that no reactor watches: here by way of this one.
#[cfg(not(unix))]
async fn accept_unwatched(
    listener: std::net::TcpListener,
    take: &(dyn Fn(std::net::TcpStream) + Send + Sync),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let take = |stream: TcpStream| match stream.into_std() {
        Ok(stream) => take(stream),
        Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
    };
    accept(&TcpListener::from_std(listener)?, take, end).await
}

/// What every connection gets, whoever speaks on it: four calls of the system.
fn prepare(stream: &SockRef<'_>) -> io::Result<()> {
    // Lanes gather frames themselves; Nagle's algorithm would only hold back the last one.
    stream.set_tcp_nodelay(true)?;
    stream.set_tcp_keepalive(&KEEPALIVE)
}

/// What goes wrong at a listener: waits, if that helps.
///
/// # Errors
/// The error, if it does not pass.
async fn bear(error: io::Error) -> io::Result<()> {
    if is_passing(&error) {
        tracing::debug!("a connection was lost before it was accepted: {error}");
        return Ok(());
    }
    if is_final(&error) {
        return Err(error);
    }
    SHORT.say(|left_out| {
        let advice = if is_out_of_files(&error) { "; raise the limit of open files" } else { "" };
        tracing::warn!("connections wait to be accepted{left_out}: {error}{advice}");
    });
    tokio::time::sleep(SHORTAGE).await;
    Ok(())
}

/// EMFILE, ENFILE, WSAEMFILE.
fn is_out_of_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| [24, 23, 10_024].contains(&number))
}

/// Whether the listener is no use any more: the system says that it is none (EBADF, EINVAL, ENOTSOCK and their like on
/// Windows), or it is not the system that speaks. All other errors that are not the connection's are taken for a shortage,
/// as of files, memory or buffers: the connection stays in the queue and will do later.
pub(crate) fn is_final(error: &io::Error) -> bool {
    const NOT_A_SOCKET: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };
    error.raw_os_error().is_none_or(|number| [9, 22, NOT_A_SOCKET, 10_009, 10_022, 10_038].contains(&number))
}

/// Errors of the connection, not of the listener (accept(2)).
pub(crate) fn is_passing(error: &io::Error) -> bool {
    // EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EOPNOTSUPP: Linux tells what a connection that waits has gone through.
    const OF_LINUX: [i32; 5] = [71, 92, 112, 64, 95];
    if cfg!(target_os = "linux") && error.raw_os_error().is_some_and(|number| OF_LINUX.contains(&number)) {
        return true;
    }
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, PermissionDenied, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | PermissionDenied
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use roomcast::Engine;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn peers_that_are_gone_without_a_word_are_noticed() {
        let lanes = Lanes::builder().threads(1).start(&Engine::new()).unwrap();
        let listeners =
            [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
        let [here, there] = listeners;
        let (tell, mut told) = unbounded_channel();
        let tell_too = tell.clone();
        tokio::spawn(async move {
            accept(&here, |stream| tell.send(stream.into_std().unwrap()).unwrap(), std::future::pending()).await
        });
        tokio::spawn({
            let lanes = lanes.clone();
            async move { lanes.accept(there, move |stream| tell_too.send(stream).unwrap(), std::future::pending()).await }
        });
        for address in addresses {
            let _client = TcpStream::connect(address).await.unwrap();
            let accepted = told.recv().await.unwrap();
            assert!(SockRef::from(&accepted).keepalive().unwrap());
        }
    }
}
