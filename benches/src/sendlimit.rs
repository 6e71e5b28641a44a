//! The physical limit: how fast one core can `send` to many sockets, with no server around it.
//!
//! One thread sends the same bytes to all sockets in turn; another drains them on another core, with
//! `MSG_TRUNC`, so that the receiving side copies nothing, and spins, so that nobody has to be woken.
//! With k deliveries in each send this is the ceiling of every server that batches k messages.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    net::{RecvFlags, SendFlags, recv, send},
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use crate::load::{
    Dialect, Fault, Report,
    poller::{Poller, Wait},
    publication::Publication,
};

/// What to send, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct SendLimit {
    /// Sockets, sent to in turn
    #[arg(long, default_value_t = 1_000)]
    pub connections: usize,
    /// Characters of the data of each delivery
    #[arg(long, default_value_t = 64)]
    pub bytes: usize,
    /// Deliveries in each send
    #[arg(long, default_value_t = 1)]
    pub frames: usize,
    /// Seconds of the measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// The sender's core
    #[arg(long, default_value_t = 0)]
    pub sender_cpu: usize,
    /// The receiver's core
    #[arg(long, default_value_t = 1)]
    pub sink_cpu: usize,
}

/// What one sender did.
struct Sent {
    sends: u64,
    bytes: u64,
    cpu: Duration,
    seconds: f64,
}

impl SendLimit {
    /// Measures; the figures have the names of the load generator's floods.
    ///
    /// # Errors
    /// [`Fault`] if a socket fails, or if not every byte sent arrives.
    pub fn run(&self) -> Result<Report, Fault> {
        let (senders, receivers) = pairs(self.connections)?;
        let batch = delivery_frame(self.bytes).repeat(self.frames);
        let (sent, received) = thread::scope(|scope| {
            let sink = scope.spawn(|| drain(&receivers, self.sink_cpu));
            let sent = self.flood(&senders, &batch);
            // Closing lets the sink see the end of each stream, and end.
            drop(senders);
            let received = sink.join().map_err(|_| Fault::Process("the receiving thread".to_owned()))?;
            Ok::<_, Fault>((sent?, received?))
        })?;
        if received != sent.bytes {
            return Err(Fault::Missing { due: sent.bytes, came: received });
        }
        let deliveries = sent.bytes as f64 * self.frames as f64 / batch.len() as f64;
        let mut report = Report::new();
        report.put("deliveries_per_s", deliveries / sent.seconds);
        report.put("server_us_per_delivery", sent.cpu.as_secs_f64() * 1e6 / deliveries);
        report.put("us_per_send", sent.cpu.as_secs_f64() * 1e6 / sent.sends.max(1) as f64);
        Ok(report)
    }

    fn flood(&self, senders: &[TcpStream], batch: &[u8]) -> Result<Sent, Fault> {
        pin(self.sender_cpu)?;
        let (cpu, start) = (thread_cpu()?, Instant::now());
        let (mut sends, mut bytes) = (0, 0);
        while start.elapsed().as_secs_f64() < self.seconds {
            for stream in senders {
                match send(stream, batch, SendFlags::NOSIGNAL) {
                    Ok(taken) => {
                        sends += 1;
                        bytes += taken as u64;
                    }
                    // Full: the receiver is the slower one; its turn comes again.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Sent { sends, bytes, cpu: thread_cpu()?.saturating_sub(cpu), seconds: start.elapsed().as_secs_f64() })
    }
}

/// Connected pairs over loopback, neither end of which blocks.
fn pairs(count: usize) -> Result<(Vec<TcpStream>, Vec<TcpStream>), Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (mut accepted, mut connected) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        connected.push(TcpStream::connect(address)?);
        accepted.push(listener.accept()?.0);
    }
    for stream in accepted.iter().chain(&connected) {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
    }
    Ok((accepted, connected))
}

/// Receives on all streams until each has ended, and returns the bytes that came.
fn drain(streams: &[TcpStream], cpu: usize) -> Result<u64, Fault> {
    pin(cpu)?;
    let mut poller = Poller::new()?;
    for (token, stream) in streams.iter().enumerate() {
        poller.add(stream, token)?;
    }
    let mut scratch = vec![0; 256 * 1024];
    let (mut received, mut open) = (0, streams.len());
    while open > 0 {
        for index in 0..poller.wait(Wait::Spin)? {
            let stream = &streams[poller.token(index)];
            loop {
                match recv(stream, &mut scratch[..], RecvFlags::TRUNC) {
                    Ok((_, 0)) => {
                        open -= 1;
                        poller.remove(stream)?;
                        break;
                    }
                    Ok((_, length)) => received += length as u64,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    Ok(received)
}

/// The frame a server would send for one delivery.
fn delivery_frame(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    Publication::new(Dialect::Rooms, bytes).put_delivery(&mut text, 0);
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..=125 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&text);
    frame
}

fn pin(cpu: usize) -> Result<(), Fault> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

fn thread_cpu() -> Result<Duration, Fault> {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).map_err(|_| Fault::Process("the thread's clock".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_arrives() {
        let limit = SendLimit { connections: 20, bytes: 64, frames: 3, seconds: 0.2, sender_cpu: 0, sink_cpu: 0 };
        let report = limit.run().unwrap();
        assert!(report.figures().iter().all(|(_, value)| *value > 0.0), "{report}");
    }
}
