//! Where HTTP meets the endpoint: tower services.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use roomcast_http::Direct;
use roomcast_lane::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

use crate::mount::Endpoint;
use crate::request;

/// Answers the endpoint's requests, at whatever path it is mounted: [`SocketIo::into_service`](crate::SocketIo::into_service).
/// Never fails. Cheap to clone.
#[derive(Clone)]
pub struct SocketIoService {
    pub(crate) endpoint: Arc<Endpoint>,
}

impl SocketIoService {
    /// The endpoint without HTTP: see [`SocketIo::direct`](crate::SocketIo::direct).
    pub fn direct(&self) -> Direct {
        let endpoint = Arc::clone(&self.endpoint);
        Direct::new(self.endpoint.mount.options.path.as_str(), move |request| request::direct(&endpoint, request))
    }

    /// How many Engine.IO sessions live: see [`SocketIo::sessions`](crate::SocketIo::sessions).
    pub fn sessions(&self) -> usize {
        self.endpoint.mount.sessions.len()
    }
}

/// Puts the endpoint in front of a service: [`SocketIo::layer`](crate::SocketIo::layer).
#[derive(Clone)]
pub struct SocketIoLayer {
    pub(crate) endpoint: Arc<Endpoint>,
}

/// A service with the endpoint in front: requests with exactly its path are the endpoint's, all others go on to the service.
#[derive(Clone)]
pub struct WithSocketIo<S> {
    endpoint: Arc<Endpoint>,
    inner: S,
}

impl<B> Service<Request<B>> for SocketIoService
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let endpoint = Arc::clone(&self.endpoint);
        Box::pin(async move { Ok(request::answer(endpoint, request).await) })
    }
}

impl<S> Layer<S> for SocketIoLayer {
    type Service = WithSocketIo<S>;

    fn layer(&self, inner: S) -> WithSocketIo<S> {
        WithSocketIo { endpoint: Arc::clone(&self.endpoint), inner }
    }
}

impl<S, B, R> Service<Request<B>> for WithSocketIo<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = WithSocketIoFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.uri().path() == self.endpoint.mount.options.path {
            let endpoint = Arc::clone(&self.endpoint);
            return WithSocketIoFuture(Answering::Here(Box::pin(request::answer(endpoint, request))));
        }
        WithSocketIoFuture(Answering::There(Box::pin(self.inner.call(request))))
    }
}

/// The answer of a [`WithSocketIo`].
pub struct WithSocketIoFuture<F>(Answering<F>);

enum Answering<F> {
    Here(BoxFuture<Response<Full<Bytes>>>),
    There(Pin<Box<F>>),
}

impl<F, R, E> Future for WithSocketIoFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<Full<Bytes>, R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.0 {
            Answering::Here(future) => Ok(ready!(future.as_mut().poll(cx)).map(Either::Left)),
            Answering::There(future) => ready!(future.as_mut().poll(cx)).map(|answer| answer.map(Either::Right)),
        })
    }
}

impl fmt::Debug for SocketIoService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIoService").field("options", &self.endpoint.mount.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for SocketIoLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIoLayer").field("options", &self.endpoint.mount.options).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for WithSocketIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSocketIo").field("options", &self.endpoint.mount.options).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for WithSocketIoFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSocketIoFuture").finish_non_exhaustive()
    }
}
