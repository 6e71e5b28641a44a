//! The receiving side of one connection.
//!
//! The caller owns the buffer, the reader only a place in the protocol: is a fragmented message open, was a close
//! seen. Whole frames at the front of the buffer are unmasked where they lie and handed out borrowed. A frame that is
//! not there entirely is the caller's to keep; its header is judged at once, so that a forbidden or too large frame is
//! refused before its payload arrives, and [`Progress::want`] says when to come back.
//!
//! Text is validated frame by frame. Looking into a frame that is not complete could fail a little earlier, but would
//! need to remember how far it was unmasked; the frame is bounded by the limit of a message either way.

use crate::{
    CloseCode, Kind, ReadError, close,
    fragments::Fragments,
    header::{self, Header, Parsed, Purpose},
    mask::unmask,
};
use std::ops::ControlFlow;

/// What a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message, all its fragments together; 1,000,000 by default.
    pub message_bytes_max: usize,
    /// Frames of one message that is fragmented; 131,072 by default, 0 allows none. Counted because a million empty
    /// frames have no bytes.
    pub fragments_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes_max: 1_000_000, fragments_max: 131_072 }
    }
}

/// What a client sent. All of it borrows from the buffer given to [`Reader::read`] or from the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// To be answered by a [pong](crate::ControlFrame::pong) with the same at most 125 bytes (section 5.5.2).
    Ping(&'a [u8]),
    /// An answer to a ping, or unasked (section 5.5.3).
    Pong(&'a [u8]),
    /// The last input: the client sends nothing after it. Unless the server closed first it is to be answered by a
    /// [close](crate::ControlFrame::close) with the same code, which is one that may be sent (section 5.5.1).
    Close(Option<CloseCode>),
}

/// How far [`Reader::read`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes at the front of the input that are done with; the caller keeps the others.
    pub used: usize,
    /// Bytes that must be there, counted from `used`, before it is worth calling again; 0 if any number may do.
    ///
    /// It is the length of the frame there, header included, as soon as the header is complete and found valid, and so
    /// at most 14 more than [`Limits::message_bytes_max`] (or 139). Before that it is the length of the header.
    /// It is a claim of the client: a bound for what to keep, not a reason to allocate.
    pub want: usize,
}

/// The state of the receiving side: 16 bytes, and heap only while a fragmented message is incomplete.
#[derive(Debug, Default)]
pub struct Reader {
    fragments: Option<Box<Fragments>>,
    close_sent: bool,
    close_received: bool,
    failed: bool,
}

impl Reader {
    /// A connection just after its handshake.
    #[must_use]
    pub const fn new() -> Self {
        Self { fragments: None, close_sent: false, close_received: false, failed: false }
    }

    /// Handles the whole frames at the front of `input`, unmasking them in place, and gives what they carry to `on`.
    ///
    /// `on` may end the call by `Break`; call again with what is left. After a [close](Input::Close) or an error all
    /// input is used and ignored (section 5.5.1). Do not change the bytes that are left, and not the limits
    /// within a message.
    ///
    /// Cost: about 25 ns a frame, then one pass to unmask and, for text, one to validate. Unfragmented messages are
    /// not copied and nothing is allocated; fragments are copied once. Calling before `want` bytes are there
    /// costs another look at the header, nothing more.
    ///
    /// # Errors
    /// The client broke the protocol or a limit. What came before it was given to `on`.
    pub fn read(
        &mut self,
        input: &mut [u8],
        limits: &Limits,
        mut on: impl FnMut(Input<'_>) -> ControlFlow<()>,
    ) -> Result<Progress, ReadError> {
        let result = self.read_frames(input, limits, &mut on);
        if result.is_err() {
            self.failed = true;
            self.fragments = None;
        }
        result
    }

    /// To be called when the server's close frame was queued.
    pub fn set_close_sent(&mut self) {
        self.close_sent = true;
    }

    /// The server's close frame was queued: no data must follow it (section 5.5.1).
    #[must_use]
    pub fn is_close_sent(&self) -> bool {
        self.close_sent
    }

    /// The client's close frame was read.
    #[must_use]
    pub fn is_close_received(&self) -> bool {
        self.close_received
    }

    /// Both sides have closed: the server may end TCP (section 7.1.1).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.close_sent && self.close_received
    }

    /// No more input will be looked at: the client closed, or broke the protocol.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.close_received || self.failed
    }

    /// Bytes of an incomplete fragmented message that are kept here; 0 while there is none.
    #[must_use]
    pub fn fragment_bytes(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| fragments.len())
    }

    fn read_frames(
        &mut self,
        input: &mut [u8],
        limits: &Limits,
        on: &mut impl FnMut(Input<'_>) -> ControlFlow<()>,
    ) -> Result<Progress, ReadError> {
        let mut used = 0;
        while !self.is_ended() {
            let rest = &mut input[used..];
            let header = match header::parse(rest)? {
                Parsed::Whole(header) => header,
                Parsed::Partial { want } => return Ok(Progress { used, want }),
            };
            let frame_len = self.admit(&header, limits)?;
            let Some(frame) = rest.get_mut(..frame_len) else { return Ok(Progress { used, want: frame_len }) };
            used += frame_len;
            let payload = &mut frame[header.head_len..];
            unmask(payload, header.mask);
            if self.handle(&header, payload, on)?.is_break() {
                return Ok(Progress { used, want: 0 });
            }
        }
        Ok(Progress { used: input.len(), want: 0 })
    }

    /// Judges a frame by what came before it and by the limits; its whole length if it may come.
    fn admit(&self, header: &Header, limits: &Limits) -> Result<usize, ReadError> {
        let (count, before) = match (header.purpose, &self.fragments) {
            (Purpose::Ping | Purpose::Pong | Purpose::Close, _) => return frame_len(header, 0, 125),
            (Purpose::Continue, None) => return Err(ReadError::ContinuationUnexpected),
            (Purpose::Start(_), Some(_)) => return Err(ReadError::ContinuationExpected),
            (Purpose::Start(_), None) => (0, 0),
            (Purpose::Continue, Some(fragments)) => (fragments.count, fragments.len()),
        };
        let fragmented = count > 0 || !header.is_final;
        if fragmented && count >= limits.fragments_max {
            return Err(ReadError::TooManyFragments { max: limits.fragments_max });
        }
        frame_len(header, before, limits.message_bytes_max)
    }

    fn handle(
        &mut self,
        header: &Header,
        payload: &[u8],
        on: &mut impl FnMut(Input<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        match header.purpose {
            Purpose::Ping => Ok(on(Input::Ping(payload))),
            Purpose::Pong => Ok(on(Input::Pong(payload))),
            Purpose::Close => {
                let code = close::parse(payload)?;
                self.close_received = true;
                self.fragments = None;
                Ok(on(Input::Close(code)))
            }
            Purpose::Start(kind) if header.is_final => Ok(on(whole(kind, payload)?)),
            Purpose::Start(kind) => {
                let mut fragments = Box::new(Fragments::new(kind));
                fragments.push(payload)?;
                self.fragments = Some(fragments);
                Ok(ControlFlow::Continue(()))
            }
            Purpose::Continue => self.handle_continuation(header.is_final, payload, on),
        }
    }

    fn handle_continuation(
        &mut self,
        is_final: bool,
        payload: &[u8],
        on: &mut impl FnMut(Input<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let mut fragments = self.fragments.take().ok_or(ReadError::ContinuationUnexpected)?;
        fragments.push(payload)?;
        if is_final {
            return Ok(on(fragments.message()?));
        }
        self.fragments = Some(fragments);
        Ok(ControlFlow::Continue(()))
    }
}

/// Bytes of the frame, if the message with it has at most `max`.
fn frame_len(header: &Header, before: usize, max: usize) -> Result<usize, ReadError> {
    let bytes = header.payload_len.saturating_add(before as u64);
    let too_large = ReadError::MessageTooLarge { bytes, max };
    if bytes > max as u64 {
        return Err(too_large);
    }
    let payload_len = usize::try_from(header.payload_len).map_err(|_| too_large)?;
    payload_len.checked_add(header.head_len).ok_or(too_large)
}

fn whole(kind: Kind, payload: &[u8]) -> Result<Input<'_>, ReadError> {
    match kind {
        Kind::Text => str::from_utf8(payload).map(Input::Text).map_err(|_| ReadError::NotUtf8),
        Kind::Binary => Ok(Input::Binary(payload)),
    }
}

#[cfg(test)]
mod tests;
