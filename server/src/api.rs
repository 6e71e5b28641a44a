//! The room verbs as requests: over plain HTTP, and over sockets of sails.io.js and Socket.IO (virtual requests).
//!
//! One router answers both. What needs a socket answers plain HTTP with 400. Unknown routes and methods are 404, and no 405.

mod echo;
mod extract;
mod fields;
mod rooms;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use roomcast::Engine;
use roomcast_sails::{GetCookie, Sockets, is_decodable};
use tower::ServiceExt;

/// The routes, for sockets of an engine; bodies have `body_bytes_max` at most.
pub(crate) fn router(engine: &Engine, body_bytes_max: usize) -> Router {
    Router::new()
        .route("/echo", with_options(echo::routes()))
        .route("/text", with_options(get(async || "just text")))
        .route("/status/{code}", with_options(get(status)))
        .route("/boom", with_options(get(boom)))
        .route_service(GetCookie::PATH, GetCookie)
        .merge(rooms::router().with_state(Sockets::new(engine)))
        .layer(DefaultBodyLimit::max(body_bytes_max))
}

/// Puts the rules for all routes around them: who sends escapes that are none hears of it; what is not there is 404, of any
/// method.
pub(crate) fn with_rules(router: Router) -> Router {
    let router = router.method_not_allowed_fallback(not_found).fallback(not_found).layer(from_fn(decodable));
    // Around the router, since it is the router that says which methods there are.
    Router::new().fallback_service(ServiceExt::<Request>::map_response(router, without_allow))
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "Not Found")
}

async fn decodable(request: Request, next: Next) -> Response {
    if !is_decodable(request.uri().path()) {
        return (StatusCode::BAD_REQUEST, "Bad request: Could not decode requested URL.").into_response();
    }
    next.run(request).await
}

fn without_allow(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        response.headers_mut().remove(header::ALLOW);
    }
    response
}

/// What is asked with OPTIONS is answered where there is something to ask for.
fn with_options<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.options(async || StatusCode::OK)
}

/// The status that is asked for, of those that an answer can have.
async fn status(Path(code): Path<String>) -> Response {
    let code = code.parse().ok().filter(|code| (200..600).contains(code));
    let status = code.and_then(|code| StatusCode::from_u16(code).ok().map(|status| (code, status)));
    match status {
        Some((code, status)) => {
            let json = format!("{{\"code\":{code}}}");
            (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
        }
        None => (StatusCode::BAD_REQUEST, "a status is a number from 200 to 599").into_response(),
    }
}

/// An action that fails.
async fn boom() -> (StatusCode, &'static str) {
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}
