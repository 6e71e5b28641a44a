//! What of a handshake counts for every virtual request of its connection.

use http::HeaderMap;
use http::HeaderValue;
use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use roomcast::Socket;
use roomcast_lane::Handshake;

/// The oldest SDK that is understood.
const SDK_MIN: (u64, u64) = (0, 11);

/// Kept as data of the socket, for those that have any of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) cookie: Option<HeaderValue>,
    pub(crate) origin: Option<HeaderValue>,
    pub(crate) host: Option<HeaderValue>,
    /// The client wants no session.
    pub(crate) nosession: bool,
    /// Its requests are none that are understood.
    pub(crate) sdk_is_old: bool,
}

impl Kept {
    pub(crate) fn new(handshake: &Handshake) -> Self {
        let header = |name| handshake.headers.get(name).cloned();
        let version = handshake.query("__sails_io_sdk_version").or_else(|| {
            let header = handshake.headers.get("__sails_io_sdk_version")?;
            header.to_str().ok().map(str::to_owned)
        });
        Self {
            cookie: cookies(&handshake.headers),
            origin: header(ORIGIN),
            host: header(HOST),
            nosession: handshake.query("nosession").is_some() || handshake.headers.contains_key("nosession"),
            sdk_is_old: version.is_some_and(|version| is_old(&version)),
        }
    }

    pub(crate) fn is_anything(&self) -> bool {
        self.cookie.is_some() || self.origin.is_some() || self.host.is_some() || self.nosession || self.sdk_is_old
    }

    /// Puts it on a request.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        let own = [(COOKIE, &self.cookie), (ORIGIN, &self.origin), (HOST, &self.host)];
        for (name, value) in own {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        if self.nosession {
            headers.insert("nosession", HeaderValue::from_static("true"));
        }
    }

    /// The cookies of an answer, for a connection that brought none: a client of virtual requests cannot be sent any, and
    /// would be somebody else with each request.
    pub(crate) fn keep_cookies(socket: &Socket, headers: &HeaderMap) {
        let pairs = headers.get_all(SET_COOKIE).iter().filter_map(|cookie| {
            let cookie = cookie.to_str().ok()?.split(';').next()?.trim();
            // One without a value is taken back, and leaves the place for one that counts.
            let (_, value) = cookie.split_once('=')?;
            (!value.is_empty()).then_some(cookie)
        });
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let Ok(cookies) = HeaderValue::try_from(cookies) else { return };
        if cookies.is_empty() {
            return;
        }
        let kept = socket.get::<Self>().map(|kept| Self::clone(&kept)).unwrap_or_default();
        if kept.cookie.is_none() {
            socket.insert(Self { cookie: Some(cookies), ..kept });
        }
    }
}

/// All cookies in one header, where a service looks for them: proxies send several, if they had them from HTTP/2 (RFC 9113,
/// section 8.2.3).
fn cookies(headers: &HeaderMap) -> Option<HeaderValue> {
    let all: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    match all[..] {
        [] => None,
        [_] => headers.get(COOKIE).cloned(),
        // Each is a value of a header, so together they are one.
        _ => HeaderValue::try_from(all.join(&b"; "[..])).ok(),
    }
}

/// Versions that cannot be read are old ones, as Sails has it.
fn is_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < SDK_MIN,
        (Some(Ok(major)), _) => (major, 0) < SDK_MIN,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (version, old) in [
            ("1.2.1", false),
            ("0.11.0", false),
            ("0.11", false),
            ("v1.0.0-beta", false),
            ("2", false),
            ("0.10.9", true),
            ("0.9.0", true),
            ("0", true),
            ("", true),
            ("abc", true),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
    }

    #[test]
    fn what_is_kept() {
        let mut handshake = Handshake::new("websocket");
        assert!(!Kept::new(&handshake).is_anything());
        handshake.uri = "/socket.io/?__sails_io_sdk_version=0.9.0&nosession".parse().unwrap();
        handshake.headers.insert(COOKIE, HeaderValue::from_static("a=b"));
        handshake.headers.append(COOKIE, HeaderValue::from_static("c=d; e=f"));
        let kept = Kept::new(&handshake);
        assert!(kept.sdk_is_old && kept.nosession && kept.is_anything());
        let mut headers = HeaderMap::new();
        kept.apply(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=b; c=d; e=f"]);
        assert_eq!(headers["nosession"], "true");
    }
}
