//! A stream whose end is told later.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Keeps the end of a stream from its reader until it may be told and what was to be written is written. hyper gives a request
/// up when it reads the end of the client behind it; who wants to answer it first keeps the end back until then, and may hear
/// [`Self::on_taken`] how the answer goes. [`into_stream`](crate::into_stream) takes the stream out again.
pub struct KeptEnd<S> {
    stream: S,
    has_ended: bool,
    /// A write had to wait, and the stream was not flushed since.
    is_writing: bool,
    /// Waits for that.
    reader: Option<Waker>,
    poll_told: Box<PollTold>,
    on_taken: Option<Box<OnTaken>>,
}

type PollTold = dyn FnMut(&mut Context<'_>) -> Poll<()> + Send;
type OnTaken = dyn FnMut() + Send;

impl<S> KeptEnd<S> {
    /// `poll_told` is asked at reads from the end of the stream on: ready if it may be told; otherwise it wakes when it is
    /// worth asking again.
    pub fn new(stream: S, poll_told: impl FnMut(&mut Context<'_>) -> Poll<()> + Send + 'static) -> Self {
        let poll_told = Box::new(poll_told);
        Self { stream, has_ended: false, is_writing: false, reader: None, poll_told, on_taken: None }
    }

    /// Calls `on_taken` at each write of which the stream took something.
    #[must_use]
    pub fn on_taken(mut self, on_taken: impl FnMut() + Send + 'static) -> Self {
        self.on_taken = Some(Box::new(on_taken));
        self
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn note(&mut self, written: &Poll<io::Result<usize>>) {
        self.is_writing |= written.is_pending();
        if let (Poll::Ready(Ok(1..)), Some(on_taken)) = (written, &mut self.on_taken) {
            on_taken();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for KeptEnd<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.has_ended {
            let before = into.remaining();
            let read = Pin::new(&mut self.stream).poll_read(cx, into);
            self.has_ended = matches!(read, Poll::Ready(Ok(()))) && before > 0 && into.remaining() == before;
            if !self.has_ended {
                return read;
            }
        }
        if self.is_writing {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        (self.poll_told)(cx).map(Ok)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for KeptEnd<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.is_writing = false;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for KeptEnd<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptEnd")
            .field("stream", &self.stream)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn the_end_is_not_told_before_what_was_to_be_written_is_written() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut kept = KeptEnd::new(near, |_| Poll::Ready(()));
        far.shutdown().await.unwrap();
        assert_eq!(kept.write(b"long answer").await.unwrap(), 4);
        let (read, wrote) = (AtomicBool::new(false), AtomicBool::new(false));
        let (mut from, mut to) = tokio::io::split(kept);
        let writing = async {
            to.write_all(b" answer").await.unwrap();
            to.flush().await.unwrap();
            wrote.store(true, Ordering::Relaxed);
        };
        let reading = async {
            tokio::task::yield_now().await;
            assert_eq!(from.read(&mut [0]).await.unwrap(), 0);
            assert!(wrote.load(Ordering::Relaxed));
            read.store(true, Ordering::Relaxed);
        };
        let taking = async {
            for _ in 0..9 {
                tokio::task::yield_now().await;
            }
            assert!(!read.load(Ordering::Relaxed));
            far.read_exact(&mut [0; 11]).await.unwrap();
        };
        tokio::join!(writing, reading, taking);
    }

    #[tokio::test]
    async fn the_end_is_told_when_it_may_be_and_what_comes_before_at_once() {
        let (near, mut far) = tokio::io::duplex(16);
        let may = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&may);
        let told =
            move |_: &mut Context<'_>| if asked.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending };
        let mut kept = KeptEnd::new(near, told);
        far.write_all(b"hi").await.unwrap();
        far.shutdown().await.unwrap();
        let mut byte = [0];
        assert_eq!(kept.read(&mut []).await.unwrap(), 0, "a read of nothing is no end");
        assert_eq!((kept.read(&mut byte).await.unwrap(), byte), (1, *b"h"));
        assert_eq!((kept.read(&mut byte).await.unwrap(), byte), (1, *b"i"));
        for _ in 0..2 {
            let read = std::future::poll_fn(|cx| {
                let mut into = ReadBuf::new(&mut byte);
                Poll::Ready(Pin::new(&mut kept).poll_read(cx, &mut into).is_pending())
            });
            assert!(read.await, "kept");
        }
        kept.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        far.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        may.store(true, Ordering::Relaxed);
        assert_eq!(kept.read(&mut byte).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_the_stream_takes_is_heard_of() {
        let (near, mut far) = tokio::io::duplex(4);
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        let on_taken = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let mut kept = KeptEnd::new(near, |_| Poll::Ready(())).on_taken(on_taken);
        let heard = || heard.load(Ordering::Relaxed);
        assert_eq!((kept.write(b"").await.unwrap(), heard()), (0, 0), "nothing");
        assert_eq!((kept.write(b"long answer").await.unwrap(), heard()), (4, 1), "a part");
        let full = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut kept).poll_write(cx, b" answer").is_pending()));
        assert!(full.await && heard() == 1, "no room");
        far.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!((kept.write_vectored(&[io::IoSlice::new(b" ans")]).await.unwrap(), heard()), (4, 2));
    }
}
