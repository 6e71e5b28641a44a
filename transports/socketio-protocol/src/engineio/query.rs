//! What a request wants, by its query string.

use std::borrow::Cow;

use super::{Framing, Jsonp, Refusal, Revision};

/// How packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Polling, Self::WebSocket].into_iter().find(|transport| transport.as_str() == name)
    }
}

/// The method of a request, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// Any other.
    Other,
}

/// The parameters of Engine.IO in a query string (section "Handshake" of engine.io-protocol). Others are the
/// application's, and so is `t`, which only keeps caches away.
///
/// Borrows from the query string, unless a session id is percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<'a> {
    /// `transport`, if it is one.
    pub transport: Option<Transport>,
    /// `EIO`, if it is one that is spoken here.
    pub revision: Option<Revision>,
    /// `sid`, if there is one and it is not empty.
    pub sid: Option<Cow<'a, str>>,
    /// `b64` is there and not empty: the client cannot take bytes.
    pub base64: bool,
    /// `j`: the answer has to be a script.
    pub jsonp: Option<Jsonp>,
    /// A parameter occurs twice, or `j` is no index.
    pub is_malformed: bool,
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'q> {
    /// A new session.
    Handshake {
        /// By a poll, or by a WebSocket.
        transport: Transport,
        /// The protocol's revision.
        revision: Revision,
    },
    /// Something of a session.
    Session {
        /// Which one. If there is none with this id, refuse with [`Refusal::SessionUnknown`], whatever `verb` is.
        sid: &'q str,
        /// What of it.
        verb: Result<Verb, Refusal>,
    },
}

/// What a request wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// To wait for packets: a GET.
    Poll,
    /// To hand packets in: a POST.
    Send,
    /// To become a WebSocket.
    Upgrade,
}

impl<'a> Query<'a> {
    /// Reads a query string, without the `?`. Linear; percent-encoding is undone.
    #[must_use]
    pub fn parse(query: &'a str) -> Self {
        let mut parameters = Parameters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            parameters.take(&name, value);
        }
        let Parameters { transport, eio, sid, base64, jsonp, mut is_malformed } = parameters;
        let index = jsonp.map(|index| Jsonp::parse(&index));
        is_malformed |= index == Some(None);
        Self {
            transport: transport.and_then(|name| Transport::parse(&name)),
            revision: eio.and_then(|number| Revision::parse(&number)),
            sid: sid.filter(|sid| !sid.is_empty()),
            base64: base64.is_some_and(|flag| !flag.is_empty()),
            jsonp: index.flatten(),
            is_malformed,
        }
    }

    /// What a request with this query, `method`, and with or without a WebSocket's upgrade, wants.
    ///
    /// # Errors
    /// It cannot be had. Whether its `Origin` may come in has to be judged before.
    pub fn request(&self, method: Method, is_upgrade: bool) -> Result<Request<'_>, Refusal> {
        let transport = self.transport.ok_or(Refusal::TransportUnknown)?;
        let verb = self.verb(transport, method, is_upgrade);
        if let Some(sid) = &self.sid {
            return Ok(Request::Session { sid, verb });
        }
        if method != Method::Get {
            return Err(Refusal::BadHandshakeMethod);
        }
        verb?;
        let revision = self.revision.ok_or(Refusal::UnsupportedRevision)?;
        Ok(Request::Handshake { transport, revision })
    }

    /// How this client wants its packets, in a session of this revision.
    #[must_use]
    pub fn framing(&self, revision: Revision) -> Framing {
        Framing { revision, base64: self.base64 || self.jsonp.is_some() }
    }

    fn verb(&self, transport: Transport, method: Method, is_upgrade: bool) -> Result<Verb, Refusal> {
        match (transport, method, is_upgrade) {
            _ if self.is_malformed => Err(Refusal::BadRequest),
            (Transport::Polling, Method::Get, false) => Ok(Verb::Poll),
            (Transport::Polling, Method::Post, false) => Ok(Verb::Send),
            (Transport::WebSocket, Method::Get, true) => Ok(Verb::Upgrade),
            _ => Err(Refusal::BadRequest),
        }
    }
}

#[derive(Default)]
struct Parameters<'a> {
    transport: Option<Cow<'a, str>>,
    eio: Option<Cow<'a, str>>,
    sid: Option<Cow<'a, str>>,
    base64: Option<Cow<'a, str>>,
    jsonp: Option<Cow<'a, str>>,
    is_malformed: bool,
}

impl<'a> Parameters<'a> {
    fn take(&mut self, name: &str, value: Cow<'a, str>) {
        let place = match name {
            "transport" => &mut self.transport,
            "EIO" => &mut self.eio,
            "sid" => &mut self.sid,
            "b64" => &mut self.base64,
            "j" => &mut self.jsonp,
            _ => return,
        };
        // Servers and proxies differ in which of two they take; so none is.
        self.is_malformed |= place.is_some();
        place.get_or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Method::*, *};

    fn judged(method: Method, is_upgrade: bool, query: &str) -> Result<String, Refusal> {
        let query = Query::parse(query);
        Ok(match query.request(method, is_upgrade)? {
            Request::Handshake { transport, revision } => format!("{} {}", transport.as_str(), revision.number()),
            Request::Session { sid, verb } => format!("{sid} {:?}", verb?),
        })
    }

    #[test]
    fn handshakes() {
        for (upgrade, query, what) in [
            (false, "EIO=4&transport=polling", "polling 4"),
            (false, "transport=polling&t=Nq1&token=%20&EIO=3&b64=1", "polling 3"),
            (true, "EIO=4&transport=websocket", "websocket 4"),
            (false, "EIO=4&transport=polling&sid=", "polling 4"),
        ] {
            assert_eq!(judged(Get, upgrade, query).as_deref(), Ok(what), "{query}");
        }
    }

    #[test]
    fn refused_handshakes() {
        for (method, upgrade, query, refusal) in [
            (Get, false, "", Refusal::TransportUnknown),
            (Get, false, "EIO=4", Refusal::TransportUnknown),
            (Get, false, "EIO=4&transport=abc", Refusal::TransportUnknown),
            (Get, false, "EIO=4&transport=Polling", Refusal::TransportUnknown),
            (Post, false, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
            (Other, false, "EIO=9&transport=polling", Refusal::BadHandshakeMethod),
            (Get, false, "EIO=4&transport=websocket", Refusal::BadRequest),
            (Get, true, "EIO=4&transport=polling", Refusal::BadRequest),
            (Get, false, "EIO=4&transport=polling&transport=polling", Refusal::BadRequest),
            (Get, false, "EIO=3&transport=polling&j=alert()", Refusal::BadRequest),
            (Get, false, "transport=polling", Refusal::UnsupportedRevision),
            (Get, false, "EIO=abc&transport=polling", Refusal::UnsupportedRevision),
            (Get, true, "EIO=5&transport=websocket", Refusal::UnsupportedRevision),
            (Get, true, "EIO=04&transport=websocket", Refusal::UnsupportedRevision),
        ] {
            assert_eq!(judged(method, upgrade, query), Err(refusal), "{method:?} {query}");
        }
    }

    #[test]
    fn requests_of_a_session() {
        // The revision is the session's; what the query says does not matter any more.
        let polling = "transport=polling&sid=a_-9";
        assert_eq!(judged(Get, false, polling).as_deref(), Ok("a_-9 Poll"));
        assert_eq!(judged(Post, false, polling).as_deref(), Ok("a_-9 Send"));
        assert_eq!(judged(Get, true, "EIO=4&transport=websocket&sid=%61").as_deref(), Ok("a Upgrade"));
        for (method, upgrade, query) in [
            (Other, false, polling),
            (Get, true, polling),
            (Get, false, "transport=websocket&sid=a"),
            (Post, true, "transport=websocket&sid=a"),
            (Get, false, "transport=polling&sid=a&sid=b"),
        ] {
            let query = Query::parse(query);
            let request = query.request(method, upgrade);
            assert!(
                matches!(request, Ok(Request::Session { sid: "a" | "a_-9", verb: Err(Refusal::BadRequest) })),
                "the session is looked up first: {request:?}"
            );
        }
    }

    #[test]
    fn framing_of_clients_without_binary() {
        for (query, base64) in [("b64=1", true), ("b64=", false), ("", false), ("j=0", true)] {
            let framing = Query::parse(query).framing(Revision::V3);
            assert_eq!(framing, Framing { revision: Revision::V3, base64 }, "{query}");
        }
    }
}
