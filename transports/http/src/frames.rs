//! A WebSocket on a lane (RFC 6455): frames in, and the closing handshake.
//!
//! When the server closes, the close frame goes out behind what was queued, and the client's own close is awaited; the lane
//! gives it two seconds. When the client closes, its code is sent back and the stream is ended. When the client breaks the
//! protocol, a close frame says how, and whatever else it sends is thrown away.

use std::ops::ControlFlow;

use roomcast_lane::{Close, Context, DisconnectReason, Farewell, Progress};
use roomcast_rfc6455::{CloseCode, ControlFrame, Input, Limits, ReadError, Reader};

/// The code of a close that is never sent: the stream ended.
const CLOSED_WITHOUT_CODE: u16 = 1006;

/// What a [`Protocol`](roomcast_lane::Protocol) that speaks WebSocket keeps of it: how far the client's frames were read, and
/// who has closed. 24 bytes, and heap only while a fragmented message is incomplete.
#[derive(Debug, Default)]
pub struct Frames {
    reader: Reader,
    /// The code of the client's close.
    left_with: Option<CloseCode>,
}

impl Frames {
    /// A connection just after its handshake.
    pub const fn new() -> Self {
        Self { reader: Reader::new(), left_with: None }
    }

    /// Reads the whole frames of an input, for [`handle_input`](roomcast_lane::Protocol::handle_input), and gives what they
    /// carry to `handle`; stops while the connection is held. Pings are answered before `handle` sees them. At the client's
    /// close it says how the connection ends; after the server's own it is asked about that only.
    ///
    /// # Errors
    /// Those of `handle`, and 1002, 1007 or 1009 if the client broke the protocol.
    pub fn read<'c>(
        &mut self,
        input: &mut [u8],
        limits: &Limits,
        cx: &mut Context<'c>,
        mut handle: impl FnMut(Input<'_>, &mut Context<'c>) -> Result<(), Close>,
    ) -> Result<Progress, Close> {
        let Self { reader, left_with } = self;
        let closing = reader.is_close_sent();
        let mut outcome = Ok(());
        let read = reader.read(input, limits, |input| {
            match input {
                Input::Close(code) => *left_with = code,
                // After its own close the server only waits for the client's (section 5.5.1).
                _ if closing => return ControlFlow::Continue(()),
                Input::Ping(payload) => cx.write(&ControlFrame::pong(payload)),
                _ => {}
            }
            outcome = handle(input, cx);
            if outcome.is_err() || cx.is_held() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        outcome?;
        let progress = read.map_err(|error| broken(&error))?;
        Ok(Progress::used(progress.used).wanting(progress.want))
    }

    /// Bytes of a message whose last fragment is still to come. Its frames are whole: what waits to become one is
    /// [`Context::input_bytes`].
    pub fn fragment_bytes(&self) -> usize {
        self.reader.fragment_bytes()
    }

    /// The last words of a connection, for [`handle_close`](roomcast_lane::Protocol::handle_close): the close frame, or the
    /// answer to the client's.
    pub fn close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
        if self.reader.is_close_received() {
            cx.queue(&ControlFrame::close(self.left_with, ""));
            return Farewell::Finish;
        }
        if close.code() == CLOSED_WITHOUT_CODE {
            return Farewell::Finish;
        }
        cx.queue(&ControlFrame::close(Some(CloseCode::from(close.code())), close.text()));
        self.reader.set_close_sent();
        let nobody_there = *close.reason() == DisconnectReason::PingTimeout;
        if self.reader.is_ended() || nobody_there { Farewell::Finish } else { Farewell::AwaitPeer }
    }
}

/// The client broke the protocol: 1002, 1007 or 1009.
fn broken(error: &ReadError) -> Close {
    Close::new(u16::from(error.close_code()), error.to_string(), DisconnectReason::ParseError)
}

#[cfg(test)]
mod tests {
    use roomcast::Engine;
    use roomcast_lane::{ManualConnection, ManualLane, Protocol, Wire};

    use super::*;

    /// Says what it hears, in frames of text, and closes at `bye`.
    #[derive(Default)]
    struct Parrot(Frames);

    impl Protocol for Parrot {
        fn handle_open(&mut self, _cx: &mut Context<'_>) {}

        fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
            self.0.read(input, &Limits::default(), cx, |input, cx| match input {
                Input::Text("bye") => Err(Close::server_left()),
                Input::Close(_) => Err(Close::client_left()),
                heard => {
                    let heard = format!("{heard:?}");
                    cx.queue(&[&[0x81, u8::try_from(heard.len()).unwrap()], heard.as_bytes()].concat());
                    Ok(())
                }
            })
        }

        fn handle_close(&mut self, close: &Close, cx: &mut Context<'_>) -> Farewell {
            self.0.close(close, cx)
        }
    }

    /// A frame with a mask that changes nothing.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
    }

    fn parrot() -> (ManualLane, ManualConnection) {
        let mut lane = ManualLane::new(&Engine::new());
        let client = lane.connect(&Wire::mute(), 1 << 20, Parrot::default);
        (lane, client)
    }

    fn told(lane: &mut ManualLane, client: &ManualConnection, frames: &[Vec<u8>]) -> Vec<u8> {
        client.send(frames.concat());
        lane.run();
        client.receive()
    }

    #[test]
    fn pings_are_answered_and_shown() {
        let (mut lane, client) = parrot();
        let heard = told(&mut lane, &client, &[frame(0x81, b"hi"), frame(0x89, b"p"), frame(0x8a, b"")]);
        let text = |text: &str| [&[0x81, text.len() as u8], text.as_bytes()].concat();
        let expected = [b"\x8a\x01p".to_vec(), text("Text(\"hi\")"), text("Ping([112])"), text("Pong([])")].concat();
        assert_eq!(heard, expected, "control frames go ahead");
    }

    #[test]
    fn the_clients_code_comes_back() {
        for payload in [&[][..], &[0x03, 0xe9], &[0x03, 0xf6], &[0x0f, 0xa0, b'x']] {
            let (mut lane, client) = parrot();
            let code = &payload[..payload.len().min(2)];
            let answer = [&[0x88, code.len() as u8], code].concat();
            assert_eq!(told(&mut lane, &client, &[frame(0x88, payload), frame(0x81, b"late")]), answer);
            assert!(client.is_ended());
        }
    }

    #[test]
    fn after_the_own_close_only_the_clients_counts() {
        let (mut lane, client) = parrot();
        assert_eq!(told(&mut lane, &client, &[frame(0x81, b"bye")]), b"\x88\x02\x03\xe8");
        assert_eq!(told(&mut lane, &client, &[frame(0x81, b"late"), frame(0x89, b"p")]), b"");
        assert!(!client.is_ended());
        told(&mut lane, &client, &[frame(0x88, &[0x03, 0xe8])]);
        assert!(client.is_ended());
    }

    #[test]
    fn who_breaks_the_protocol_is_told_how() {
        let (mut lane, client) = parrot();
        let answer = told(&mut lane, &client, &[b"\x81\x02hi".to_vec()]);
        assert_eq!((answer[0], &answer[2..4]), (0x88, &1002_u16.to_be_bytes()[..]));
    }
}
