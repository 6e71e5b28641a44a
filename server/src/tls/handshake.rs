//! From an accepted connection to one inside TLS.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of whatever a TLS client says first (RFC 8446 section 5.1: a record of type handshake).
const HANDSHAKE: u8 = 22;
/// So much of a request is read before it is refused, because closing a stream with unread bytes may destroy the answer.
const REQUEST_BYTES: usize = 16 * 1024;

const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 46\r\nConnection: close\r\n\r\nThis port speaks TLS: use https:// or wss://.\n";

/// Shakes hands. Takes as long as the client does.
///
/// # Errors
/// When the client leaves, or does not speak TLS, or none that it has in common with us. One that speaks HTTP is told so.
pub(crate) async fn handshake(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if first == [HANDSHAKE] => TlsAcceptor::from(config).accept(stream).await,
        _ if first[0].is_ascii_uppercase() => {
            refuse_plain_http(stream).await?;
            Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks HTTP without TLS"))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS")),
    }
}

async fn refuse_plain_http(mut stream: TcpStream) -> io::Result<()> {
    let mut request = vec![0; REQUEST_BYTES];
    let _what_is_there = stream.try_read(&mut request);
    stream.write_all(PLAIN_HTTP).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
