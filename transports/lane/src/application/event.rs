//! What a client sends: an event's name and its arguments.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;

/// An event from a client: a name, arguments as JSON text, binary attachments; the inbound form of a
/// [`Message`](roomcast::Message).
///
/// Protocols lend it out of their read buffer; [`Event::into_owned`] keeps it. Protocols need not check the JSON: the
/// extractors do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    name: Cow<'a, str>,
    args: Cow<'a, str>,
    count: usize,
    attachments: Vec<Bytes>,
}

impl<'a> Event<'a> {
    /// An event with one argument.
    pub fn json(name: &'a str, json: &'a str) -> Self {
        Self::from_parts(name, json, 1, Vec::new())
    }

    /// An event with `count` arguments, as JSON text with commas between them and no brackets around. Where an argument is
    /// or holds binary, the text has `{"_placeholder":true,"num":N}` for `attachments[N]`.
    pub fn from_parts(name: &'a str, args: &'a str, count: usize, attachments: Vec<Bytes>) -> Self {
        Self { name: Cow::Borrowed(name), args: Cow::Borrowed(args), count, attachments }
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments as JSON text, commas between them, no brackets around.
    pub fn args_json(&self) -> &str {
        &self.args
    }

    /// How many arguments there are.
    pub fn args_len(&self) -> usize {
        self.count
    }

    /// Binary attachments, in the order of their placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The first argument, read as `T`; no argument is read as `null`.
    ///
    /// # Errors
    /// The text of serde_json's error.
    pub fn first<T: DeserializeOwned>(&self) -> Result<T, String> {
        match self.count {
            0 => serde_json::from_str("null"),
            1 => serde_json::from_str(&self.args),
            // Stops behind the first value; what follows is other arguments.
            _ => T::deserialize(&mut serde_json::Deserializer::from_str(&self.args)),
        }
        .map_err(|e| e.to_string())
    }

    /// All arguments, read as `T`, a tuple or a list.
    ///
    /// # Errors
    /// The text of serde_json's error.
    pub fn all<T: DeserializeOwned>(&self) -> Result<T, String> {
        let array = format!("[{}]", self.args);
        serde_json::from_str(&array).map_err(|e| e.to_string())
    }

    /// The name, in a form that outlives the event.
    pub(crate) fn name_for_log(&self) -> Cow<'a, str> {
        self.name.clone()
    }

    /// The same event, kept: copies what is borrowed.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            name: Cow::Owned(self.name.into_owned()),
            args: Cow::Owned(self.args.into_owned()),
            count: self.count,
            attachments: self.attachments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_one_by_one_and_together() {
        let event = Event::from_parts("sum", "1, [2,3] ,\"x\"", 3, vec![]);
        assert_eq!(event.first::<u8>(), Ok(1));
        assert_eq!(event.all::<(u8, Vec<u8>, String)>(), Ok((1, vec![2, 3], "x".into())));
        assert!(event.all::<(u8, Vec<u8>)>().is_err(), "too many arguments");
        assert_eq!(Event::default().first::<Option<u8>>(), Ok(None));
        assert_eq!(Event::default().all::<Vec<u8>>(), Ok(vec![]));
    }

    #[test]
    fn json_that_is_none_is_an_error_and_not_a_panic() {
        assert!(Event::json("e", "{\"a\":").first::<serde_json::Value>().is_err());
        assert!(Event::json("e", "1,2").first::<u8>().is_err());
        assert!(Event::json("e", "1],[2").all::<serde_json::Value>().is_err());
    }
}
