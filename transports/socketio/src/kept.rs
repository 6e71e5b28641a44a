//! What a client brought with its first request, kept for every namespace that it will connect to.
//!
//! A parsed head costs three times its bytes and would hold the buffer that it was read from, for as long as the connection
//! lives. So it is kept as bytes, and parsed again when a namespace is asked for.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Uri};
use roomcast_lane::Handshake;

/// A handshake at rest.
pub(crate) struct Kept {
    transport: &'static str,
    /// The target, then names and values of headers, each behind its length.
    head: Box<[u8]>,
    extensions: Extensions,
    /// If somebody in front knew it.
    peer: Option<Box<SocketAddr>>,
}

impl Kept {
    pub(crate) fn new(handshake: Handshake) -> Self {
        let Handshake { transport, headers, uri, extensions, peer, .. } = handshake;
        let mut head = Vec::new();
        put(&mut head, uri.to_string().as_bytes());
        for (name, value) in &headers {
            put(&mut head, name.as_str().as_bytes());
            put(&mut head, value.as_bytes());
        }
        // What was taken out of it leaves a table behind.
        let extensions = if extensions.is_empty() { Extensions::new() } else { extensions };
        Self { transport, head: head.into(), extensions, peer: peer.map(Box::new) }
    }

    /// The handshake, with what the client authenticates with in a namespace, and the query of the namespace's name.
    pub(crate) fn handshake(&self, auth: Option<&str>, query: Option<&str>) -> Handshake {
        let mut handshake = Handshake::new(self.transport);
        let mut rest = &self.head[..];
        let target = take(&mut rest);
        handshake.uri = with_query(str::from_utf8(target).unwrap_or_default(), query);
        handshake.headers = headers(rest);
        handshake.extensions = self.extensions.clone();
        handshake.peer = self.peer.as_deref().copied();
        handshake.auth = auth.map(|auth| Bytes::copy_from_slice(auth.as_bytes())).unwrap_or_default();
        handshake
    }
}

fn headers(mut rest: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    while !rest.is_empty() {
        let (name, value) = (take(&mut rest), take(&mut rest));
        // Both were of a request's head.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn with_query(target: &str, query: Option<&str>) -> Uri {
    let joined = query.map(|query| format!("{target}{}{query}", if target.contains('?') { '&' } else { '?' }));
    // A query that cannot stand in a target is left out.
    let uri = joined.and_then(|joined| joined.parse().ok()).or_else(|| target.parse().ok());
    uri.unwrap_or_default()
}

fn put(to: &mut Vec<u8>, part: &[u8]) {
    to.put_u32_ne(part.len() as u32);
    to.put_slice(part);
}

fn take<'a>(from: &mut &'a [u8]) -> &'a [u8] {
    let length = from.try_get_u32_ne().unwrap_or_default() as usize;
    let (part, rest) = from.split_at_checked(length).unwrap_or_default();
    *from = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_comes_back_as_it_was() {
        let mut handshake = Handshake::new("websocket");
        handshake.uri = "/socket.io/?EIO=4&a=%20b".parse().unwrap();
        for (name, value) in [("cookie", "a=1"), ("cookie", "b=2"), ("x-raw", "\u{e4}"), ("empty", "")] {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            handshake.headers.append(HeaderName::from_static(name), value);
        }
        handshake.extensions.insert(7_u8);
        handshake.peer = Some(([10, 0, 0, 1], 80).into());
        let kept = Kept::new(handshake.clone());
        for _ in 0..2 {
            let again = kept.handshake(Some("{}"), None);
            assert_eq!((&again.uri, &again.headers, again.peer), (&handshake.uri, &handshake.headers, handshake.peer));
            assert_eq!((again.extensions.get::<u8>(), &again.auth[..]), (Some(&7), &b"{}"[..]));
        }
    }

    #[test]
    fn a_namespaces_query_joins_that_of_the_target() {
        let kept = |uri: &str| {
            let mut handshake = Handshake::new("polling");
            handshake.uri = uri.parse().unwrap();
            Kept::new(handshake)
        };
        assert_eq!(kept("/s/?EIO=3").handshake(None, Some("token=1")).uri, "/s/?EIO=3&token=1");
        assert_eq!(kept("/s/").handshake(None, Some("token=1")).uri, "/s/?token=1");
        assert_eq!(kept("/s/").handshake(None, Some("to ken")).uri, "/s/");
    }
}
