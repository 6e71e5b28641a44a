//! An epoll set over safe system calls.

use std::{
    io,
    net::TcpStream,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

/// Events taken in one call.
const EVENTS: usize = 1024;

/// How long a call may wait for an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Not at all: the caller spins, so that it is not the one to be woken by the server's core.
    Spin,
    /// At most so long, asleep.
    Sleep(Duration),
}

/// An epoll set. Readiness is edge-triggered: a level-triggered set polls every ready socket twice.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    idle: Duration,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS), idle: Duration::ZERO })
    }

    /// Watches `stream` for input, and for room to write once there was none.
    pub(crate) fn add(&self, stream: &TcpStream, token: usize) -> io::Result<()> {
        let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, stream, epoll::EventData::new_u64(token as u64), interest)?)
    }

    /// Stops watching `stream`.
    pub(crate) fn remove(&self, stream: &TcpStream) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, stream)?)
    }

    /// Takes the events there are, and returns how many: [`Poller::token`] has them.
    pub(crate) fn wait(&mut self, wait: Wait) -> io::Result<usize> {
        let timeout = match wait {
            Wait::Spin => Timespec::default(),
            Wait::Sleep(time) => Timespec::try_from(time).unwrap_or_default(),
        };
        self.events.clear();
        let before = Instant::now();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {
                self.idle += before.elapsed();
                Ok(0)
            }
            Ok(events) => Ok(events),
            Err(error) => Err(error.into()),
        }
    }

    /// Spins until `time` passed, if the last call found so few events that more are worth waiting for.
    /// Members that are handled a handful at a time would cost the client more than the server.
    pub(crate) fn gather(&mut self, time: Duration) {
        const FEW: usize = 32;
        if self.events.len() >= FEW {
            return;
        }
        let before = Instant::now();
        while before.elapsed() < time {
            std::hint::spin_loop();
        }
        self.idle += before.elapsed();
    }

    /// Who the event `index` of the last call is for.
    #[inline]
    pub(crate) fn token(&self, index: usize) -> usize {
        self.events[index].data.u64() as usize
    }

    /// Time spent waiting for nothing since the set was made.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }
}
