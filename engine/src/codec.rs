//! How a wire writes a message.

use bytes::BytesMut;

use crate::error::EncodeError;
use crate::journal::Offset;
use crate::message::Message;

/// Writes messages in the format of one wire.
///
/// A lane calls it at the first recipient that speaks this wire and gives the bytes to all others, so a codec may know
/// nothing of the recipient. Wires that differ in one byte need a codec each.
pub trait Codec: Send + Sync + 'static {
    /// Appends the message to `to`, whole: headers and attachments too.
    ///
    /// # Errors
    /// An error, or a panic, costs this message on this wire; what was appended is cut off again, the error is counted.
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> Result<(), EncodeError>;
}

/// A message as a codec gets it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Event, arguments, attachments.
    pub message: &'a Message,
    /// The namespace of its recipients; `/` is the first.
    pub namespace: &'a str,
    /// The number under which the recipients acknowledge it, if they are asked to.
    pub ack: Option<u64>,
    /// Where the message stands in the namespace's journal, as in [`Delivery::offset`](crate::Delivery).
    pub offset: Option<Offset>,
}
