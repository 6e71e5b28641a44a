//! What the toy understands and says.

use super::between;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dialect {
    /// The JSON room protocol.
    Rooms,
    /// Sends back what it gets.
    Echo,
    Sio,
    /// Engine.IO revision 3: the server connects its client unasked.
    Sio3,
    /// Virtual requests over Socket.IO.
    Sails,
}

impl Dialect {
    /// What is spoken over a WebSocket at `target`; `None` if that is polled.
    pub(super) fn of(target: &str) -> Option<Self> {
        match target {
            "/ws" => Some(Self::Rooms),
            "/ws/echo" => Some(Self::Echo),
            sio if !sio.contains("transport=websocket") => None,
            sails if sails.contains("__sails_io_sdk_version=1.2.1&") => Some(Self::Sails),
            sio if sio.contains("EIO=3") => Some(Self::Sio3),
            _ => Some(Self::Sio),
        }
    }

    pub(super) fn greeting(self) -> &'static [&'static str] {
        match self {
            Self::Rooms => &[r#"{"event":"hello","data":{"id":"somebody"}}"#],
            Self::Echo => &[],
            Self::Sio | Self::Sails => &[r#"0{"sid":"0"}"#],
            Self::Sio3 => &[r#"0{"sid":"0"}"#, "40"],
        }
    }

    /// Room and data, if `text` asks to publish.
    pub(super) fn publication(self, text: &str) -> Option<(&str, &str)> {
        if self == Self::Rooms {
            let asked = text.contains(r#""op":"broadcast""#);
            return asked.then(|| (between(text, "\"rooms\":[\"", "\""), between(text, "\"data\":\"", "\"")));
        }
        text.strip_prefix(r#"42["publish",""#)?.strip_suffix("\"]")?.split_once("\",\"")
    }

    pub(super) fn delivery(self, data: &str) -> String {
        match self {
            Self::Rooms | Self::Echo => format!(r#"{{"event":"message","data":"{data}"}}"#),
            Self::Sio | Self::Sio3 | Self::Sails => format!(r#"42["message","{data}"]"#),
        }
    }

    pub(super) fn reply_to_publication(self, granted: bool) -> Option<String> {
        (self == Self::Rooms).then(|| format!(r#"{{"reply":null,"ok":{granted}}}"#))
    }

    pub(super) fn rooms_to_join(self, text: &str) -> impl Iterator<Item = &str> {
        let rooms = match self {
            Self::Rooms => between(text, r#""op":"join","room":"#, "}"),
            _ => between(text, r#"420["join",["#, "]"),
        };
        rooms.split(',').filter(|room| !room.is_empty()).map(|room| room.trim_matches('"'))
    }

    /// What is answered to any other text.
    pub(super) fn answer(self, text: &str, grants: bool) -> Option<String> {
        match self {
            Self::Echo => Some(text.to_owned()),
            Self::Rooms => Some(format!(r#"{{"reply":{},"ok":true,"socket":"x"}}"#, between(text, "\"id\":", ","))),
            _ if text == "40" => Some(r#"40{"sid":"1"}"#.to_owned()),
            _ if text.starts_with("420") => Some(if grants { "430[]" } else { r#"430[{"error":"no"}]"# }.to_owned()),
            _ => None,
        }
    }

    pub(super) fn has_heartbeats(self) -> bool {
        matches!(self, Self::Sio | Self::Sio3 | Self::Sails)
    }

    pub(super) fn is_pong(self, text: &str) -> bool {
        self.has_heartbeats() && text == "3"
    }
}
