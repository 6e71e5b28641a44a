//! The cookie that brings a session's id: read from requests, written on answers (RFC 6265, sections 4.1 and 5.4).

use std::time::Duration;

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::id::SessionId;
use super::secrets::Secrets;

/// What JavaScript's `encodeURIComponent` escapes, with which Express writes cookies.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Whether a browser sends the cookie with requests that other sites cause (RFC 6265bis, section 4.1.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user goes to the site.
    #[default]
    Lax,
    /// Always: what a page of another site needs to have sessions over its sockets. Browsers want it to be secure, so it is.
    None,
}

/// How the cookie looks.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
    pub(crate) max_age: Option<Duration>,
}

/// A session's id that a request brought, rightly signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) id: SessionId,
    /// It is signed with the secret that signs now.
    pub(crate) is_current: bool,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "sails.sid".into(),
            path: "/".into(),
            http_only: true,
            secure: false,
            same_site: SameSite::default(),
            max_age: None,
        }
    }
}

impl Cookie {
    /// The id in a request's `Cookie` headers; of several cookies with the name the first one counts, as for Express.
    pub(crate) fn read(&self, headers: &[HeaderValue], secrets: &Secrets) -> Option<Brought> {
        let pairs = headers.iter().flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        let value = pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
            let rest = pair.strip_prefix(self.name.as_bytes())?.trim_ascii_start();
            Some(rest.strip_prefix(b"=")?.trim_ascii_start())
        })?;
        let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        let text = percent_decode(bare).decode_utf8().ok()?;
        let verified = secrets.verify(text.strip_prefix("s:")?)?;
        Some(Brought { id: SessionId::new(verified.value)?, is_current: verified.is_current })
    }

    /// The header that gives a browser the id.
    pub(crate) fn set(&self, id: &SessionId, secrets: &Secrets) -> Option<HeaderValue> {
        let signed = format!("s:{}", secrets.sign(id.as_str()));
        let max_age = self.max_age.map(|age| age.as_secs());
        self.write(&utf8_percent_encode(&signed, ESCAPED).to_string(), max_age)
    }

    /// The header that makes a browser forget it.
    pub(crate) fn remove(&self) -> Option<HeaderValue> {
        self.write("", Some(0))
    }

    fn write(&self, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let mut text = format!("{}={value}", self.name);
        if let Some(seconds) = max_age {
            text.push_str(&format!("; Max-Age={seconds}"));
        }
        text.push_str("; Path=");
        text.push_str(&self.path);
        if self.http_only {
            text.push_str("; HttpOnly");
        }
        if self.secure || self.same_site == SameSite::None {
            text.push_str("; Secure");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        // Name and path were looked at when the settings were made.
        HeaderValue::try_from(text).ok()
    }

    /// A token (RFC 9110, section 5.6.2).
    pub(crate) fn is_name(name: &str) -> bool {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(is_token)
    }

    /// A path that a browser takes for one, and that ends where it ends.
    pub(crate) fn is_path(path: &str) -> bool {
        path.starts_with('/') && path.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "sails.sid=s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU";

    fn secrets() -> Secrets {
        Secrets::new(["keyboard cat"]).unwrap()
    }

    fn read(cookies: &[&str]) -> Option<String> {
        let headers: Vec<_> = cookies.iter().map(|text| HeaderValue::from_bytes(text.as_bytes()).unwrap()).collect();
        let brought = Cookie::default().read(&headers, &secrets())?;
        Some(brought.id.as_str().to_owned())
    }

    #[test]
    fn it_is_written_as_express_does() {
        let id = SessionId::new("abc").unwrap();
        let set = |cookie: &Cookie| cookie.set(&id, &secrets()).unwrap().to_str().unwrap().to_owned();
        assert_eq!(set(&Cookie::default()), format!("{REAL}; Path=/; HttpOnly; SameSite=Lax"));
        let other = Cookie {
            path: "/a".into(),
            http_only: false,
            same_site: SameSite::None,
            max_age: Some(Duration::from_secs(60)),
            ..Cookie::default()
        };
        assert_eq!(set(&other), format!("{REAL}; Max-Age=60; Path=/a; Secure; SameSite=None"));
        assert_eq!(other.remove().unwrap(), "sails.sid=; Max-Age=0; Path=/a; Secure; SameSite=None");
    }

    #[test]
    fn odd_ids_of_other_programs_come_through() {
        let secrets = Secrets::new(["pässwörd ☃"]).unwrap();
        let id = SessionId::new("id/with+odd=chars é").unwrap();
        let set = Cookie::default().set(&id, &secrets).unwrap();
        let pair = set.to_str().unwrap().split("; ").next().unwrap().to_owned();
        // Made with the npm packages cookie 0.7.2 and cookie-signature.
        let real = "sails.sid=s%3Aid%2Fwith%2Bodd%3Dchars%20%C3%A9.YpGklM9OW%2BjGmboDkW2CL%2FBHjxifl1Pnq%2BeTfQaJumM";
        assert_eq!(pair, real);
        let headers = [HeaderValue::from_str(&pair).unwrap()];
        assert_eq!(Cookie::default().read(&headers, &secrets), Some(Brought { id, is_current: true }));
    }

    #[test]
    fn it_is_found_among_others() {
        let quoted = REAL.replace('=', "=\"") + "\"";
        let plain = REAL.replace("%3A", ":").replace("%2F", "/").replace("%2B", "+");
        let spaced = REAL.replace('=', " = ");
        for cookies in [
            &[REAL][..],
            &[&format!("a=b; {REAL}; c=d")],
            &[&format!("sails.sidx=1;asails.sid=2 ;{REAL}")],
            &["a=b; \u{fe}; =; ;;", REAL],
            &[&quoted],
            &[&plain],
            &[&spaced],
        ] {
            assert_eq!(read(cookies).as_deref(), Some("abc"), "{cookies:?}");
        }
    }

    #[test]
    fn what_is_not_signed_is_nothing() {
        for cookie in [
            "",
            "sails.sid",
            "sails.sid=",
            "sails.sid=abc",
            "sails.sid=s%3Aabc",
            "sails.sid=s%3Aabc.",
            "sails.sid=abc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU",
            "sails.sid=s%3Aabd.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU",
            "sails.sid=j%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU",
            "sails.sid=s%3A%FFabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU",
            "other.sid=s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU",
            &format!("sails.sid=x; {REAL}"),
        ] {
            assert_eq!(read(&[cookie]), None, "{cookie}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_client_sends_is_read(bytes in proptest::collection::vec(0x20u8.., 0..200), at in 0..60usize) {
            let mut mixed = REAL.as_bytes().to_vec();
            mixed.splice(at..at, bytes.iter().copied());
            let headers: Vec<_> = [bytes, mixed].iter().filter_map(|bytes| HeaderValue::from_bytes(bytes).ok()).collect();
            if let Some(brought) = Cookie::default().read(&headers, &secrets()) {
                proptest::prop_assert_eq!(brought.id.as_str(), "abc");
            }
        }
    }

    #[test]
    fn names_and_paths_end_where_they_end() {
        for (name, is_one) in [
            ("sails.sid", true),
            ("__Host-a", true),
            ("", false),
            ("a b", false),
            ("a=", false),
            ("a;", false),
            ("é", false),
        ] {
            assert_eq!(Cookie::is_name(name), is_one, "{name}");
        }
        for (path, is_one) in
            [("/", true), ("/a b", true), ("", false), ("a", false), ("/;", false), ("/\n", false), ("/é", false)]
        {
            assert_eq!(Cookie::is_path(path), is_one, "{path}");
        }
    }
}
