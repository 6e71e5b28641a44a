//! What a client hands in by POST.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use roomcast_lane::Port;
use roomcast_socketio_protocol::engineio::Refusal;
use tokio::sync::oneshot;

use crate::input::{Content, Input, Post};
use crate::mount::Mount;
use crate::request::{Answer, OnDrop, refusal};

/// Reads a body and gives it to its session. The session hears first that one has begun, so that an upgrade meanwhile knows
/// of it and two at a time are noticed.
pub(crate) async fn send<B>(mount: &Mount, session: Port, request: Request<B>, is_form: bool) -> Answer
where
    B: Body + Send,
    B::Data: Send,
{
    let (head, body) = request.into_parts();
    let content = content(&head.headers, is_form);
    let max = mount.options.payloads.bytes_max;
    // In a form each byte may take three.
    let max = if is_form { max.saturating_mul(3).saturating_add(16) } else { max };
    session.send(Input::PostBegun(Instant::now()));
    let mut lost = OnDrop::new(&session, Input::PostLost);
    let body = read(body, &head.headers, max, mount.options.body_timeout).await;
    let body = match body {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            lost.disarm();
            session.send(Input::PostRefused);
            return too_large();
        }
        // The guard tells the session.
        Err(Unread::Broken) => return refusal(Refusal::BadRequest),
    };
    lost.disarm();
    let (reply, replied) = oneshot::channel();
    session.send(Input::Post(Post { body, content, reply }));
    match replied.await {
        Ok(Ok(())) => ok(),
        Ok(Err(error)) => refusal(error),
        // It ended.
        Err(_) => refusal(Refusal::SessionUnknown),
    }
}

/// Why there is no body.
enum Unread {
    TooLarge,
    /// It broke off, or took too long.
    Broken,
}

async fn read<B>(body: B, headers: &HeaderMap, max: usize, timeout: Duration) -> Result<Bytes, Unread>
where
    B: Body + Send,
    B::Data: Send,
{
    let claimed = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if claimed.is_some_and(|claimed| claimed > max as u64) {
        return Err(Unread::TooLarge);
    }
    // `Limited` wants errors that can be boxed; whose they are does not matter here.
    let body = body.map_err(|_| std::io::Error::other("the body broke off"));
    match tokio::time::timeout(timeout, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::Broken),
    }
}

fn content(headers: &HeaderMap, is_form: bool) -> Content {
    let is_bytes = |value: &HeaderValue| value.as_bytes().starts_with(b"application/octet-stream");
    match headers.get(CONTENT_TYPE) {
        _ if is_form => Content::Form,
        Some(value) if is_bytes(value) => Content::Bytes,
        _ => Content::Text,
    }
}

fn ok() -> Answer {
    let mut answer = Response::new(Full::from("ok"));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

fn too_large() -> Answer {
    let mut answer = Response::new(Full::from("the body is larger than maxPayload\n"));
    *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    roomcast_http::closing(answer)
}
