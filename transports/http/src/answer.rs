//! Answers to requests that become no connection.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

/// An answer in plain text, after which the connection is [closed](closing).
pub fn refusal(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    closing(response)
}

/// The same answer with `Connection: close` (RFC 9112, section 9.6), as a refused upgrade needs it: behind a proxy that took
/// the request for an upgrade already, whatever follows on this connection may not be a request.
#[must_use]
pub fn closing<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
    response
}
