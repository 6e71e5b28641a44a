//! A packet as socket.io-msgpack-parser writes it.
//!
//! The arguments' JSON is walked over once. How many values an array has is known at its end, so its header is written as
//! the shortest one, and the few arrays that need a longer one are moved up. At most [`DEPTH_MAX`] of them are
//! open at a time, so that stays linear.

use std::fmt;

use bytes::buf::Writer;
use bytes::{BufMut, Bytes, BytesMut};
use rmp::encode::{self, ValueWriteError};

use crate::socketio::json::{DEPTH_MAX, JsonError, Scanner, Token, string::Text};
use crate::socketio::packet::{Args, Body, Packet};
use crate::socketio::placeholder::Watch;

/// Why a packet cannot be written as msgpack. What the default parser passes on as it is must be understood here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MsgpackEncodeError {
    /// The arguments or the payload are no JSON.
    Json {
        /// The byte that cannot stand there.
        at: usize,
    },
    /// They are nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A placeholder for an attachment that the packet has not.
    PlaceholderNowhere,
    /// The packet would be larger than was allowed. As an attachment may have several placeholders, it can
    /// be larger than the message that it came from.
    TooLarge,
}

impl Packet<'_> {
    /// Appends the packet as one binary message of at most `bytes_max` bytes.
    ///
    /// Cost: one walk over the JSON, one copy of what it says and of the attachments; two small allocations.
    ///
    /// # Errors
    /// The arguments cannot be written; then nothing was.
    pub fn encode_msgpack(&self, bytes_max: usize, out: &mut BytesMut) -> Result<(), MsgpackEncodeError> {
        let start = out.len();
        let result = Encoder::new(out, self.attachments(), bytes_max).and_then(|mut encoder| encoder.packet(self));
        if result.is_err() {
            out.truncate(start);
        }
        result
    }
}

struct Encoder<'a> {
    out: Writer<&'a mut BytesMut>,
    attachments: &'a [Bytes],
    end_max: usize,
    open: Vec<Open>,
}

/// The longest header of an array or map.
const HEADER_MAX: usize = 5;

/// An array or map that is being written.
struct Open {
    header_at: usize,
    count: usize,
    is_map: bool,
}

type Result<T, E = MsgpackEncodeError> = std::result::Result<T, E>;

impl<'a> Encoder<'a> {
    fn new(out: &'a mut BytesMut, attachments: &'a [Bytes], bytes_max: usize) -> Result<Self> {
        let end_max = out.len().checked_add(bytes_max).ok_or(MsgpackEncodeError::TooLarge)?;
        Ok(Self { out: out.writer(), attachments, end_max, open: Vec::new() })
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Result<()> {
        let (kind, id) = match &packet.body {
            Body::Connect { .. } => (0, None),
            Body::Disconnect => (1, None),
            Body::Event { ack, .. } => (2, *ack),
            Body::Ack { id, .. } => (3, *id),
            Body::ConnectError { .. } => (4, None),
        };
        self.start(true);
        self.member("type")?;
        encode::write_uint(&mut self.out, kind)?;
        self.member("nsp")?;
        self.text(&packet.namespace)?;
        if let Some(id) = id {
            self.member("id")?;
            encode::write_uint(&mut self.out, id)?;
        }
        match &packet.body {
            Body::Event { name, args, .. } => self.arguments(Some(name), args)?,
            Body::Ack { args, .. } => self.arguments(None, args)?,
            Body::Connect { data: Some(data), .. } | Body::ConnectError { data: Some(data) } => {
                self.member("data")?;
                self.values(Scanner::value(data, DEPTH_MAX))?;
            }
            Body::Connect { data: None, .. } | Body::ConnectError { data: None } | Body::Disconnect => {}
        }
        self.end()?;
        self.check_size(0)
    }

    fn member(&mut self, key: &str) -> Result<()> {
        self.count();
        self.text(key)
    }

    fn arguments(&mut self, name: Option<&str>, args: &Args<'_>) -> Result<()> {
        self.member("data")?;
        self.start(false);
        if let Some(name) = name {
            self.count();
            self.text(name)?;
        }
        self.values(Scanner::inside_array(&args.json))?;
        self.end()
    }

    /// Writes all values that are left.
    fn values(&mut self, mut scanner: Scanner<'_>) -> Result<()> {
        // Without attachments there are no placeholders, only objects that look so.
        let mut watch = (!self.attachments.is_empty()).then(Watch::default);
        while let Some(token) = scanner.next()? {
            let found = watch.as_mut().and_then(|watch| watch.see(&token, scanner.token_start()));
            let in_map = self.open.last().is_some_and(|open| open.is_map);
            let counts = if in_map { matches!(token, Token::Key(_)) } else { token.starts_value() };
            if counts {
                self.count();
            }
            match token {
                Token::Null => encode::write_nil(&mut self.out)?,
                Token::Bool(value) => encode::write_bool(&mut self.out, value)?,
                Token::Number(text) => self.number(text)?,
                Token::String(text) | Token::Key(text) => self.json_text(text)?,
                Token::ArrayStart => self.start(false),
                Token::ObjectStart => self.start(true),
                Token::ArrayEnd | Token::ObjectEnd => match found {
                    Some(found) => self.attachment(found.num)?,
                    None => self.end()?,
                },
            }
            self.check_size(0)?;
        }
        Ok(())
    }

    fn count(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
        }
    }

    /// Opens an array or map, with a header for few values.
    fn start(&mut self, is_map: bool) {
        let header_at = self.buffer().len();
        self.open.push(Open { header_at, count: 0, is_map });
        self.buffer().put_u8(0);
    }

    /// Ends the innermost array or map, and gives it the header that it needs.
    fn end(&mut self) -> Result<()> {
        let Some(Open { header_at, count, is_map }) = self.open.pop() else { return Ok(()) };
        let len = u32::try_from(count).map_err(|_| MsgpackEncodeError::TooLarge)?;
        let mut header = [0; HEADER_MAX];
        let mut free = &mut header[..];
        if is_map {
            encode::write_map_len(&mut free, len)?
        } else {
            encode::write_array_len(&mut free, len)?
        };
        let header_len = HEADER_MAX - free.len();
        let buffer = self.buffer();
        let content = header_at + 1..buffer.len();
        buffer.put_bytes(0, header_len - 1);
        buffer.copy_within(content, header_at + header_len);
        buffer[header_at..header_at + header_len].copy_from_slice(&header[..header_len]);
        Ok(())
    }

    /// Writes an attachment in place of the object that stands for it, which has just ended.
    fn attachment(&mut self, num: Option<usize>) -> Result<()> {
        let data = num.and_then(|num| self.attachments.get(num)).ok_or(MsgpackEncodeError::PlaceholderNowhere)?;
        if let Some(placeholder) = self.open.pop() {
            self.buffer().truncate(placeholder.header_at);
        }
        self.check_size(data.len())?;
        encode::write_bin_len(&mut self.out, len(data.len())?)?;
        self.buffer().put_slice(data);
        Ok(())
    }

    /// A number as JavaScript has it: what is whole goes as an integer, however it is written.
    fn number(&mut self, text: &str) -> Result<()> {
        if let Ok(value) = text.parse() {
            encode::write_uint(&mut self.out, value)?;
        } else if let Ok(value) = text.parse() {
            encode::write_sint(&mut self.out, value)?;
        } else {
            // JSON's numbers are a part of what Rust takes for floats.
            let value: f64 = text.parse().unwrap_or(f64::NAN);
            const WHOLE_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
            if value.fract() == 0.0 && value.abs() < WHOLE_MAX {
                encode::write_sint(&mut self.out, value as i64)?;
            } else {
                encode::write_f64(&mut self.out, value)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        encode::write_str(&mut self.out, text)?;
        Ok(())
    }

    fn json_text(&mut self, text: Text<'_>) -> Result<()> {
        encode::write_str_len(&mut self.out, len(text.decoded_len())?)?;
        text.decode_to(self.buffer());
        Ok(())
    }

    fn check_size(&mut self, more: usize) -> Result<()> {
        let (len, max) = (self.buffer().len(), self.end_max);
        if len > max || more > max - len { Err(MsgpackEncodeError::TooLarge) } else { Ok(()) }
    }

    fn buffer(&mut self) -> &mut BytesMut {
        self.out.get_mut()
    }
}

fn len(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| MsgpackEncodeError::TooLarge)
}

impl From<JsonError> for MsgpackEncodeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(at) => Self::Json { at },
            JsonError::TooDeep => Self::TooDeep,
        }
    }
}

/// A buffer refuses only what it has no room for.
impl From<std::io::Error> for MsgpackEncodeError {
    fn from(_: std::io::Error) -> Self {
        Self::TooLarge
    }
}

impl From<ValueWriteError<std::io::Error>> for MsgpackEncodeError {
    fn from(_: ValueWriteError<std::io::Error>) -> Self {
        Self::TooLarge
    }
}

impl fmt::Display for MsgpackEncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { at } => write!(f, "arguments are no JSON from byte {at} on"),
            Self::TooDeep => write!(f, "arguments are nested deeper than {DEPTH_MAX}"),
            Self::PlaceholderNowhere => f.write_str("placeholder of an attachment that is not there"),
            Self::TooLarge => f.write_str("packet is larger than allowed"),
        }
    }
}

impl std::error::Error for MsgpackEncodeError {}

#[cfg(test)]
mod tests;
