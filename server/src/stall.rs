//! Clients that ask and do not take the answer, or do not send all of what they ask.
//!
//! hyper bounds the time for a request's head, and only while it reads one. It does not read while an answer waits to be
//! written, it begins to work on a pipelined request, and takes a body's next piece, only when there is room for what comes
//! of it; and a request's body may be as long under way as it likes. For all of that it gives a client for ever. So the time
//! is taken here during which it is the client's turn: always, but while a handler works without waiting for the request's
//! body, or an answer's body has nothing to give.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// Whose turn it is on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Stall(Arc<Mutex<Turn>>);

#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Since when the client has to ask, or to take its answer; `None` while the server has to work for that.
    asks_or_takes: Option<Instant>,
    /// Since when a handler waits for the next piece of the request's body; `None` while none does.
    sends: Option<Instant>,
    /// There was a request.
    asked: bool,
}

impl Stall {
    /// A new connection: the client has to ask.
    pub(crate) fn new() -> Self {
        let turn = Turn { asks_or_takes: Some(Instant::now()), sends: None, asked: false };
        Self(Arc::new(Mutex::new(turn)))
    }

    /// A request is there; the client has to read until there is room for the answer.
    pub(crate) fn request_came(&self) {
        let mut turn = self.lock();
        (turn.asks_or_takes, turn.asked) = (Some(Instant::now()), true);
    }

    /// A handler begins to work: lets the body of its request be watched.
    pub(crate) fn answer_begins(&self, request: http::Request<Body>) -> http::Request<Body> {
        self.lock().asks_or_takes = None;
        request.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::new(Sent { body, stall: self.clone() }),
        })
    }

    /// A handler has finished: lets the body of its answer be watched.
    pub(crate) fn answer_is(&self, response: http::Response<Body>) -> http::Response<Body> {
        self.clients_turn();
        response.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::new(Taken { body, stall: self.clone() }),
        })
    }

    /// Resolves when it has been the client's turn for as long as `limit`.
    pub(crate) async fn happens(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let Turn { asks_or_takes, sends, .. } = *self.lock();
            match [asks_or_takes, sends].into_iter().flatten().min().map(|since| since + limit) {
                Some(end) if now >= end => return,
                Some(end) => tokio::time::sleep_until(end).await,
                None => tokio::time::sleep(limit).await,
            }
        }
    }

    /// Resolves at `deadline`, if there is one and no request came by then.
    pub(crate) async fn asks_nothing_until(&self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            tokio::time::sleep_until(deadline).await;
            if !self.lock().asked {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients_turn(&self) {
        self.lock().asks_or_takes = Some(Instant::now());
    }
}

/// The body of a request; it is noted since when somebody waits for it.
struct Sent {
    body: Body,
    stall: Stall,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let mut turn = self.stall.lock();
        // Who asks again and again has not waited less for that.
        turn.sends = polled.is_pending().then(|| turn.sends.unwrap_or_else(Instant::now));
        drop(turn);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.stall.lock().sends = None;
    }
}

/// The body of an answer; its giving and ending is noted.
struct Taken {
    body: Body,
    stall: Stall,
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.stall.lock().asks_or_takes = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.stall.clients_turn();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream::{self, Stream, StreamExt};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    async fn take(body: &mut Body) {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        assert!(frame.is_some());
    }

    fn request(stall: &Stall, pieces: impl Stream<Item = Result<&'static str, axum::Error>> + Send + 'static) -> Body {
        stall.request_came();
        stall.answer_begins(http::Request::new(Body::from_stream(pieces))).into_body()
    }

    fn answer(stall: &Stall, pieces: impl Stream<Item = Result<&'static str, axum::Error>> + Send + 'static) -> Body {
        stall.answer_is(http::Response::new(Body::from_stream(pieces))).into_body()
    }

    /// It happens a limit from now, not before.
    async fn happens_in_time(stall: &Stall) -> bool {
        let since = Instant::now();
        let in_time = tokio::time::timeout(LIMIT * 2, stall.happens(LIMIT)).await.is_ok();
        in_time && since.elapsed() >= LIMIT
    }

    async fn never_happens(stall: &Stall) -> bool {
        tokio::time::timeout(LIMIT * 9, stall.happens(LIMIT)).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn each_step_is_the_clients_turn_but_the_handlers() {
        let stall = Stall::new();
        assert!(happens_in_time(&stall).await, "no request");
        stall.request_came();
        assert!(happens_in_time(&stall).await, "no room for its answer");
        stall.answer_begins(http::Request::default());
        assert!(never_happens(&stall).await, "the handler takes its time");
        let mut body = answer(&stall, stream::iter([Ok("one"), Ok("two")]));
        for _ in 0..2 {
            assert!(happens_in_time(&stall).await, "no room for a piece");
            take(&mut body).await;
        }
        assert!(happens_in_time(&stall).await, "no room for the end");
        drop(body);
        assert!(happens_in_time(&stall).await, "not all taken, or no further request");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_made_yet_is_the_servers_turn() {
        let stall = Stall::new();
        let mut body = answer(&stall, stream::pending());
        let frame = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        assert!(frame.is_pending() && never_happens(&stall).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_waited_for_is_the_clients_turn() {
        let stall = Stall::new();
        let mut body = request(&stall, stream::iter([Ok("one")]).chain(stream::pending()));
        assert!(never_happens(&stall).await, "the handler takes its time");
        take(&mut body).await;
        assert!(never_happens(&stall).await, "still");
        let mut poll = async || poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        assert!(poll().await.is_pending());
        assert!(happens_in_time(&stall).await, "nothing comes");
        let since = Instant::now();
        assert!(poll().await.is_pending());
        stall.happens(LIMIT).await;
        assert_eq!(since.elapsed(), Duration::ZERO, "asking again is no progress");
        drop(body);
        assert!(never_happens(&stall).await, "nobody waits for it any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_slowly_comes() {
        let stall = Stall::new();
        let pieces = stream::unfold((), async |()| {
            tokio::time::sleep(LIMIT / 2).await;
            Some((Ok("x"), ()))
        });
        let mut body = request(&stall, Box::pin(pieces));
        let reading = async {
            for _ in 0..9 {
                take(&mut body).await;
            }
        };
        tokio::select! {
            () = stall.happens(LIMIT) => panic!("it was cut off"),
            () = reading => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_request_has_a_deadline_of_its_own() {
        let (stall, began) = (Stall::new(), Instant::now());
        stall.asks_nothing_until(Some(began + LIMIT)).await;
        assert_eq!(began.elapsed(), LIMIT);
        stall.request_came();
        for deadline in [Some(Instant::now() + LIMIT), None] {
            assert!(tokio::time::timeout(LIMIT * 9, stall.asks_nothing_until(deadline)).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_answer_is_the_clients_turn() {
        let stall = Stall::new();
        stall.answer_begins(http::Request::default());
        let _body = stall.answer_is(http::Response::new(Body::empty())).into_body();
        assert!(happens_in_time(&stall).await);
    }
}
