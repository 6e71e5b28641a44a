//! Accepting connections.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpStream};

use crate::lanes::AdoptError;
use crate::link::stream::Stream;

/// How long to wait when the process or the system has no file left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// How often at most to say so.
const SAY_SO: Duration = Duration::from_secs(1);

/// Accepts until `end` resolves.
pub(crate) async fn accept(
    listener: &TcpListener,
    adopt: impl Fn(Stream) -> Result<(), AdoptError>,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut end = pin!(end);
    let mut said: Option<Instant> = None;
    loop {
        let accepted = match select(pin!(listener.accept()), end.as_mut()).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(((), _)) => return Ok(()),
        };
        match accepted {
            Ok((stream, _)) => take(stream, &adopt),
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

fn take(stream: TcpStream, adopt: &impl Fn(Stream) -> Result<(), AdoptError>) {
    // Frames are gathered here; Nagle's algorithm would only hold back the last one.
    let stream = stream.set_nodelay(true).and_then(|()| Stream::tcp(stream));
    match stream.map(adopt) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a connection was turned away: {error}"),
        Err(error) => tracing::debug!("a connection was lost while it was accepted: {error}"),
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
