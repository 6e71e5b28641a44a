//! What handlers take from a request.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use roomcast::Socket;
use roomcast_sails::Error;
use serde_json::value::RawValue;

/// The socket that a request came from. Plain HTTP has none, and is answered with 400.
pub(super) struct Caller(pub(super) Socket);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        parts.extensions.get::<Socket>().cloned().map(Self).ok_or(Error::NotASocket)
    }
}

/// The body as JSON, whatever its `Content-Type`; an empty one is `{}`.
pub(super) struct Body(pub(super) Box<RawValue>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        match serde_json::from_slice(json) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err((StatusCode::BAD_REQUEST, format!("the body is no valid JSON: {error}")).into_response()),
        }
    }
}
