//! Accepting connections.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when the process or the system has no file left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// How often at most to say so.
const SAY_SO: Duration = Duration::from_secs(1);
/// Connections that are accepted in one go.
const AT_ONCE_MAX: usize = 64;

/// Gives `take` the connections that come to a listener, until `end` resolves.
///
/// Nagle's algorithm is off on them. Running out of files neither ends it nor makes it spin: it says so at most once a
/// second, and tries again every 100 ms. Errors of a connection are logged and pass.
///
/// # Errors
/// Those of the listener that do not pass.
pub async fn accept(
    listener: &TcpListener,
    mut take: impl FnMut(TcpStream),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut end = pin!(end);
    let mut troubles = Troubles::default();
    loop {
        let accepted = match select(pin!(listener.accept()), end.as_mut()).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(((), _)) => return Ok(()),
        };
        match accepted {
            // Lanes gather frames themselves; Nagle's algorithm would only hold back the last one.
            Ok((stream, _)) => match stream.set_nodelay(true) {
                Ok(()) => take(stream),
                Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
            },
            Err(error) => troubles.handle(error).await?,
        }
    }
}

/// The same for streams that no reactor watches yet: they are for lanes, which have reactors of their own. They are
/// non-blocking, and accepted several at a time if so many are there.
///
/// # Errors
/// As [`accept`].
#[cfg(unix)]
pub async fn accept_unwatched(
    listener: TcpListener,
    mut take: impl FnMut(std::net::TcpStream),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[expect(
        deprecated,
        reason = "what replaces it is unsafe; a listener of std keeps its descriptor as long as it lives"
    )]
    let listener = AsyncFd::with_interest(listener.into_std()?, Interest::READABLE)?;
    let mut end = pin!(end);
    let mut troubles = Troubles::default();
    loop {
        let mut ready = match select(pin!(listener.readable()), end.as_mut()).await {
            Either::Left((ready, _)) => ready?,
            Either::Right(((), _)) => return Ok(()),
        };
        for _ in 0..AT_ONCE_MAX {
            match ready.try_io(|listener| listener.get_ref().accept()) {
                Ok(Ok((stream, _))) => match prepare(&stream) {
                    Ok(()) => take(stream),
                    Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
                },
                Ok(Err(error)) => {
                    troubles.handle(error).await?;
                    break;
                }
                Err(_would_block) => break,
            }
        }
    }
}

/// The same for streams that no reactor watches: here by way of this one.
///
/// # Errors
/// As [`accept`].
#[cfg(not(unix))]
pub async fn accept_unwatched(
    listener: TcpListener,
    mut take: impl FnMut(std::net::TcpStream),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let take = |stream: TcpStream| match stream.into_std() {
        Ok(stream) => take(stream),
        Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
    };
    accept(&listener, take, end).await
}

#[cfg(unix)]
fn prepare(stream: &std::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)
}

/// What goes wrong at a listener.
#[derive(Default)]
struct Troubles {
    said: Option<Instant>,
}

impl Troubles {
    /// Waits, if that helps.
    ///
    /// # Errors
    /// The error, if it does not pass.
    async fn handle(&mut self, error: io::Error) -> io::Result<()> {
        if is_out_of_files(&error) {
            if self.said.is_none_or(|said| said.elapsed() >= SAY_SO) {
                tracing::warn!("connections wait to be accepted: {error}; raise the limit of open files");
                self.said = Some(Instant::now());
            }
            tokio::time::sleep(OUT_OF_FILES).await;
            return Ok(());
        }
        if is_passing(&error) {
            tracing::debug!("a connection was lost before it was accepted: {error}");
            return Ok(());
        }
        Err(error)
    }
}

/// EMFILE, ENFILE, WSAEMFILE, ENOMEM: the connection stays in the queue and will do later.
fn is_out_of_files(error: &io::Error) -> bool {
    const NUMBERS: [i32; 3] = [24, 23, 10_024];
    error.raw_os_error().is_some_and(|number| NUMBERS.contains(&number)) || error.kind() == io::ErrorKind::OutOfMemory
}

/// Errors of the connection, not of the listener (accept(2)).
fn is_passing(error: &io::Error) -> bool {
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
