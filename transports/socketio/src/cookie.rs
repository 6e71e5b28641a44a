//! The cookie that names a session, for load balancers that send a client to the same server by it.

use std::error::Error;
use std::fmt;

use http::HeaderValue;

use crate::sid::Sid;

/// A cookie with the session's id (RFC 6265, section 4.1), sent with the first answer of a handshake. The server itself does
/// not look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    attributes: String,
}

/// A name or attributes that no cookie may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCookie(String);

impl Cookie {
    /// A cookie of this name for all paths: `Path=/; HttpOnly; SameSite=Lax`, as Socket.IO sets it.
    ///
    /// # Errors
    /// If the name is no token.
    pub fn new(name: &str) -> Result<Self, InvalidCookie> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidCookie(name.into()));
        }
        Ok(Self { name: name.into(), attributes: "Path=/; HttpOnly; SameSite=Lax".into() })
    }

    /// The same with other attributes, as `Path=/; Secure; SameSite=None`.
    ///
    /// # Errors
    /// If they cannot stand in a header.
    pub fn attributes(mut self, attributes: &str) -> Result<Self, InvalidCookie> {
        if attributes.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
            return Err(InvalidCookie(attributes.into()));
        }
        self.attributes = attributes.into();
        Ok(self)
    }

    /// The value of `Set-Cookie`.
    pub(crate) fn header(&self, sid: Sid) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{}={}; {}", self.name, sid.as_str(), self.attributes)).ok()
    }
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot stand in a cookie: use letters, digits and -_ in its name, printable ASCII else", self.0)
    }
}

impl Error for InvalidCookie {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_socket_io_sets_it() {
        let sid = Sid::parse("abcdefghij0123456789").unwrap();
        let cookie = Cookie::new("io").unwrap();
        assert_eq!(cookie.header(sid).unwrap(), "io=abcdefghij0123456789; Path=/; HttpOnly; SameSite=Lax");
        let cookie = cookie.attributes("Secure").unwrap();
        assert_eq!(cookie.header(sid).unwrap(), "io=abcdefghij0123456789; Secure");
    }

    #[test]
    fn what_is_no_cookie() {
        for name in ["", "a b", "a;b", "ä", "a=b", "a\r\nb"] {
            assert!(Cookie::new(name).unwrap_err().to_string().contains("cannot stand in a cookie"));
        }
        assert!(Cookie::new("io").unwrap().attributes("Path=/\r\nX: y").is_err());
    }
}
