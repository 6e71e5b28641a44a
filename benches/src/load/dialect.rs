//! What is spoken with a server: how it greets, what asks to join, which answers come.
//!
//! What a publication looks like in each dialect is in `publication.rs`.

use super::{Fault, virtual_request};

/// What is spoken with the server, and over which transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// The JSON room protocol of `/ws`
    Rooms,
    /// Texts that `/ws/echo` sends back
    #[value(skip)]
    Echo,
    /// Socket.IO over WebSocket, Engine.IO revision 4
    Sio,
    /// Socket.IO over WebSocket, Engine.IO revision 3
    Sio3,
    /// Socket.IO by long-polling, Engine.IO revision 4
    SioPolling,
    /// Virtual requests of sails.io.js over Socket.IO over WebSocket, Engine.IO revision 4
    Sails,
}

/// Engine.IO's packet that asks whether the other side is there, and its answer.
pub(crate) const PING: &[u8] = b"2";
pub(crate) const PONG: &str = "3";
/// Socket.IO's packet that asks to be connected to the namespace `/`.
const CONNECT: &str = "40";

impl Dialect {
    /// What members speak, as their publisher speaks it: that is always a WebSocket.
    pub(crate) fn of_publisher(self) -> Self {
        if self == Self::SioPolling { Self::Sio } else { self }
    }

    /// The path that is asked for, with its query.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Rooms => "/ws",
            Self::Echo => "/ws/echo",
            Self::Sio => "/socket.io/?EIO=4&transport=websocket",
            Self::Sio3 => "/socket.io/?EIO=3&transport=websocket",
            Self::SioPolling => "/socket.io/?EIO=4&transport=polling",
            Self::Sails => "/socket.io/?__sails_io_sdk_version=1.2.1&EIO=4&transport=websocket",
        }
    }

    /// Whether a text `2` is a ping.
    pub(crate) fn has_heartbeats(self) -> bool {
        !matches!(self, Self::Rooms | Self::Echo)
    }

    /// The texts a server greets with, one after the other, as far as they are always the same.
    fn greeting(self) -> &'static [&'static str] {
        match self {
            Self::Rooms => &[r#"{"event":"hello","data":{"id":""#],
            Self::Echo => &[],
            Self::Sio | Self::SioPolling => &[r#"0{"sid":""#, r#"40{"sid":""#],
            Self::Sio3 => &[r#"0{"sid":""#, "40"],
            // The last one answers the question that is asked for the sake of its answer: whatever else a server says
            // to whom it greets has come then.
            Self::Sails => &[r#"0{"sid":""#, r#"40{"sid":""#, r#"430[{"body":{"id":""#],
        }
    }

    /// Whether `text` may come with a greeting or not: roomcast-server says so what one authenticated with.
    pub(crate) fn may_come_with_a_greeting(self, text: &[u8]) -> bool {
        self == Self::Sails && text == br#"42["auth",{}]"#
    }

    /// The id of one's socket, if text `number` of a greeting has it. Only asked for with virtual requests.
    pub(crate) fn id_in_greeting(self, number: usize, text: &[u8]) -> Option<String> {
        let rest = text.strip_prefix(br#"40{"sid":""#).filter(|_| self == Self::Sails && number == 1)?;
        Some(str::from_utf8(rest.strip_suffix(b"\"}")?).ok()?.to_owned())
    }

    /// Whether a server has greeted that sent so many texts.
    pub(crate) fn is_greeted(self, texts: usize) -> bool {
        texts >= self.greeting().len()
    }

    /// Takes text `number` of a greeting, and returns what has to be said to it.
    pub(crate) fn be_greeted(self, number: usize, text: &[u8]) -> Result<Option<&'static str>, Fault> {
        let due = self.greeting().get(number).is_some_and(|head| text.starts_with(head.as_bytes()));
        match self {
            _ if !due => Err(Fault::unexpected(text)),
            Self::Sio | Self::SioPolling | Self::Sails if number == 0 => Ok(Some(CONNECT)),
            Self::Sails if number == 1 => Ok(Some(virtual_request::ME)),
            _ => Ok(None),
        }
    }

    /// The texts that ask to join `rooms`. Each is answered once.
    pub(crate) fn joins(self, rooms: &[u32]) -> Vec<String> {
        let names = rooms.iter().map(|room| format!(r#""{}""#, room_name(*room)));
        match self {
            Self::Rooms | Self::Echo => {
                names.zip(rooms).map(|(name, room)| format!(r#"{{"id":{room},"op":"join","room":{name}}}"#)).collect()
            }
            Self::Sio | Self::Sio3 | Self::SioPolling => {
                vec![format!(r#"420["join",[{}]]"#, names.collect::<Vec<_>>().join(","))]
            }
            Self::Sails => {
                rooms.iter().map(|room| virtual_request::request(*room, "put", &members(*room), "{}")).collect()
            }
        }
    }

    /// Answers to each publication.
    pub(crate) fn answers_a_publication(self) -> u32 {
        match self {
            Self::Rooms | Self::Echo | Self::Sails => 1,
            Self::Sio | Self::Sio3 | Self::SioPolling => 0,
        }
    }

    /// Checks that `text` is an answer that grants a request.
    ///
    /// # Errors
    /// [`Fault::Text`] if it is anything else, a refusal for example.
    pub(crate) fn check_granted(self, text: &[u8]) -> Result<(), Fault> {
        let granted = match self {
            Self::Rooms | Self::Echo => is_reply(text),
            // An acknowledgement without arguments; a server of statically typed values may say `null`.
            Self::Sio | Self::Sio3 | Self::SioPolling => matches!(text, b"430[]" | b"430[null]"),
            Self::Sails => virtual_request::answer(text).is_some_and(|(_, body)| body == br#"{"ok":true}"#),
        };
        if granted { Ok(()) } else { Err(Fault::unexpected(text)) }
    }
}

/// The path of the members of room `number`, as virtual requests name it.
pub(crate) fn members(room: u32) -> String {
    format!("/rooms/{}/members", room_name(room))
}

/// The name of room `number`; all names are equally long, so that all requests are.
pub(crate) fn room_name(number: u32) -> String {
    format!("room-{number:04}")
}

/// Whether `text` is `{"reply":ID,"ok":true...`.
fn is_reply(text: &[u8]) -> bool {
    text.strip_prefix(br#"{"reply":"#).is_some_and(|rest| {
        let id = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        rest[id..].starts_with(br#","ok":true"#)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_not_a_grant() {
        for granted in [&br#"{"reply":null,"ok":true}"#[..], br#"{"reply":7,"ok":true,"socket":"a"}"#] {
            assert!(Dialect::Rooms.check_granted(granted).is_ok());
        }
        for other in [&br#"{"reply":null,"ok":false,"error":"no"}"#[..], br#"{"event":"message","data":1}"#, b""] {
            assert!(Dialect::Rooms.check_granted(other).is_err());
        }
        assert!(Dialect::Sio.check_granted(b"430[]").is_ok());
        assert!(Dialect::Sails.check_granted(br#"437[{"body":{"ok":true},"headers":{},"statusCode":200}]"#).is_ok());
        assert!(Dialect::Sails.check_granted(br#"437[{"body":"no","headers":{},"statusCode":403}]"#).is_err());
        for other in [&b"431[]"[..], br#"430[{"error":"no"}]"#, b"430", b"44"] {
            assert!(Dialect::Sio.check_granted(other).is_err());
        }
    }

    #[test]
    fn joins_name_all_rooms() {
        let texts = [r#"{"id":3,"op":"join","room":"room-0003"}"#, r#"{"id":12,"op":"join","room":"room-0012"}"#];
        assert_eq!(Dialect::Rooms.joins(&[3, 12]), texts);
        assert_eq!(Dialect::Sio.joins(&[3, 12]), [r#"420["join",["room-0003","room-0012"]]"#]);
        let puts =
            [3, 12].map(|room| virtual_request::request(room, "put", &format!("/rooms/room-{room:04}/members"), "{}"));
        assert_eq!(Dialect::Sails.joins(&[3, 12]), puts);
    }

    #[test]
    fn a_greeting_ends_with_its_last_text() {
        let greet = |dialect: Dialect, texts: &[&str]| {
            let said = (0..).zip(texts).map(|(number, text)| dialect.be_greeted(number, text.as_bytes()));
            said.collect::<Result<Vec<_>, _>>().map(|said| (said, dialect.is_greeted(texts.len()))).ok()
        };
        assert_eq!(greet(Dialect::Rooms, &[r#"{"event":"hello","data":{"id":"a"}}"#]), Some((vec![None], true)));
        assert_eq!(greet(Dialect::Sio, &[r#"0{"sid":"a"}"#]), Some((vec![Some(CONNECT)], false)));
        let both = greet(Dialect::Sio, &[r#"0{"sid":"a"}"#, r#"40{"sid":"b"}"#]);
        assert_eq!(both, Some((vec![Some(CONNECT), None], true)));
        assert_eq!(greet(Dialect::Sio3, &[r#"0{"sid":"a"}"#, "40"]), Some((vec![None, None], true)));
        assert_eq!(greet(Dialect::Sio, &[r#"0{"sid":"a"}"#, r#"44{"message":"no"}"#]), None);
        assert!(Dialect::Echo.is_greeted(0));
    }

    #[test]
    fn who_asks_virtually_knows_its_id() {
        let texts =
            [r#"0{"sid":"a"}"#, r#"40{"sid":"b"}"#, r#"430[{"body":{"id":"b"},"headers":{},"statusCode":200}]"#];
        let said = (0..).zip(texts).map(|(number, text)| Dialect::Sails.be_greeted(number, text.as_bytes()).unwrap());
        assert_eq!(said.collect::<Vec<_>>(), [Some(CONNECT), Some(virtual_request::ME), None]);
        let ids = (0..).zip(texts).map(|(number, text)| Dialect::Sails.id_in_greeting(number, text.as_bytes()));
        assert_eq!(ids.collect::<Vec<_>>(), [None, Some("b".to_owned()), None]);
        assert!(Dialect::Sails.is_greeted(3) && !Dialect::Sails.is_greeted(2));
        assert!(Dialect::Sails.may_come_with_a_greeting(br#"42["auth",{}]"#));
        assert!(!Dialect::Sio.may_come_with_a_greeting(br#"42["auth",{}]"#));
    }
}
