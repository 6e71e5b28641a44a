//! Which web pages may open a connection.
//!
//! Browsers send cookies with a WebSocket handshake and let any page make one: what they add is the header `Origin`, and
//! the server has to look at it, or every page that a user visits may act in his name (cross-site WebSocket hijacking).
//! Other requests bring cookies too, and there [`Cors`](crate::Cors) also lets the page read the answer.
//! Clients that are no browsers may leave the header out or invent one; they have no cookies of the user to steal either.

use std::fmt;
use std::sync::Arc;

use http::header::{HOST, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The web pages that may connect, beside those of the server's own host, which always may, as may a client that sends no
/// `Origin` at all. Cheap to clone. The default lists none.
///
/// ```
/// # use roomcast_http::Origins;
/// let origins = Origins::new(["https://app.example.com", "https://*.example.org", "localhost:5173"])?;
/// # Ok::<_, roomcast_http::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Arc<[Pattern]>);

/// One entry of a list of origins, as it was written, is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin(String);

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(entry) = self;
        write!(
            f,
            "{entry:?} is no origin: write https://app.example.com, app.example.com, https://*.example.com, null, or * for every page"
        )
    }
}

impl std::error::Error for InvalidOrigin {}

/// Why a page may not connect: its origin, as the client sent it, shortened and escaped for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign(String);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(origin) = self;
        write!(f, "pages of {origin} are not listed")
    }
}

impl std::error::Error for Foreign {}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Every page, opaque ones too.
    Any,
    /// Pages without an origin of their own: from files, in sandboxed frames.
    Opaque,
    Site {
        scheme: Option<Box<str>>,
        host: Host,
        port: Option<u16>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Exactly(Box<str>),
    /// Every host that ends in this text, which begins with a dot.
    Below(Box<str>),
}

/// An origin of a request, in lower case.
struct Site<'a> {
    scheme: &'a str,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// Reads a list of origins. An entry is `scheme://host`, with `:port` unless it is the scheme's usual one; without a
    /// scheme it stands for all schemes. `*.` before a host stands for all hosts below it, and not for itself. `null`
    /// stands for pages without an origin (files, sandboxed frames), `*` for all pages.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn new<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidOrigin> {
        entries.into_iter().map(|entry| Pattern::parse(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request with these headers may connect. Reads `Origin` (RFC 6454, section 7) and `Host`; costs some short
    /// allocations, and one comparison for each entry.
    ///
    /// # Errors
    /// The page is foreign: its request is to be refused.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Foreign> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let text = origin.to_str().unwrap_or_default();
        let allowed = origins.next().is_none() && (self.lists(text) || is_own_host(text, headers));
        if allowed { Ok(()) } else { Err(Foreign(shortened(origin.as_bytes()))) }
    }

    /// Whether a page may load what a request with these headers asks for as a script (JSONP), and so read it. Browsers send no
    /// `Origin` with it, so the page is known by its `Referer`; one that hides that is refused if its browser says that it is
    /// of another site (`Sec-Fetch-Site`, Fetch Metadata). To be asked in addition to [`Self::check`].
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_script(&self, headers: &HeaderMap) -> Result<(), Foreign> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        if headers.contains_key(ORIGIN) || self.0.contains(&Pattern::Any) {
            return Ok(());
        }
        match (text(REFERER), text(HeaderName::from_static("sec-fetch-site"))) {
            (Some(referer), _) => {
                let origin = origin_of(referer);
                if self.lists(origin) || is_own_host(origin, headers) {
                    Ok(())
                } else {
                    Err(Foreign(shortened(origin.as_bytes())))
                }
            }
            (None, None | Some("same-origin" | "none")) => Ok(()),
            (None, Some(site)) => Err(Foreign(shortened(site.as_bytes()))),
        }
    }

    fn lists(&self, origin: &str) -> bool {
        let site = Site::parse(origin);
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Opaque => origin == "null",
            Pattern::Site { .. } => site.as_ref().is_some_and(|site| pattern.matches(site)),
        })
    }
}

impl Pattern {
    fn parse(entry: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(entry.into());
        match entry {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Opaque),
            _ => {}
        }
        let (scheme, rest) = match entry.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, entry),
        };
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // The same reader as for requests decides what a host is; a scheme of some kind is needed for it.
        let absolute = format!("{}://{rest}", scheme.unwrap_or("http"));
        let site = Site::parse(&absolute).ok_or_else(invalid)?;
        let host = if below { Host::Below(format!(".{}", site.host).into()) } else { Host::Exactly(site.host.into()) };
        Ok(Self::Site { scheme: scheme.map(|s| s.to_ascii_lowercase().into()), host, port: site.port })
    }

    fn matches(&self, site: &Site<'_>) -> bool {
        let Self::Site { scheme, host, port } = self else { return false };
        let host_fits = match host {
            Host::Exactly(host) => **host == *site.host,
            Host::Below(end) => site.host.len() > end.len() && site.host.ends_with(&**end),
        };
        let scheme_fits = scheme.as_deref().is_none_or(|scheme| scheme.eq_ignore_ascii_case(site.scheme));
        host_fits && scheme_fits && effective_port(*port, site.scheme) == effective_port(site.port, site.scheme)
    }
}

impl<'a> Site<'a> {
    /// Reads `scheme://host[:port]` and nothing more: no path, no user, no query.
    fn parse(origin: &'a str) -> Option<Self> {
        let (scheme, rest) = origin.split_once("://")?;
        let uri: Uri = format!("http://{rest}").parse().ok()?;
        let authority = uri.authority()?;
        let bare = !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && authority.as_str() == rest
            && !rest.contains(['@', '*'])
            && (authority.host() == rest || authority.port_u16().is_some());
        bare.then(|| Site { scheme, host: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }
}

/// Whether the page came from the host that is asked now. The scheme is not compared: a proxy may end TLS in front.
fn is_own_host(origin: &str, headers: &HeaderMap) -> bool {
    let Some(site) = Site::parse(origin) else { return false };
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(own) = host.parse::<Authority>() else { return false };
    own.host().eq_ignore_ascii_case(&site.host)
        && effective_port(own.port_u16(), site.scheme) == effective_port(site.port, site.scheme)
}

/// The origin of a page with this address: scheme, host and port.
fn origin_of(url: &str) -> &str {
    let scheme = url.find("://").map_or(url.len(), |at| at + 3);
    let end = url[scheme..].find(['/', '?', '#']).map_or(url.len(), |at| scheme + at);
    &url[..end]
}

fn effective_port(port: Option<u16>, scheme: &str) -> Option<u16> {
    port.or(match scheme {
        s if s.eq_ignore_ascii_case("http") => Some(80),
        s if s.eq_ignore_ascii_case("https") => Some(443),
        _ => None,
    })
}

fn shortened(origin: &[u8]) -> String {
    const BYTES_MAX: usize = 200;
    origin[..origin.len().min(BYTES_MAX)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(host: &str, origin: &str) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        HeaderMap::from_iter([(HOST, value(host)), (ORIGIN, value(origin))])
    }

    fn allows(list: &[&str], host: &str, origin: &str) -> bool {
        Origins::new(list).unwrap().check(&headers(host, origin)).is_ok()
    }

    #[test]
    fn scripts_are_known_by_their_page() {
        let listed = Origins::new(["https://app.example.com"]).unwrap();
        let judged = |origins: &Origins, headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            map.insert(HOST, "own.example:3000".parse().unwrap());
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            origins.check_script(&map).is_ok()
        };
        let (referer, site) = ("referer", "sec-fetch-site");
        for headers in [
            &[][..],
            &[(referer, "http://own.example:3000/page?x#y")],
            &[(referer, "https://app.example.com/"), (site, "cross-site")],
            &[(referer, "https://app.example.com")],
            &[(site, "same-origin")],
            &[(site, "none")],
            &[("origin", "https://other.example"), (site, "cross-site")],
        ] {
            assert!(judged(&listed, headers), "{headers:?}");
        }
        for headers in [
            &[(referer, "http://foreign.example/own.example:3000/")][..],
            &[(referer, "http://own.example:3001/")],
            &[(referer, "https://app.example.com.evil.example/")],
            &[(referer, "https://evil.example?https://app.example.com")],
            &[(referer, "")],
            &[(referer, "://")],
            &[(site, "cross-site")],
            &[(site, "same-site")],
            &[(site, "?")],
        ] {
            assert!(!judged(&listed, headers), "{headers:?}");
            assert!(judged(&Origins::new(["*"]).unwrap(), headers));
        }
    }

    #[test]
    fn a_missing_origin_is_allowed_two_are_not() {
        let mut headers = HeaderMap::new();
        assert_eq!(Origins::default().check(&headers), Ok(()));
        headers.insert(HOST, HeaderValue::from_static("a.example"));
        headers.append(ORIGIN, HeaderValue::from_static("http://a.example"));
        assert_eq!(Origins::default().check(&headers), Ok(()));
        headers.append(ORIGIN, HeaderValue::from_static("http://a.example"));
        assert_eq!(Origins::default().check(&headers), Err(Foreign("http://a.example".into())));
    }

    #[test]
    fn the_own_host_is_allowed_by_default() {
        let same = [
            ("a.example", "http://a.example"),
            ("a.example", "https://a.example"),
            ("A.Example", "http://a.exAMPLE"),
            ("a.example:80", "http://a.example"),
            ("a.example", "https://a.example:443"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[::1]:3000", "http://[::1]:3000"),
        ];
        for (host, origin) in same {
            assert!(allows(&[], host, origin), "{host} {origin}");
        }
        let foreign = [
            ("a.example", "http://b.example"),
            ("a.example", "http://a.example.evil.example"),
            ("a.example", "http://evila.example"),
            ("a.example", "http://sub.a.example"),
            ("a.example", "http://a.example:8080"),
            ("a.example:3000", "http://a.example"),
            ("a.example", "http://a.example@evil.example"),
            ("a.example", "http://evil.example/a.example"),
            ("a.example", "http://evil.example#a.example"),
            ("a.example", "null"),
            ("a.example", ""),
            ("a.example", "a.example"),
            ("a.example", "://a.example"),
            ("a.example", "http://a.example/"),
            ("a.example", "http://a.example http://a.example"),
            ("a.example, b.example", "http://b.example"),
            ("[::1]:3000", "http://[::2]:3000"),
        ];
        for (host, origin) in foreign {
            assert!(!allows(&[], host, origin), "{host} {origin}");
        }
    }

    #[test]
    fn a_list_names_origins_exactly() {
        let list = ["https://app.example.com", "localhost:5173", "https://*.example.org", "*.example.net:8443"];
        let allowed = [
            "https://app.example.com",
            "https://app.example.com:443",
            "http://localhost:5173",
            "https://localhost:5173",
            "https://a.example.org",
            "https://a.b.example.org",
            "https://x.example.net:8443",
        ];
        for origin in allowed {
            assert!(allows(&list, "other", origin), "{origin}");
        }
        let foreign = [
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com.evil.com",
            "https://evilapp.example.com",
            "http://localhost",
            "http://localhost:5174",
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "https://any-example.org",
            "http://a.example.org",
            "https://a.example.org.evil.com",
            "https://a.example.org:444",
            "https://x.example.net",
            "null",
        ];
        for origin in foreign {
            assert!(!allows(&list, "other", origin), "{origin}");
        }
    }

    #[test]
    fn everybody_and_nobodys_have_to_be_spelled_out() {
        assert!(allows(&["*"], "a", "http://b"));
        assert!(allows(&["*"], "a", "null"));
        assert!(allows(&["null"], "a", "null"));
        assert!(!allows(&["null"], "a", "http://null"));
        assert!(!allows(&["null"], "a", "http://b"));
    }

    #[test]
    fn what_is_no_origin_says_how_to_write_one() {
        for entry in [
            "",
            "https://",
            "https://a/b",
            "https://a/",
            "a b",
            "https://*",
            "*.",
            "a.*.b",
            "u@a",
            "a:port",
            "a:",
            "://a",
            "**",
        ] {
            let error = Origins::new([entry]).unwrap_err();
            assert_eq!(error, InvalidOrigin(entry.into()));
            assert!(error.to_string().contains("https://app.example.com"));
        }
    }

    #[test]
    fn what_a_log_shows_is_short_and_printable() {
        let mut headers = headers("a", "http://b");
        headers.insert(ORIGIN, HeaderValue::from_bytes(&[0xff; 5_000]).unwrap());
        let Foreign(origin) = Origins::default().check(&headers).unwrap_err();
        assert!(origin.len() <= 800 && origin.is_ascii(), "{origin}");
    }
}
