//! The beginning of a connection on a lane: a request's head, which decides where the connection belongs.
//!
//! ```text
//!   bytes --> not GET, or no path of ours -----------------------+
//!     |       not well-formed, too long, or with a body ---------+--> given away, with every byte: an HTTP server answers
//!     v                                                          |
//!   whole --> its endpoint does not take it ---------------------+
//!     |
//!     v       101, and the endpoint's protocol goes on in place
//! ```
//! Nothing is answered here but a handshake that is accepted. What is given away is given away as soon as that is clear, so
//! that an HTTP server says what it always says, and when.

use std::fmt;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use roomcast_lane::{Close, Context, Farewell, Progress, Protocol, Stream};

use crate::direct::{Direct, Upgrade};

/// How every request begins that may become a WebSocket.
const GET: &[u8] = b"GET ";
/// Headers of a request; hyper's limit.
const HEADERS_MAX: usize = 100;

/// What all heads of a server share.
pub struct Heads {
    /// The endpoints that may take a connection.
    pub direct: Vec<Direct>,
    /// How long a head may take; then its connection is closed.
    pub timeout: Duration,
    /// From this length on, in bytes, a head that is not whole is left to the HTTP server.
    pub bytes_max: usize,
    /// Takes the connections that no endpoint takes. Called on a lane's thread, which it must not block.
    pub others: Box<dyn Fn(Undirected) + Send + Sync>,
}

/// A connection that is for an HTTP server.
#[derive(Debug)]
pub struct Undirected {
    /// The stream.
    pub stream: Stream,
    /// What was read of it.
    pub read: Bytes,
    /// When the head has to be whole.
    pub deadline: Instant,
}

/// The protocol of a connection until its first request is there.
pub struct Head {
    heads: Arc<Heads>,
    /// How much of the input was parsed in vain.
    parsed: usize,
    deadline: Option<Instant>,
}

/// What is to become of what came so far.
enum Judged {
    Wait,
    /// The head is so many bytes long.
    Taken(Upgrade, usize),
    Other,
}

/// A head is not well-formed, or of a kind that an HTTP server had better judge.
struct Odd;

impl Head {
    /// Of a new connection.
    pub fn new(heads: Arc<Heads>) -> Self {
        Self { heads, parsed: 0, deadline: None }
    }

    /// Gives the connection away.
    fn give_away(&self, input: &[u8], cx: &mut Context<'_>) {
        let (heads, read) = (Arc::clone(&self.heads), Bytes::copy_from_slice(input));
        let deadline = self.deadline.unwrap_or_else(|| cx.now());
        cx.eject(move |stream| (heads.others)(Undirected { stream, read, deadline }));
    }
}

impl Protocol for Head {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.deadline = Some(cx.now() + self.heads.timeout);
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        Ok(Progress::used(match self.heads.judge(input, self.parsed) {
            Judged::Wait => {
                self.parsed = input.len();
                0
            }
            Judged::Taken(Upgrade { response, wire, protocol }, length) => {
                cx.write(&head_of(&response));
                cx.replace(protocol, &wire);
                length
            }
            Judged::Other => {
                self.give_away(input, cx);
                input.len()
            }
        }))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant, _cx: &mut Context<'_>) -> Result<(), Close> {
        match self.deadline {
            Some(deadline) if deadline <= now => Err(Close::ended()),
            _ => Ok(()),
        }
    }

    /// Nobody has asked anything, so there are no last words, and nothing to wait for.
    fn handle_close(&mut self, _close: &Close, cx: &mut Context<'_>) -> Farewell {
        cx.eject(drop);
        Farewell::Finish
    }
}

impl Heads {
    /// Judges input, of which the first `parsed` bytes are known to be no whole head.
    fn judge(&self, input: &[u8], parsed: usize) -> Judged {
        let Some(direct) = self.find(input) else {
            return if self.may_be_direct(input) { Judged::Wait } else { Judged::Other };
        };
        // Whatever is wrong with a line is found when the line is there.
        let has_line = input.get(parsed..).is_some_and(|new| new.contains(&b'\n'));
        match if has_line { parse(input) } else { Ok(None) } {
            Ok(None) if input.len() < self.bytes_max => Judged::Wait,
            // Behind its head stands what an endpoint would take for the first bytes of another protocol.
            Ok(Some((request, _))) if has_body(&request) => Judged::Other,
            Ok(Some((request, length))) if length <= self.bytes_max => {
                direct.upgrade(request).map_or(Judged::Other, |upgrade| Judged::Taken(upgrade, length))
            }
            _ => Judged::Other,
        }
    }

    /// The endpoint that is meant, if so much is there.
    fn find(&self, input: &[u8]) -> Option<&Direct> {
        let target = input.strip_prefix(GET)?;
        let end = target.iter().position(|byte| matches!(byte, b' ' | b'?'))?;
        self.direct.iter().find(|direct| direct.path().as_bytes() == &target[..end])
    }

    /// Whether input that names no path yet may come to name one of an endpoint.
    fn may_be_direct(&self, input: &[u8]) -> bool {
        match input.strip_prefix(GET) {
            Some(target) => self.direct.iter().any(|direct| direct.path().as_bytes().starts_with(target)),
            None => GET.starts_with(input),
        }
    }
}

/// Whether a body follows (RFC 9112, section 6.3). A length that cannot be read is for others to judge.
fn has_body(request: &Request<()>) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING) || headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// Reads a head as hyper does, with the same parser: a request and how long its head is, once it is whole.
fn parse(input: &[u8]) -> Result<Option<(Request<()>, usize)>, Odd> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(input, &mut headers) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => match build(&request, input, length) {
            Some(request) => Ok(Some((request, length))),
            None => Err(Odd),
        },
        Err(_) => Err(Odd),
    }
}

/// The request of a head. Its parts share one copy of it.
fn build(parsed: &httparse::Request<'_, '_>, input: &[u8], length: usize) -> Option<Request<()>> {
    let head = Bytes::copy_from_slice(&input[..length]);
    let share = |part: &[u8]| {
        let start = part.as_ptr().addr() - input.as_ptr().addr();
        head.slice(start..start + part.len())
    };
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for header in &*parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(share(header.value)).ok()?);
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    *request.uri_mut() = Uri::from_maybe_shared(share(parsed.path?.as_bytes())).ok()?;
    *request.version_mut() = if parsed.version? == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    *request.headers_mut() = headers;
    Some(request)
}

/// A response's head as bytes.
fn head_of(response: &Response<()>) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(response.status().as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(response.status().canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in response.headers() {
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").field("direct", &self.direct).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("parsed", &self.parsed).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
