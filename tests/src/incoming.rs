//! What the server sends, for tests with many connections: as it comes, without a copy for each frame.

use crate::{
    Head,
    client::{handshake, id_in},
};
use std::{io, mem, net::SocketAddr, ops::Range};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The reading half of a connection, and what came and is not taken yet.
#[derive(Debug)]
pub struct Incoming {
    half: OwnedReadHalf,
    bytes: Vec<u8>,
    /// Bytes that are taken.
    taken: usize,
}

impl Incoming {
    fn new(half: OwnedReadHalf) -> Self {
        Self { half, bytes: Vec::new(), taken: 0 }
    }

    /// Reads once, so many bytes at most; how many came, 0 at the end.
    ///
    /// # Errors
    /// Those of the stream: a reset, for one.
    pub async fn fill(&mut self, at_most: usize) -> io::Result<usize> {
        self.bytes.drain(..mem::take(&mut self.taken));
        self.bytes.reserve(at_most);
        (&mut self.half).take(at_most as u64).read_buf(&mut self.bytes).await
    }

    /// Takes the next frame, if it is whole: its first byte, and its payload.
    ///
    /// # Errors
    /// The rule for servers that it breaks ([`Head::parse`]).
    pub fn frame(&mut self) -> Result<Option<(u8, &[u8])>, String> {
        Ok(self.next()?.map(|(first, payload)| (first, &self.bytes[payload])))
    }

    fn next(&mut self) -> Result<Option<(u8, Range<usize>)>, String> {
        let rest = &self.bytes[self.taken..];
        let Some(head) = Head::parse(rest)? else { return Ok(None) };
        let end = head.length + head.payload;
        if rest.len() < end {
            return Ok(None);
        }
        let begin = self.taken + head.length;
        self.taken += end;
        Ok(Some((head.first, begin..self.taken)))
    }

    /// Takes the next whole text message, and waits for it. Control frames are left out.
    ///
    /// # Errors
    /// If something else comes, or the end.
    pub async fn text(&mut self) -> io::Result<&str> {
        loop {
            match self.next().map_err(io::Error::other)? {
                Some((0x81, text)) => return str::from_utf8(&self.bytes[text]).map_err(io::Error::other),
                Some((0x89 | 0x8a, _)) => {}
                Some((first, _)) => return Err(io::Error::other(format!("a frame that begins with {first:02x}"))),
                None if self.fill(READ_BYTES).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => {}
            }
        }
    }

    /// The bytes of a frame that is not whole yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.taken
    }
}

const READ_BYTES: usize = 64 * 1024;

/// Connects to `/ws`, makes the handshake and reads the hello: the two halves and the socket's id. The kernel keeps about
/// `receive_buffer` bytes for it, if that is given.
///
/// # Errors
/// If the server does not accept, switch and say hello.
pub async fn open_rooms(
    address: SocketAddr,
    receive_buffer: Option<u32>,
) -> io::Result<(Incoming, OwnedWriteHalf, String)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    write.write_all(handshake("/ws").as_bytes()).await?;
    let mut incoming = Incoming::new(read);
    let head = loop {
        if let Some(end) = incoming.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            incoming.taken = end + 4;
            break &incoming.bytes[..end];
        }
        if incoming.fill(READ_BYTES).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    if !head.starts_with(b"HTTP/1.1 101 ") {
        return Err(io::Error::other(String::from_utf8_lossy(head).into_owned()));
    }
    let hello = incoming.text().await?;
    let id = id_in(hello).ok_or_else(|| io::Error::other(format!("no hello: {hello}")))?.to_owned();
    Ok((incoming, write, id))
}

/// Allows this process as many open files as the system lets it have: each connection is one.
///
/// # Panics
/// If it may not have `wanted`.
pub fn raise_file_limit(wanted: u64) {
    let got = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_default();
    assert!(got >= wanted, "the test needs {wanted} open files, {got} are allowed: ulimit -n {wanted}");
}
