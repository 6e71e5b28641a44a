//! Which web pages may open a connection.
//!
//! Browsers send cookies with a WebSocket handshake and let any page make one: what they add is the header `Origin`, and
//! the server has to look at it, or every page that a user visits may act in his name (cross-site WebSocket hijacking).
//! Other requests bring cookies too, and there [`Cors`](crate::Cors) also lets the page read the answer.
//! Clients that are no browsers may leave the header out or invent one; they have no cookies of the user to steal either.

use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::uri::Authority;
use http::{Request, Uri};

/// The web pages that may connect, beside those of the server's own host, which always may, as may a client that sends no
/// `Origin` at all. Cheap to clone. The default lists none.
///
/// The own host is the one that a request asks, for nothing here knows the server's names: a page that lets its own name resolve
/// to the server's address (DNS rebinding) is of the own host. That matters where only the network keeps others out, as on
/// loopback. There, let what stands in front, a proxy or a layer, answer to no names but the server's.
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

/// Why a page may not connect. What it shows of the request is shortened and escaped for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign(Why);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// The origin, as the client sent it.
    Page(String),
    /// A script's page does not say where it is from.
    Hidden,
}

impl Foreign {
    fn page(origin: &[u8]) -> Self {
        Self(Why::Page(shortened(origin)))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Page(origin) => write!(f, "pages of {origin} are not listed"),
            Why::Hidden => f.write_str("pages that send no Referer may be anybody's"),
        }
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
    /// stands for pages without an origin (files, sandboxed frames), `*` for all pages. Both let pages in that may be
    /// anybody's, with the cookies of their visitors: where these tell who a user is, list origins by their names.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn new<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidOrigin> {
        entries.into_iter().map(|entry| Pattern::parse(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request may connect. Reads its `Origin` (RFC 6454, section 7), and its `Host` or, where there is none,
    /// what HTTP/2 has instead: the authority of its URI. Costs some short allocations, and one comparison for each entry.
    ///
    /// # Errors
    /// The page is foreign: its request is to be refused.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Foreign> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let text = origin.to_str().unwrap_or_default();
        let allowed = origins.next().is_none() && (self.lists(text) || is_own_host(text, request));
        if allowed { Ok(()) } else { Err(Foreign::page(origin.as_bytes())) }
    }

    /// Whether a page may load what a request asks for as a script (JSONP), and so read it. Browsers send no `Origin` with it,
    /// so the page is known by its `Referer`. One that hides that is refused if its browser says that it is of another site
    /// (`Sec-Fetch-Site`, Fetch Metadata). Old browsers do not say it, and others not on plain HTTP; then it is refused if the
    /// request has what a browser adds for its user, cookies or a password, unless all pages are listed. To be asked in
    /// addition to [`Self::check`].
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_script<B>(&self, request: &Request<B>) -> Result<(), Foreign> {
        let headers = request.headers();
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        if headers.contains_key(ORIGIN) || self.0.contains(&Pattern::Any) {
            return Ok(());
        }
        match (text(REFERER), text(HeaderName::from_static("sec-fetch-site"))) {
            (Some(referer), _) => {
                let origin = origin_of(referer);
                if self.lists(origin) || is_own_host(origin, request) {
                    Ok(())
                } else {
                    Err(Foreign::page(origin.as_bytes()))
                }
            }
            (None, Some("same-origin" | "none")) => Ok(()),
            (None, None) if !headers.contains_key(COOKIE) && !headers.contains_key(AUTHORIZATION) => Ok(()),
            (None, _) => Err(Foreign(Why::Hidden)),
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
fn is_own_host<B>(origin: &str, request: &Request<B>) -> bool {
    let (Some(site), Some(own)) = (Site::parse(origin), host_of(request)) else { return false };
    own.host().eq_ignore_ascii_case(&site.host)
        && effective_port(own.port_u16(), site.scheme) == effective_port(site.port, site.scheme)
}

/// Which host a request asks, by what name its client knows it.
fn host_of<B>(request: &Request<B>) -> Option<Authority> {
    match request.headers().get(HOST) {
        Some(host) => host.to_str().ok()?.parse().ok(),
        None => request.uri().authority().cloned(),
    }
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

fn shortened(text: &[u8]) -> String {
    const BYTES_MAX: usize = 200;
    text[..text.len().min(BYTES_MAX)].escape_ascii().to_string()
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
