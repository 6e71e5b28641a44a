//! What sails.io.js loads from the server of another site before it connects, so that the browser has a session's cookie of it.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use roomcast_lane::BoxFuture;
use tower_service::Service;

use crate::session::Session;

/// Answers `GET /__getcookie`: a script that calls the client back. Under a [`SessionLayer`](crate::SessionLayer) the browser
/// gets a session with it, if it has none: one session is stored for each browser that asks.
///
/// A page of another site only gets and sends the cookie if that is [`SameSite::None`](crate::SameSite::None), and only in
/// browsers that let other sites have cookies at all.
///
/// ```
/// use axum::Router;
/// use roomcast_sails::{GetCookie, MemoryStore, SameSite, SessionLayer};
///
/// let sessions = SessionLayer::builder(MemoryStore::new(), ["a secret"]).same_site(SameSite::None).build()?;
/// let app: Router = Router::new().route_service(GetCookie::PATH, GetCookie).layer(sessions);
/// # Ok::<_, roomcast_sails::InvalidSessionSettings>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GetCookie;

impl GetCookie {
    /// Where clients look for it.
    pub const PATH: &str = "/__getcookie";
}

impl<B> Service<Request<B>> for GetCookie {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        let session = request.extensions().get::<Session>().cloned();
        Box::pin(async move {
            if !is_get {
                return Ok(answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "Not Found"));
            }
            if let Some(session) = session {
                session.begin().await;
            }
            Ok(answer(StatusCode::OK, "application/javascript; charset=utf-8", "_sailsIoJSConnect();"))
        })
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // From a cache it would come without a cookie, or with somebody else's.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
