//! Clients that ask and do not take the answer, or do not send all of what they ask.
//!
//! hyper bounds the time for a request's head, and only while it reads one. It does not read while an answer waits to be
//! written, it begins to work on a pipelined request, and takes a body's next piece, only when there is room for what comes
//! of it; and a request's body may be as long under way as it likes. For all of that it gives a client for ever. So the time
//! is taken here during which it is the client's turn: always, but while a handler works without waiting for the request's
//! body, or an answer's body has nothing to give. It begins again with each piece of the answer that hyper takes, and since a
//! piece may be large, with each write that took some of one.
//!
//! Whose turn it is also decides when hyper hears that a client sends no more, since it then gives up what it is at: when
//! nothing is being answered any more, or the server has had its time for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// How long the server may work for a client that sends no more. It may have left.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose turn it is on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Stall(Arc<Mutex<Turn>>);

#[derive(Debug)]
struct Turn {
    /// Who has to do something for the next answer, and since when.
    side: Side,
    /// How many requests came: the last one is at hand.
    requests: u64,
    /// Since when a handler waits for the next piece of its body; `None` while none does.
    sends: Option<Instant>,
    /// There is one whose answer is not given out yet, and is wanted although its client sends no more.
    answers: bool,
    /// Waits for that to change.
    reader: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    /// It has to ask, or to take its answer.
    Client(Instant),
    /// It has to work for that.
    Server(Instant),
}

impl Side {
    /// Since when it is the client's turn, if it is.
    fn client(self) -> Option<Instant> {
        match self {
            Self::Client(since) => Some(since),
            Self::Server(_) => None,
        }
    }
}

impl Stall {
    /// A new connection: the client has to ask.
    pub(crate) fn new() -> Self {
        let side = Side::Client(Instant::now());
        let turn = Turn { side, requests: 0, sends: None, answers: false, reader: None };
        Self(Arc::new(Mutex::new(turn)))
    }

    /// A request is there; the client has to read until there is room for the answer.
    pub(crate) fn request_came(&self) {
        let mut turn = self.lock();
        turn.side = Side::Client(Instant::now());
        (turn.sends, turn.answers) = (None, true);
        turn.requests += 1;
    }

    /// A handler begins to work: lets the body of its request be watched.
    pub(crate) fn answer_begins(&self, request: http::Request<Body>) -> http::Request<Body> {
        let mut turn = self.lock();
        turn.side = Side::Server(Instant::now());
        let number = turn.requests;
        drop(turn);
        request.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::new(Sent { body, number, stall: self.clone() }),
        })
    }

    /// A handler has finished: lets the body of its answer be watched.
    pub(crate) fn answer_is(&self, response: http::Response<Body>) -> http::Response<Body> {
        self.lock().side = Side::Client(Instant::now());
        response.map(|body| match body.is_end_stream() {
            true => {
                self.ends_with_client();
                body
            }
            false => Body::new(Taken { body, stall: self.clone() }),
        })
    }

    /// The client, or the system for it, took some of an answer.
    pub(crate) fn takes(&self) {
        if let Side::Client(since) = &mut self.lock().side {
            *since = Instant::now();
        }
    }

    /// The request at hand is given up as soon as its client sends no more, because there is nothing more to give, or because
    /// it may wait for long.
    pub(crate) fn ends_with_client(&self) {
        let reader = {
            let mut turn = self.lock();
            turn.answers = false;
            turn.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether hyper may hear that the client sends no more: not while there is something to answer, unless the server has
    /// been at it for longer than [`PATIENCE`]. `sleep` is kept from call to call.
    pub(crate) fn poll_told(&self, sleep: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            let told_at = {
                let mut turn = self.lock();
                turn.reader = Some(cx.waker().clone());
                match turn.side {
                    _ if !turn.answers => return Poll::Ready(()),
                    Side::Client(_) => now + PATIENCE,
                    Side::Server(since) => since + PATIENCE,
                }
            };
            if told_at <= now {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(told_at);
            ready!(sleep.as_mut().poll(cx));
        }
    }

    /// Resolves when it has been the client's turn for as long as `limit`.
    pub(crate) async fn happens(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let whose = {
                let turn = self.lock();
                [turn.side.client(), turn.sends]
            };
            match whose.into_iter().flatten().min().map(|since| since + limit) {
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
            if self.lock().requests == 0 {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a request; it is noted since when somebody waits for it. One that is kept beyond its answer says nothing about
/// the request that came then.
struct Sent {
    body: Body,
    /// Of its request.
    number: u64,
    stall: Stall,
}

impl Sent {
    /// Changes since when somebody waits for it.
    fn note(&self, change: impl FnOnce(Option<Instant>) -> Option<Instant>) {
        let mut turn = self.stall.lock();
        if turn.requests == self.number {
            turn.sends = change(turn.sends);
        }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // Who asks again and again has not waited less for that.
        self.note(|since| polled.is_pending().then(|| since.unwrap_or_else(Instant::now)));
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
        self.note(|_| None);
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
        let mut turn = self.stall.lock();
        turn.side = match turn.side {
            _ if polled.is_ready() => Side::Client(Instant::now()),
            // Who is asked again and again has not worked less for that.
            Side::Server(since) => Side::Server(since),
            Side::Client(_) => Side::Server(Instant::now()),
        };
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

impl Drop for Taken {
    fn drop(&mut self) {
        self.stall.lock().side = Side::Client(Instant::now());
        self.stall.ends_with_client();
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
    async fn whatever_is_taken_gives_the_client_time_but_does_not_make_it_its_turn() {
        let stall = Stall::new();
        let mut body = answer(&stall, stream::iter([Ok("large")]).chain(stream::pending()));
        take(&mut body).await;
        for _ in 0..9 {
            tokio::time::sleep(LIMIT / 2).await;
            stall.takes();
        }
        assert!(happens_in_time(&stall).await);
        assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await.is_pending());
        stall.takes();
        assert!(never_happens(&stall).await, "nothing more to give");
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
    async fn a_body_that_is_kept_beyond_its_answer_is_not_waited_for_any_more() {
        let stall = Stall::new();
        let keep = || request(&stall, stream::iter([Ok("late")]));
        let [mut read, dropped, _kept] = [keep(), keep(), keep()];
        let mut body = request(&stall, stream::pending());
        let mut poll = async || poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        assert!(poll().await.is_pending());
        take(&mut read).await;
        assert!(happens_in_time(&stall).await, "the former body is read");
        drop(dropped);
        let since = Instant::now();
        stall.happens(LIMIT).await;
        assert_eq!(since.elapsed(), Duration::ZERO, "it is dropped");
        stall.request_came();
        stall.answer_begins(http::Request::default());
        assert!(never_happens(&stall).await, "the next request has nothing to send");
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

    /// How long it takes until the end of the client is told; a day at most.
    async fn told_after(stall: &Stall) -> Option<Duration> {
        let (since, mut sleep) = (Instant::now(), Box::pin(tokio::time::sleep(Duration::ZERO)));
        let told = poll_fn(|cx| stall.poll_told(&mut sleep, cx));
        tokio::time::timeout(Duration::from_secs(24 * 60 * 60), told).await.ok().map(|()| since.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_told_at_once_while_nothing_is_answered() {
        let stall = Stall::new();
        assert_eq!(told_after(&stall).await, Some(Duration::ZERO));
        stall.request_came();
        stall.answer_begins(http::Request::default());
        let _empty = stall.answer_is(http::Response::default());
        assert_eq!(told_after(&stall).await, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_is_given_some_time_to_answer_whoever_sends_no_more() {
        let stall = Stall::new();
        stall.request_came();
        stall.answer_begins(http::Request::default());
        assert_eq!(told_after(&stall).await, Some(PATIENCE));
        let mut body = answer(&stall, stream::iter([Ok("one")]).chain(stream::pending()));
        take(&mut body).await;
        assert_eq!(told_after(&stall).await, None, "it is the client's turn");
        for _ in 0..2 {
            assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await.is_pending());
            tokio::time::sleep(PATIENCE / 4).await;
        }
        assert_eq!(told_after(&stall).await, Some(PATIENCE / 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_end_is_woken_when_there_is_nothing_to_answer_any_more() {
        let over: [fn(&Stall); 3] = [
            |stall| drop(answer(stall, stream::empty())),
            |stall| drop(stall.answer_is(http::Response::default())),
            Stall::ends_with_client,
        ];
        for over in over {
            let stall = Stall::new();
            stall.request_came();
            stall.answer_begins(http::Request::default());
            let later = async {
                tokio::time::sleep(PATIENCE / 2).await;
                over(&stall);
            };
            let (told, ()) = tokio::join!(told_after(&stall), later);
            assert_eq!(told, Some(PATIENCE / 2));
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
