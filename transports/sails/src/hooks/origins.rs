//! A list of the origins whose pages may connect, as Sails checks it.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::ORIGIN;
use http::uri::Authority;
use roomcast_lane::Refusal;

/// What becomes of sockets that send no `Origin`: those of programs, mostly. Browsers send one with each WebSocket, and with
/// what goes to another site; a poll by which a page connects to its own server has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingOrigin {
    /// They come in.
    #[default]
    Allow,
    /// They do not, unless a browser vouches that it is a page of the server itself: `Sec-Fetch-Site: same-origin`. Browsers say
    /// so of servers that they trust, which are those with TLS and those of their own machine.
    Deny,
}

/// An entry of a list of origins is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    /// As it was written.
    pub entry: String,
    /// What is wrong with it.
    pub fault: OriginFault,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginFault {
    /// It begins neither with `http://` nor with `https://`.
    Protocol,
    /// It ends in a slash.
    TrailingSlash,
    /// It has a path, a query or a fragment.
    Path,
    /// Its port is the one that the protocol has anyway; browsers leave that out.
    DefaultPort,
    /// There is no host in it, or none that can be read.
    Host,
}

/// The origins that may.
#[derive(Clone, Debug)]
pub(super) struct OnlyOrigins(Arc<[String]>);

impl OnlyOrigins {
    pub(super) fn new<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidOrigin> {
        let checked = |entry: S| match fault(entry.as_ref()) {
            None => Ok(entry.as_ref().to_owned()),
            Some(fault) => Err(InvalidOrigin { entry: entry.as_ref().to_owned(), fault }),
        };
        entries.into_iter().map(checked).collect::<Result<_, _>>().map(Self)
    }

    /// Compares the header with each entry.
    pub(super) fn check(&self, headers: &HeaderMap, missing: MissingOrigin) -> Result<(), Refusal> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let is_allowed = match (origins.next(), origins.next()) {
            (None, _) => missing == MissingOrigin::Allow || is_same_origin(headers),
            (Some(origin), None) => self.0.iter().any(|entry| entry.as_bytes().eq_ignore_ascii_case(origin.as_bytes())),
            (Some(_), Some(_)) => false,
        };
        if is_allowed {
            return Ok(());
        }
        tracing::debug!("a socket was refused: only_allow_origins has not {:?}", headers.get(ORIGIN));
        Err(Refusal::new("Origin not allowed"))
    }
}

/// Whether a browser says that its page is of this server. A page cannot say so itself (Fetch Metadata, section 2.3).
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    matches!((sites.next(), sites.next()), (Some(site), None) if site == "same-origin")
}

fn fault(entry: &str) -> Option<OriginFault> {
    if entry.starts_with("file://") {
        return None;
    }
    let (default_port, rest) = match (entry.strip_prefix("http://"), entry.strip_prefix("https://")) {
        (Some(rest), _) => (80, rest),
        (_, Some(rest)) => (443, rest),
        _ => return Some(OriginFault::Protocol),
    };
    if rest.find(['/', '?', '#']).is_some_and(|at| at + 1 == rest.len() && rest.ends_with('/')) {
        return Some(OriginFault::TrailingSlash);
    }
    if rest.contains(['/', '?', '#']) {
        return Some(OriginFault::Path);
    }
    let Ok(authority) = rest.parse::<Authority>() else { return Some(OriginFault::Host) };
    let has_port = authority.host().len() != rest.len();
    match authority.port_u16() {
        Some(port) if port == default_port => Some(OriginFault::DefaultPort),
        None if has_port => Some(OriginFault::Host),
        _ if authority.host().is_empty() || rest.contains('@') => Some(OriginFault::Host),
        _ => None,
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            OriginFault::Protocol => "it needs its protocol, http:// or https://",
            OriginFault::TrailingSlash => "leave the slash at its end out",
            OriginFault::Path => "leave path, query and fragment out",
            OriginFault::DefaultPort => "leave the port out, it is the protocol's own",
            OriginFault::Host => "it needs a host, as https://app.example.com or http://localhost:1337",
        };
        write!(f, "{:?} is no origin: {what}", self.entry)
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_entry_says_what_is_wrong_with_it() {
        for (entry, expected) in [
            ("http://app.example.com", None),
            ("https://app.example.com", None),
            ("https://app.example.com:80", None),
            ("http://localhost:1337", None),
            ("http://[::1]:1337", None),
            ("http://[::1]", None),
            ("file://", None),
            ("", Some(OriginFault::Protocol)),
            ("app.example.com", Some(OriginFault::Protocol)),
            ("*", Some(OriginFault::Protocol)),
            ("ws://app.example.com", Some(OriginFault::Protocol)),
            ("http://app.example.com:80", Some(OriginFault::DefaultPort)),
            ("https://app.example.com:443", Some(OriginFault::DefaultPort)),
            ("https://app.example.com/", Some(OriginFault::TrailingSlash)),
            ("https://app.example.com:443/", Some(OriginFault::TrailingSlash)),
            ("https://app.example.com/chat", Some(OriginFault::Path)),
            ("https://app.example.com/chat/", Some(OriginFault::Path)),
            ("https://app.example.com?a", Some(OriginFault::Path)),
            ("https://app.example.com#a", Some(OriginFault::Path)),
            ("https://", Some(OriginFault::Host)),
            ("https://a b", Some(OriginFault::Host)),
            ("https://a:port", Some(OriginFault::Host)),
            ("https://a:", Some(OriginFault::Host)),
            ("https://:1", Some(OriginFault::Host)),
            ("https://me@a", Some(OriginFault::Host)),
        ] {
            assert_eq!(fault(entry), expected, "{entry}");
        }
        let error = OnlyOrigins::new(["http://a", "a"]).unwrap_err();
        assert_eq!(error.to_string(), r#""a" is no origin: it needs its protocol, http:// or https://"#);
    }

    #[test]
    fn an_origin_is_listed_as_it_is() {
        let list = OnlyOrigins::new(["https://App.example.com", "http://localhost:1337", "file://"]).unwrap();
        let allows = |origins: &[&str]| {
            let values = origins.iter().map(|origin| (ORIGIN, HeaderValue::from_str(origin).unwrap()));
            list.check(&HeaderMap::from_iter(values), MissingOrigin::Deny).is_ok()
        };
        for origin in ["https://app.example.com", "http://localhost:1337", "file://"] {
            assert!(allows(&[origin]), "{origin}");
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com.evil.example",
            "https://sub.app.example.com",
            "http://localhost",
            "null",
            "",
        ] {
            assert!(!allows(&[origin]), "{origin}");
        }
        assert!(!allows(&["https://app.example.com", "https://app.example.com"]));
    }

    #[test]
    fn who_sends_no_origin_is_denied_but_for_pages_of_the_server_itself() {
        let list = OnlyOrigins::new(["https://app.example.com"]).unwrap();
        let allows = |headers: &[(&'static str, &'static str)], missing| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            list.check(&HeaderMap::from_iter(headers), missing).is_ok()
        };
        for (headers, is_allowed) in [
            (&[][..], false),
            // A GET of a page to its own origin has no Origin, and browsers say so in this way.
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
        ] {
            assert_eq!(allows(headers, MissingOrigin::Deny), is_allowed, "{headers:?}");
        }
        assert!(allows(&[("sec-fetch-site", "cross-site")], MissingOrigin::Allow));
    }
}
