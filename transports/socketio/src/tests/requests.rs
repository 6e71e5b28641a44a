//! HTTP requests without HTTP: the endpoint's own futures, polled by hand.

use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use roomcast_lane::BoxFuture;
use tokio::runtime::{Builder, Runtime};

use crate::mount::Endpoint;
use crate::request;

/// For the clock that bodies of POSTs have. Nobody drives it, so it stands still.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

/// A request whose answer is awaited. Dropped, its client has left.
pub(crate) struct Asked(Awaiting);

enum Awaiting {
    Answer(BoxFuture<request::Answer>),
    Nothing(Answered),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// A body that comes when it is told to.
#[derive(Clone, Default)]
pub(crate) struct Upload(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Awaited,
    There(Bytes),
    Broken,
    Done,
}

impl Asked {
    /// Begins a request.
    pub(crate) fn new(endpoint: &Arc<Endpoint>, request: Request<Upload>) -> Self {
        let mut asked = Self(Awaiting::Answer(Box::pin(request::answer(Arc::clone(endpoint), request))));
        asked.answer();
        asked
    }

    /// The answer, if it is there.
    pub(crate) fn answer(&mut self) -> Option<&Answered> {
        if let Awaiting::Answer(future) = &mut self.0 {
            let _entered = RUNTIME.enter();
            let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
                return None;
            };
            self.0 = Awaiting::Nothing(Answered::new(answer));
        }
        match &self.0 {
            Awaiting::Nothing(answered) => Some(answered),
            Awaiting::Answer(_) => None,
        }
    }

    /// The answer's status and its body as text.
    ///
    /// # Panics
    /// If there is none yet.
    #[track_caller]
    pub(crate) fn text(&mut self) -> (u16, String) {
        let answered = self.answer().expect("an answer");
        (answered.status, String::from_utf8(answered.body.to_vec()).unwrap())
    }

    pub(crate) fn is_waiting(&mut self) -> bool {
        self.answer().is_none()
    }
}

impl Answered {
    fn new(answer: request::Answer) -> Self {
        let (head, body) = answer.into_parts();
        let mut body = std::pin::pin!(body.collect());
        let Poll::Ready(Ok(body)) = body.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a body that is not there")
        };
        let content_type = head.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        Self { status: head.status.as_u16(), content_type: content_type.into(), body: body.to_bytes() }
    }
}

impl Upload {
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        let upload = Self::default();
        upload.finish(body);
        upload
    }

    /// The rest of the body comes. Its request has to be polled then.
    pub(crate) fn finish(&self, body: impl Into<Bytes>) {
        *self.0.lock() = State::There(body.into());
    }

    /// The client breaks off.
    pub(crate) fn break_off(&self) {
        *self.0.lock() = State::Broken;
    }
}

/// A body that broke off.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl Body for Upload {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Done) {
            State::Awaited => {
                *state = State::Awaited;
                Poll::Pending
            }
            State::There(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            State::Broken => Poll::Ready(Some(Err(BrokenOff))),
            State::Done => Poll::Ready(None),
        }
    }
}
