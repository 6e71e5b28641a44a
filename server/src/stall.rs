//! Clients that ask and do not take the answer.
//!
//! hyper takes a body's next piece when there is room for it, so a body that has a piece and is not asked for it is one whose
//! client does not read. (When the whole answer is in hyper's buffers, the limit for the next request's head does the rest.)

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// How long a client may take no piece of its answer.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Watches the answers of one connection.
/// Holds the time since when a body waits to be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stall(Arc<Mutex<Option<Instant>>>);

impl Stall {
    /// Lets the body of an answer be watched.
    pub(crate) fn watch(&self, response: http::Response<Body>) -> http::Response<Body> {
        response.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            self.set(Some(Instant::now()));
            Body::new(Watched { body, stall: self.clone() })
        })
    }

    /// Resolves when an answer was not taken for [`STALL_MAX`].
    pub(crate) async fn happens(&self) {
        loop {
            let now = Instant::now();
            match self.waits_since() {
                Some(given) if now >= given + STALL_MAX => return,
                Some(given) => tokio::time::sleep_until(given + STALL_MAX).await,
                None => tokio::time::sleep(STALL_MAX).await,
            }
        }
    }

    fn waits_since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, given: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = given;
    }
}

/// A body that notes since when it was not asked for its next piece; while it has none, it waits for its maker.
struct Watched {
    body: Body,
    stall: Stall,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.stall.set(matches!(polled, Poll::Ready(Some(Ok(_)))).then(Instant::now));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stall.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream::{self, Stream};

    use super::*;

    async fn take(body: &mut Body) {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        assert!(frame.is_some());
    }

    fn answer(stall: &Stall, pieces: impl Stream<Item = Result<&'static str, axum::Error>> + Send + 'static) -> Body {
        stall.watch(http::Response::new(Body::from_stream(pieces))).into_body()
    }

    async fn never_happens(stall: &Stall) -> bool {
        tokio::time::timeout(STALL_MAX * 9, stall.happens()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_to_its_end_is_a_stall() {
        let stall = Stall::default();
        assert!(never_happens(&stall).await, "there is no answer yet");
        let mut body = answer(&stall, stream::iter([Ok("one"), Ok("two")]));
        for _ in 0..2 {
            let since = Instant::now();
            stall.happens().await;
            assert!(since.elapsed() >= STALL_MAX);
            take(&mut body).await;
        }
        drop(body);
        assert!(never_happens(&stall).await, "it is finished");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_made_yet_is_none() {
        let stall = Stall::default();
        let mut body = answer(&stall, stream::pending());
        let frame = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        assert!(frame.is_pending() && never_happens(&stall).await);
    }

    #[test]
    fn an_empty_answer_is_left_alone() {
        let stall = Stall::default();
        let _body = stall.watch(http::Response::new(Body::empty())).into_body();
        assert_eq!(stall.waits_since(), None);
    }
}
