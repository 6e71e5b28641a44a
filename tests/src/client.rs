//! A WebSocket client that sends what it is told and checks all it gets.

use crate::{DEADLINE, Frame, Head, Length, Response, Server};
use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// A TCP connection to the server, before or after the handshake. Whatever it waits for fails the test after
/// [`DEADLINE`].
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// The head of a handshake for `path`, with the key of the RFC's example.
#[must_use]
pub fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

impl Client {
    /// Connects, and says nothing.
    ///
    /// # Panics
    /// If the server does not accept.
    #[track_caller]
    #[must_use]
    pub fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect_timeout(&server.address(), DEADLINE).expect("the server accepts");
        stream.set_nodelay(true).expect("an open socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("an open socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("an open socket");
        Self { stream: BufReader::new(stream) }
    }

    /// Connects and makes the handshake.
    ///
    /// # Panics
    /// If the answer is not the 101 of section 4.2.2.
    #[track_caller]
    #[must_use]
    pub fn open(server: &Server, path: &str) -> Self {
        let mut client = Self::connect(server);
        client.send(handshake(path).as_bytes());
        client.assert_switched();
        client
    }

    /// Connects to `/ws` and reads the hello; the client and its id.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    #[must_use]
    pub fn open_rooms(server: &Server) -> (Self, String) {
        let mut client = Self::open(server, "/ws");
        let hello = client.frame();
        let id = id_in(hello.text()).unwrap_or_else(|| panic!("no hello: {}", hello.text())).to_owned();
        (client, id)
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// If the server does not take them.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends bytes to a server that may end the connection before it has all of them.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends a whole text message.
    #[track_caller]
    pub fn send_text(&mut self, text: &str) {
        self.send(&Frame::text_message(text).bytes());
    }

    /// A second handle to write with, from another thread.
    ///
    /// # Panics
    /// If the socket cannot be cloned.
    #[must_use]
    pub fn writer(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("an open socket")
    }

    /// Says that nothing more will be sent; reading goes on.
    ///
    /// # Panics
    /// If the socket is closed.
    pub fn half_close(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("an open socket");
    }

    /// Reads one HTTP answer.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    #[must_use]
    pub fn response(&mut self) -> Response {
        Response::read(&mut self.stream).expect("an answer")
    }

    /// Reads one HTTP answer; `None` if the server ends the connection instead.
    ///
    /// # Panics
    /// If neither happens.
    #[track_caller]
    #[must_use]
    pub fn response_or_end(&mut self) -> Option<Response> {
        match Response::read(&mut self.stream) {
            Ok(response) => Some(response),
            Err(error) if is_end(&error) => None,
            Err(error) => panic!("neither an answer nor an end: {error}"),
        }
    }

    /// Reads the answer to a handshake with the key of [`handshake`].
    ///
    /// # Panics
    /// If it is not the 101 of section 4.2.2, without extension and subprotocol.
    #[track_caller]
    pub fn assert_switched(&mut self) {
        let response = self.response();
        assert_eq!(response.status, 101, "{}", response.text());
        assert!(response.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")));
        assert!(response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(response.header("sec-websocket-extensions"), None);
        assert_eq!(response.header("sec-websocket-protocol"), None);
    }

    /// The next frame.
    ///
    /// # Panics
    /// If the connection ends instead, or the frame breaks a rule for servers: masked, reserved bits, a length that
    /// is not the shortest, a control frame that is fragmented or long.
    #[track_caller]
    #[must_use]
    pub fn frame(&mut self) -> Frame {
        match self.try_frame() {
            Ok(frame) => frame,
            Err(error) => panic!("no frame: {error}"),
        }
    }

    /// The next frame; `None` if the server ended the connection, by FIN or by RST.
    ///
    /// # Panics
    /// If neither comes, or the frame breaks a rule for servers.
    #[track_caller]
    #[must_use]
    pub fn frame_or_end(&mut self) -> Option<Frame> {
        match self.try_frame() {
            Ok(frame) => Some(frame),
            Err(error) if is_end(&error) => None,
            Err(error) => panic!("neither a frame nor an end: {error}"),
        }
    }

    fn try_frame(&mut self) -> io::Result<Frame> {
        let mut bytes = Vec::with_capacity(10);
        let head = loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            bytes.push(byte[0]);
            if let Some(head) = Head::parse(&bytes).unwrap_or_else(|broken| panic!("{broken}")) {
                break head;
            }
        };
        let mut payload = vec![0; head.payload];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame { first: head.first, mask: None, length: Length::Shortest, payload })
    }

    /// Sends a text and reads it back.
    ///
    /// # Panics
    /// If that is not what comes.
    #[track_caller]
    pub fn assert_echo(&mut self, text: &str) {
        self.send_text(text);
        assert_eq!(self.frame().text(), text);
    }

    /// The next frame is a close with this code, and then the server ends TCP.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_closed(&mut self, code: u16) {
        let close = self.frame();
        assert_eq!(close.close_code(), Some(code), "{close:02x?}");
        str::from_utf8(&close.payload[2..]).expect("a reason is UTF-8");
        self.assert_ended();
    }

    /// The server sends nothing more and ends the connection, by FIN or by RST.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_ended(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if !is_end(&error) => panic!("the connection stays: {error}"),
            _ => assert!(rest.is_empty(), "more came: {rest:02x?}"),
        }
    }

    /// Reads whatever comes until the server ends the connection.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn drain(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if !is_end(&error) => panic!("the connection stays: {error}"),
            _ => rest,
        }
    }

    /// Has the server ended the connection? Waits at most this long for it; what it sends meanwhile is dropped.
    ///
    /// # Panics
    /// If the socket fails otherwise.
    pub fn ended_within(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        self.stream.get_ref().set_read_timeout(Some(time)).expect("an open socket");
        let result = self.stream.read(&mut byte);
        self.stream.get_ref().set_read_timeout(Some(DEADLINE)).expect("an open socket");
        match result {
            Ok(count) => count == 0,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => false,
            Err(error) if is_end(&error) => true,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The id in a hello.
pub(crate) fn id_in(hello: &str) -> Option<&str> {
    hello.strip_prefix(r#"{"event":"hello","data":{"id":""#)?.strip_suffix("\"}}")
}

/// Did the other side end the connection, in whatever way?
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
