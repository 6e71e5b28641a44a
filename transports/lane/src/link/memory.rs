//! A stream in memory, for driving a lane by hand.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::Link;

/// The lane's side.
pub(crate) struct MemoryLink(Arc<Mutex<Pipe>>);

/// The other side: what a client would hold.
#[derive(Clone)]
pub(crate) struct Far(Arc<Mutex<Pipe>>);

#[derive(Default)]
struct Pipe {
    to_lane: VecDeque<u8>,
    from_lane: Vec<u8>,
    /// Bytes that the client's side still takes before it is read.
    room: usize,
    far_ended: bool,
    near_ended: bool,
    broken: bool,
    was_reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pipe {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl MemoryLink {
    /// A stream whose other side takes `room` bytes until it is read.
    pub(crate) fn new(room: usize) -> (Self, Far) {
        let pipe = Arc::new(Mutex::new(Pipe { room, ..Pipe::default() }));
        (Self(Arc::clone(&pipe)), Far(pipe))
    }
}

impl Far {
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut pipe = lock(&self.0);
        pipe.to_lane.extend(bytes);
        pipe.wake();
    }

    /// Takes what came, and makes room for as much again.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut pipe = lock(&self.0);
        pipe.room = pipe.room.saturating_add(pipe.from_lane.len());
        let bytes = std::mem::take(&mut pipe.from_lane);
        pipe.wake();
        bytes
    }

    /// Ends the client's writing side.
    pub(crate) fn end(&self) {
        let mut pipe = lock(&self.0);
        pipe.far_ended = true;
        pipe.wake();
    }

    /// Makes each further operation of the lane fail.
    pub(crate) fn break_off(&self) {
        let mut pipe = lock(&self.0);
        pipe.broken = true;
        pipe.wake();
    }

    /// Whether the lane ended its writing side, or dropped the stream.
    pub(crate) fn is_ended(&self) -> bool {
        lock(&self.0).near_ended
    }

    /// Whether the lane reset the stream.
    pub(crate) fn is_reset(&self) -> bool {
        lock(&self.0).was_reset
    }
}

impl Link for MemoryLink {
    fn read(&mut self, waker: &Waker, into: &mut [u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.0);
        if pipe.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let count = into.len().min(pipe.to_lane.len());
        if count == 0 && !pipe.far_ended && !into.is_empty() {
            pipe.reader = Some(waker.clone());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (to, from) in into.iter_mut().zip(pipe.to_lane.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    fn rearm(&mut self, waker: &Waker) -> bool {
        let mut pipe = lock(&self.0);
        pipe.reader = Some(waker.clone());
        !pipe.to_lane.is_empty() || pipe.far_ended || pipe.broken
    }

    fn write(&mut self, _waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.0);
        if pipe.broken || pipe.near_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(pipe.room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.room -= count;
        pipe.from_lane.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn want_write(&mut self, waker: &Waker) -> bool {
        let mut pipe = lock(&self.0);
        pipe.writer = Some(waker.clone());
        pipe.room > 0 || pipe.broken
    }

    fn has_ended(&self) -> bool {
        lock(&self.0).far_ended
    }

    fn end(&mut self, _waker: &Waker) -> bool {
        lock(&self.0).near_ended = true;
        true
    }

    fn reset(&mut self) {
        lock(&self.0).was_reset = true;
    }

    fn peer(&self) -> Option<SocketAddr> {
        None
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        lock(&self.0).near_ended = true;
    }
}
