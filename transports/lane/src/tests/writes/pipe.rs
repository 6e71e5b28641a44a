//! A stream that does what it is told: takes little, refuses, fails.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The lane's side.
pub(super) struct Near(Arc<Mutex<Pipe>>);

/// The client's side.
pub(super) struct Far(Arc<Mutex<Pipe>>);

#[derive(Default)]
pub(super) struct Pipe {
    to_lane: VecDeque<u8>,
    from_lane: Vec<u8>,
    /// Bytes that were ever taken.
    taken: usize,
    /// Bytes that it takes before it refuses.
    pub(super) room: usize,
    /// Bytes that it takes at most at once.
    pub(super) bite: usize,
    /// Writes to refuse, and whether as interrupted ones.
    pub(super) balk: (u8, bool),
    /// When it fails: at so many bytes taken.
    fails_at: Option<usize>,
    far_ended: bool,
    /// It refused something.
    pub(super) was_slow: bool,
    /// It refused the last that it was offered.
    refuses: bool,
    /// It failed, and the lane was told.
    pub(super) has_failed: bool,
    /// The lane ended its side in good order.
    pub(super) was_shut: bool,
    pub(super) was_dropped: bool,
    wakers: Vec<Waker>,
}

pub(super) fn pipe(room: usize) -> (Near, Far) {
    let pipe = Arc::new(Mutex::new(Pipe { room, bite: usize::MAX, ..Pipe::default() }));
    (Near(Arc::clone(&pipe)), Far(pipe))
}

impl Far {
    pub(super) fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap()
    }

    /// Changes the stream, and wakes the lane.
    pub(super) fn change(&self, change: impl FnOnce(&mut Pipe)) {
        let mut pipe = self.lock();
        change(&mut pipe);
        let wakers = std::mem::take(&mut pipe.wakers);
        drop(pipe);
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    /// Takes what came; makes no room.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().from_lane)
    }
}

impl Pipe {
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.to_lane.extend(bytes);
    }

    pub(super) fn end(&mut self) {
        self.far_ended = true;
    }

    pub(super) fn fail_after(&mut self, bytes: usize) {
        self.fails_at.get_or_insert(self.taken + bytes);
    }

    /// Something waits for it, and it takes nothing.
    pub(super) fn is_stuck(&self) -> bool {
        self.refuses && self.room == 0
    }

    fn fail_if_told(&mut self) -> io::Result<()> {
        if self.fails_at.is_some_and(|at| self.taken >= at) {
            self.has_failed = true;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }

    fn write(&mut self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.fail_if_told()?;
        let (balks, interrupted) = &mut self.balk;
        if *balks > 0 {
            *balks -= 1;
            self.was_slow = true;
            if *interrupted {
                return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = self.fails_at.map_or(usize::MAX, |at| at - self.taken);
        let count = bytes.len().min(self.room).min(self.bite).min(left);
        self.refuses = count < bytes.len();
        self.was_slow |= self.refuses;
        if count == 0 {
            self.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        self.room -= if self.room == usize::MAX { 0 } else { count };
        self.taken += count;
        self.from_lane.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncRead for Near {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock().unwrap();
        pipe.fail_if_told()?;
        let count = into.remaining().min(pipe.to_lane.len());
        if count == 0 && !pipe.far_ended {
            pipe.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        pipe.to_lane.drain(..count).for_each(|byte| into.put_slice(&[byte]));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Near {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().was_shut = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.lock().unwrap().was_dropped = true;
    }
}
