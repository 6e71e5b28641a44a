//! What travels between a client and a server, the same for all parsers.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::json::string;

/// A packet of Socket.IO: what it says, and the namespace in which it does.
///
/// Borrowed where it was decoded from one text, owned where it came in several messages; borrowed when it is made out of
/// the parts of an engine's message, which then costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The namespace's name, with its leading `/` and, of revision 4, without its query.
    pub namespace: Cow<'a, str>,
    /// What it says.
    pub body: Body<'a>,
}

/// What a packet says (socket.io-protocol, "Packet types").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A client asks to be connected to the namespace, or the server says that it is.
    Connect {
        /// A JSON object: what the client authenticates with, or the server's `{"sid":"..."}`.
        data: Option<Cow<'a, str>>,
        /// What stood behind `?` in the name of the namespace (revision 4 only), undecoded.
        query: Option<Cow<'a, str>>,
    },
    /// The sender left the namespace.
    Disconnect,
    /// An event; also the form that carries attachments (BINARY_EVENT).
    Event {
        /// Its name. A name that was a number is the number's text.
        name: Cow<'a, str>,
        /// What came with it.
        args: Args<'a>,
        /// The number under which the sender wants an answer.
        ack: Option<u64>,
    },
    /// The answer to an event; also the form that carries attachments (BINARY_ACK).
    Ack {
        /// The number that the event had. Without one it answers nothing.
        id: Option<u64>,
        /// What came with it.
        args: Args<'a>,
    },
    /// The server refuses a CONNECT; ERROR of revision 4.
    ConnectError {
        /// JSON: an object with `message`, or a string.
        data: Option<Cow<'a, str>>,
    },
}

/// The arguments of an event or of an answer, in the engine's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args<'a> {
    /// JSON text, commas between the arguments, no brackets around. Where an argument is or holds binary, it has
    /// `{"_placeholder":true,"num":N}` for `attachments[N]`; without attachments such an object is what it looks like.
    pub json: Cow<'a, str>,
    /// How many arguments there are.
    pub count: usize,
    /// What the placeholders stand for.
    pub attachments: Cow<'a, [Bytes]>,
}

/// Which of the two protocols a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revision {
    /// Of Socket.IO 1 and 2, over Engine.IO 3.
    V4,
    /// Of Socket.IO 3 and 4, over Engine.IO 4.
    V5,
}

impl<'a> Packet<'a> {
    /// An event for the members of `namespace`; with `ack` they are asked for an answer.
    pub fn event(namespace: &'a str, name: &'a str, args: Args<'a>, ack: Option<u64>) -> Self {
        Self::new(namespace, Body::Event { name: Cow::Borrowed(name), args, ack })
    }

    /// The answer to the event that wanted one under `id`.
    pub fn ack(namespace: &'a str, id: u64, args: Args<'a>) -> Self {
        Self::new(namespace, Body::Ack { id: Some(id), args })
    }

    /// "You have left", or from a client "I leave".
    pub fn disconnect(namespace: &'a str) -> Self {
        Self::new(namespace, Body::Disconnect)
    }

    /// A client's CONNECT, with the JSON object it authenticates with.
    pub fn connect(namespace: &'a str, auth: Option<&'a str>) -> Self {
        Self::new(namespace, Body::Connect { data: auth.map(Cow::Borrowed), query: None })
    }

    /// The server's "you are connected": as socket `sid`, to be recovered under the secret `pid` if there is one.
    /// Revision 4 has no room for either.
    pub fn connected(revision: Revision, namespace: &'a str, sid: &str, pid: Option<&str>) -> Self {
        let data = (revision == Revision::V5).then(|| {
            let members = [("sid", Some(sid)), ("pid", pid)];
            Cow::Owned(object(members.into_iter().filter_map(|(name, text)| Some((name, quoted(text?))))))
        });
        Self::new(namespace, Body::Connect { data, query: None })
    }

    /// The server's "no": `message` for people, `data` (JSON text) for programs. Revision 4 has room for one of them:
    /// `data` if there is some, as Socket.IO 2 and 4 do it.
    pub fn connect_error(revision: Revision, namespace: &'a str, message: &str, data: Option<&str>) -> Self {
        let data = match (revision, data) {
            (Revision::V4, Some(data)) => data.to_owned(),
            (Revision::V4, None) => quoted(message),
            (Revision::V5, data) => {
                let members = [("message", Some(quoted(message))), ("data", data.map(str::to_owned))];
                object(members.into_iter().filter_map(|(name, json)| Some((name, json?))))
            }
        };
        Self::new(namespace, Body::ConnectError { data: Some(Cow::Owned(data)) })
    }

    /// The binary messages that follow the packet's text, in their order.
    pub fn attachments(&self) -> &[Bytes] {
        match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => &args.attachments,
            _ => &[],
        }
    }

    /// The same packet, kept: copies what is borrowed.
    pub fn into_owned(self) -> Packet<'static> {
        let body = match self.body {
            Body::Connect { data, query } => Body::Connect { data: data.map(owned), query: query.map(owned) },
            Body::Disconnect => Body::Disconnect,
            Body::Event { name, args, ack } => Body::Event { name: owned(name), args: args.into_owned(), ack },
            Body::Ack { id, args } => Body::Ack { id, args: args.into_owned() },
            Body::ConnectError { data } => Body::ConnectError { data: data.map(owned) },
        };
        Packet { namespace: owned(self.namespace), body }
    }

    fn new(namespace: &'a str, body: Body<'a>) -> Self {
        Self { namespace: Cow::Borrowed(namespace), body }
    }
}

impl<'a> Args<'a> {
    /// Arguments in the engine's form; see the fields.
    pub fn new(json: &'a str, count: usize, attachments: &'a [Bytes]) -> Self {
        Self { json: Cow::Borrowed(json), count, attachments: Cow::Borrowed(attachments) }
    }

    /// The same arguments, kept: copies what is borrowed.
    pub fn into_owned(self) -> Args<'static> {
        let attachments = Cow::Owned(self.attachments.into_owned());
        Args { json: owned(self.json), count: self.count, attachments }
    }
}

/// The namespace that nearly everybody is in costs no allocation.
fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    if text == "/" { Cow::Borrowed("/") } else { Cow::Owned(text.into_owned()) }
}

fn quoted(text: &str) -> String {
    let mut json = BytesMut::with_capacity(text.len() + 2);
    string::write(text, &mut json);
    String::from_utf8_lossy(&json).into_owned()
}

fn object(members: impl Iterator<Item = (&'static str, String)>) -> String {
    let members: Vec<String> = members.map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(packet: Packet<'_>) -> Option<String> {
        match packet.body {
            Body::Connect { data, .. } | Body::ConnectError { data } => data.map(Cow::into_owned),
            _ => None,
        }
    }

    #[test]
    fn what_the_server_says_at_connect() {
        let connected = |revision, pid| data(Packet::connected(revision, "/", "s\"1", pid));
        assert_eq!(connected(Revision::V5, None).unwrap(), r#"{"sid":"s\"1"}"#);
        assert_eq!(connected(Revision::V5, Some("p")).unwrap(), r#"{"sid":"s\"1","pid":"p"}"#);
        assert_eq!(connected(Revision::V4, Some("p")), None);
        let refused = |revision, more| data(Packet::connect_error(revision, "/", "no\n", more)).unwrap();
        assert_eq!(refused(Revision::V5, None), r#"{"message":"no\n"}"#);
        assert_eq!(refused(Revision::V5, Some("[1]")), r#"{"message":"no\n","data":[1]}"#);
        assert_eq!(refused(Revision::V4, None), r#""no\n""#);
        assert_eq!(refused(Revision::V4, Some("[1]")), "[1]");
    }

    #[test]
    fn an_owned_packet_says_the_same() {
        let attachments = [Bytes::from_static(b"x")];
        for packet in [
            Packet::event("/", "e", Args::new(r#"{"_placeholder":true,"num":0}"#, 1, &attachments), Some(1)),
            Packet::ack("/a", 2, Args::new("1", 1, &[])),
            Packet::connect("/a", Some("{}")),
            Packet::connected(Revision::V5, "/", "s", None),
            Packet::connect_error(Revision::V4, "/", "no", None),
            Packet::disconnect("/"),
        ] {
            assert_eq!(packet.clone().into_owned(), packet);
        }
    }
}
