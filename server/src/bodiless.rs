//! Answers that have no body, whatever their handler gave them.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};

/// Takes the body away where HTTP allows none, with the headers about it (RFC 9110, sections 8.6, 15.3.5, 15.3.6 and 15.4.5).
pub(crate) fn without_forbidden_body(response: Response) -> Response {
    if !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) {
        return response;
    }
    let mut bodiless = response.map(|_| Body::empty());
    for about in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
        bodiless.headers_mut().remove(about);
    }
    bodiless
}
