//! The live page at `/`, in the binary: HTML, CSS and a few modules of JavaScript.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the page.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/page.css", get(async || file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route("/page.js", get(async || script(include_str!("page/page.js"))))
        .route("/pane.js", get(async || script(include_str!("page/pane.js"))))
        .route("/socket-pane.js", get(async || script(include_str!("page/socket-pane.js"))))
        .route("/dom.js", get(async || script(include_str!("page/dom.js"))))
        .route("/rounds.js", get(async || script(include_str!("page/rounds.js"))))
        .route("/http.js", get(async || script(include_str!("page/http.js"))))
        .route("/socketio.js", get(async || script(include_str!("page/socketio.js"))))
        .route("/socketio-pane.js", get(async || script(include_str!("page/socketio-pane.js"))))
        .route("/request.js", get(async || script(include_str!("page/request.js"))))
        .route("/requests-pane.js", get(async || script(include_str!("page/requests-pane.js"))))
}

fn script(text: &'static str) -> impl IntoResponse {
    file("text/javascript; charset=utf-8", text)
}

fn file(kind: &'static str, text: &'static str) -> ([(HeaderName, HeaderValue); 5], &'static str) {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // After an update of the server, nobody should look at the old page.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text)
}
