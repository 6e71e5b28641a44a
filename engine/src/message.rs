//! What is sent: an event's name and its arguments, independent of every wire.

use std::sync::{Arc, LazyLock};

use ahash::RandomState;
use bytes::Bytes;

use crate::error::EncodeError;
#[cfg(feature = "json")]
use crate::event_name::is_reserved_event;

/// An event on its way to sockets: a name, arguments as JSON text, binary attachments, and a delivery [`Class`].
///
/// Cloning costs one reference count. Each lane writes a message once per codec, whatever the number of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    body: Arc<Body>,
    class: Class,
}

#[derive(Debug, PartialEq, Eq)]
struct Body {
    event: Box<str>,
    /// The arguments as one JSON array: its inside, its only element and the whole are all wanted.
    array: Box<str>,
    count: u32,
    attachments: Vec<Bytes>,
}

/// What becomes of a message that a slow reader cannot take at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// It waits in the reader's outbox; a reader whose outbox is full is disconnected.
    #[default]
    Reliable,
    /// It is left out for that reader.
    Volatile,
    /// It replaces the waiting message with the same key.
    Latest(Key),
}

/// Which messages replace each other under [`Class::Latest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl From<u64> for Key {
    fn from(key: u64) -> Self {
        Self(key)
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        // Seeded at random in each process, so that a client cannot choose keys that meet.
        static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(SEED.hash_one(key))
    }
}

impl Message {
    /// An event with one argument that is JSON text already. The text is copied, not checked, and neither is the name: a wire
    /// that uses a name itself leaves the message out ([`EncodeError::EventReserved`]).
    pub fn raw(event: &str, json: &str) -> Self {
        Self::from_parts(event, json, 1, Vec::new())
    }

    /// An event whose one argument is binary.
    pub fn binary(event: &str, bytes: impl Into<Bytes>) -> Self {
        Self::from_parts(event, r#"{"_placeholder":true,"num":0}"#, 1, vec![bytes.into()])
    }

    /// An event with `count` arguments, written as JSON text with commas between them. Where an argument is or holds
    /// binary, the text has `{"_placeholder":true,"num":N}` for `attachments[N]`.
    pub fn from_parts(event: &str, args: &str, count: u32, attachments: Vec<Bytes>) -> Self {
        let mut array = String::with_capacity(args.len() + 2);
        array.push('[');
        array.push_str(args);
        array.push(']');
        Self::new(event, array, count, attachments)
    }

    /// An event with one argument.
    ///
    /// # Errors
    /// [`EncodeError::Json`] if `data` cannot be JSON, as a map with keys that are no text; [`EncodeError::EventReserved`] if
    /// the name [is reserved](is_reserved_event).
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(event: &str, data: &T) -> Result<Self, EncodeError> {
        Self::args(event, &(data,))
    }

    /// An event with as many arguments as `args` has elements: a tuple, an array or a list.
    ///
    /// # Errors
    /// [`EncodeError::Json`] if `args` cannot be JSON or is no sequence; [`EncodeError::EventReserved`] as above.
    #[cfg(feature = "json")]
    pub fn args<T: serde::Serialize + ?Sized>(event: &str, args: &T) -> Result<Self, EncodeError> {
        if is_reserved_event(event) {
            return Err(EncodeError::EventReserved);
        }
        let array = serde_json::to_string(args).map_err(|e| EncodeError::Json(e.to_string()))?;
        let elements: Vec<serde::de::IgnoredAny> =
            serde_json::from_str(&array).map_err(|_| EncodeError::Json("arguments are a tuple or a list".into()))?;
        Ok(Self::new(event, array, elements.len() as u32, Vec::new()))
    }

    fn new(event: &str, array: String, count: u32, attachments: Vec<Bytes>) -> Self {
        let body = Body { event: event.into(), array: array.into(), count, attachments };
        Self { body: Arc::new(body), class: Class::Reliable }
    }

    /// The same message, left out for readers that are behind.
    #[must_use]
    pub fn volatile(self) -> Self {
        self.with_class(Class::Volatile)
    }

    /// The same message; for readers that are behind it replaces what waits under the same key.
    #[must_use]
    pub fn latest(self, key: impl Into<Key>) -> Self {
        self.with_class(Class::Latest(key.into()))
    }

    /// The same message in another class.
    #[must_use]
    pub fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The event's name.
    pub fn event(&self) -> &str {
        &self.body.event
    }

    /// What becomes of it at a slow reader.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The arguments as JSON text, commas between them, no brackets around.
    pub fn args_json(&self) -> &str {
        let array = &self.body.array;
        &array[1..array.len() - 1]
    }

    /// How many arguments there are.
    pub fn args_len(&self) -> usize {
        self.body.count as usize
    }

    /// The arguments as one JSON value: `null` for none, the argument for one, an array for several.
    ///
    /// # Errors
    /// [`EncodeError::Binary`] if there are attachments.
    pub fn as_json(&self) -> Result<&[u8], EncodeError> {
        if !self.body.attachments.is_empty() {
            return Err(EncodeError::Binary);
        }
        Ok(match self.body.count {
            0 => b"null",
            1 => self.args_json().as_bytes(),
            _ => self.body.array.as_bytes(),
        })
    }

    /// Binary attachments, in the order of their placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.body.attachments
    }

    /// Bytes that the message holds in memory, near enough for limits.
    pub fn size(&self) -> usize {
        let binary: usize = self.body.attachments.iter().map(Bytes::len).sum();
        size_of::<Body>() + self.body.event.len() + self.body.array.len() + binary
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_any_number_of_arguments() {
        assert_eq!(Message::from_parts("e", "", 0, vec![]).as_json().unwrap(), b"null");
        assert_eq!(Message::raw("e", "{\"a\":1}").as_json().unwrap(), b"{\"a\":1}");
        assert_eq!(Message::from_parts("e", "1,\"b\"", 2, vec![]).as_json().unwrap(), b"[1,\"b\"]");
        assert_eq!(Message::binary("e", &b"x"[..]).as_json(), Err(EncodeError::Binary));
    }

    #[test]
    fn keys_of_text_and_number() {
        assert_eq!(Key::from("score"), Key::from("score"));
        assert_ne!(Key::from("score"), Key::from("score2"));
        assert_eq!(Message::raw("e", "1").latest(7).class(), Class::Latest(Key(7)));
    }

    #[cfg(feature = "json")]
    #[test]
    fn arguments_are_counted() {
        let message = Message::args("sum", &(1, "two", [3, 4])).unwrap();
        assert_eq!((message.args_json(), message.args_len()), ("1,\"two\",[3,4]", 3));
        assert_eq!(Message::json("one", &[1, 2]).unwrap().args_len(), 1);
        assert!(Message::args("no", &5).is_err());
        assert_eq!(
            Message::args("none", &()).map(|m| m.args_len()),
            Err(EncodeError::Json("arguments are a tuple or a list".into()))
        );
    }
}
