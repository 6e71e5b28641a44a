//! A binary message of socket.io-msgpack-parser as a packet.

use std::borrow::Cow;

use super::read::{Head, Items, Reader};
use super::to_json::Json;
use crate::socketio::decoder::DecodeLimits;
use crate::socketio::error::DecodeError;
use crate::socketio::header::{self, Kind};
use crate::socketio::packet::{Args, Body, Packet, Revision};
use crate::socketio::payload;

/// Takes a message of a client that uses socket.io-msgpack-parser: one packet, whole.
///
/// The same rules hold as for the default parser, and three more: integers must be integers, not floats; text must be
/// UTF-8; and a map that the default parser would take for a [placeholder](Args::json) may not stand beside binary.
///
/// Cost: two walks over the bytes; text and attachments are copied. The text of the arguments is at most about six times as
/// long as the message.
///
/// # Errors
/// The client broke the protocol or a limit.
pub fn decode_msgpack(bytes: &[u8], revision: Revision, limits: &DecodeLimits) -> Result<Packet<'static>, DecodeError> {
    let max = limits.packet_bytes_max;
    if bytes.len() > max {
        return Err(DecodeError::TooLarge { max });
    }
    let members = Members::find(bytes, limits)?;
    let kind = match members.kind.and_then(Reader::peek) {
        Some(Head::UInt(number)) => Kind::of_type(number).ok_or(DecodeError::Type)?,
        _ => return Err(DecodeError::Type),
    };
    let (namespace, query) = match members.namespace.and_then(Reader::peek) {
        Some(Head::Str(name)) if name.starts_with('/') && !name.contains(',') => {
            header::split_query(name, revision, limits)?
        }
        _ => return Err(DecodeError::MsgpackPacket),
    };
    let id = match members.id.and_then(Reader::peek) {
        None => None,
        Some(Head::UInt(id)) => Some(id),
        Some(_) => return Err(DecodeError::AckId),
    };
    let namespace = if namespace == "/" { Cow::Borrowed("/") } else { Cow::Owned(namespace.to_owned()) };
    let query = query.map(|query| Cow::Owned(query.to_owned()));
    Ok(Packet { namespace, body: body(kind, members.data, id, query, limits)? })
}

/// Where the members of a packet's map have their values; of one that is there twice, the last. What is `undefined`
/// is not there.
#[derive(Default)]
struct Members<'a> {
    kind: Option<Reader<'a>>,
    namespace: Option<Reader<'a>>,
    id: Option<Reader<'a>>,
    data: Option<Reader<'a>>,
}

impl<'a> Members<'a> {
    fn find(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let (mut reader, mut items) = (Reader::new(bytes), Items::new(limits.items_max));
        let mut members = Self::default();
        let Head::Map(len) = reader.head()? else { return Err(DecodeError::MsgpackPacket) };
        for _ in 0..len {
            let key = reader.peek();
            reader.skip(&mut items)?;
            let value = Some(reader).filter(|reader| !reader.peek().is_some_and(|head| head.is_undefined()));
            reader.skip(&mut items)?;
            match key {
                Some(Head::Str("type")) => members.kind = value,
                Some(Head::Str("nsp")) => members.namespace = value,
                Some(Head::Str("id")) => members.id = value,
                Some(Head::Str("data")) => members.data = value,
                _ => {}
            }
        }
        reader.end().map(|()| members)
    }
}

impl<'a> Reader<'a> {
    /// What stands next, if that can be read.
    fn peek(mut self) -> Option<Head<'a>> {
        self.head().ok()
    }
}

fn body(
    kind: Kind,
    data: Option<Reader<'_>>,
    id: Option<u64>,
    query: Option<Cow<'static, str>>,
    limits: &DecodeLimits,
) -> Result<Body<'static>, DecodeError> {
    let first = data.and_then(Reader::peek);
    Ok(match (kind, data, first) {
        (Kind::Connect, None, _) => Body::Connect { data: None, query },
        (Kind::Connect, Some(data), Some(Head::Map(_))) => Body::Connect { data: Some(plain(data, limits)?), query },
        (Kind::Connect, ..) => return Err(DecodeError::ConnectPayload),
        (Kind::Disconnect, None, _) => Body::Disconnect,
        (Kind::Disconnect, ..) => return Err(DecodeError::DisconnectPayload),
        (Kind::ConnectError, Some(data), Some(Head::Map(_) | Head::Str(_))) => {
            Body::ConnectError { data: Some(plain(data, limits)?) }
        }
        (Kind::ConnectError, ..) => return Err(DecodeError::ErrorPayload),
        (Kind::Event, Some(mut data), Some(Head::Array(len))) => {
            data.head()?;
            let name = if len == 0 { return Err(DecodeError::EventNameMissing) } else { name(&mut data, limits)? };
            Body::Event { name, args: arguments(&mut data, len - 1, limits)?, ack: id }
        }
        (Kind::Ack, Some(mut data), Some(Head::Array(len))) => {
            data.head()?;
            Body::Ack { id, args: arguments(&mut data, len, limits)? }
        }
        (Kind::Event | Kind::Ack, ..) => return Err(DecodeError::NoArray),
    })
}

/// A value in which there can be no binary.
fn plain(mut data: Reader<'_>, limits: &DecodeLimits) -> Result<Cow<'static, str>, DecodeError> {
    let (text, attachments) = Json::read(&mut data, 1, limits)?.into_parts();
    if attachments.is_empty() { Ok(text.into()) } else { Err(DecodeError::BinaryMisplaced) }
}

fn name(data: &mut Reader<'_>, limits: &DecodeLimits) -> Result<Cow<'static, str>, DecodeError> {
    let name = match data.peek() {
        Some(Head::Str(name)) => {
            data.head()?;
            name.to_owned()
        }
        Some(Head::UInt(_) | Head::Int(_) | Head::Float(_)) => Json::read(data, 1, limits)?.into_parts().0,
        _ => return Err(DecodeError::EventName),
    };
    payload::check_name(&name)?;
    Ok(name.into())
}

fn arguments(data: &mut Reader<'_>, count: u32, limits: &DecodeLimits) -> Result<Args<'static>, DecodeError> {
    let (text, attachments) = Json::read(data, count, limits)?.into_parts();
    Ok(Args { json: text.into(), count: count as usize, attachments: attachments.into() })
}

#[cfg(test)]
mod tests;
