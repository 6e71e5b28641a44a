//! Signed values, as the npm package cookie-signature makes them: `value.signature`, with an HMAC-SHA-256 (RFC 2104) of the
//! value as base64 without padding. Express and Sails sign session ids so.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The keys: the first one signs, all verify, so that one can be replaced while cookies of the former one are about.
///
/// Keyed once, so a signature costs two compressions of SHA-256 for short values, under a microsecond.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<Hmac<Sha256>>);

/// A value whose signature is right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified<'a> {
    pub(crate) value: &'a str,
    /// It was signed with the first secret.
    pub(crate) is_current: bool,
}

impl Secrets {
    /// `None` without any, or if one is empty.
    pub(crate) fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Option<Self> {
        let keyed = |secret: S| {
            let secret = secret.as_ref();
            if secret.is_empty() { None } else { Hmac::new_from_slice(secret.as_bytes()).ok() }
        };
        let keys: Vec<_> = secrets.into_iter().map(keyed).collect::<Option<_>>()?;
        if keys.is_empty() { None } else { Some(Self(keys)) }
    }

    /// `value.signature`.
    pub(crate) fn sign(&self, value: &str) -> String {
        let signature = self.0[0].clone().chain_update(value).finalize().into_bytes();
        format!("{value}.{}", BASE64_STANDARD_NO_PAD.encode(signature))
    }

    /// What was signed. Signatures are compared in constant time; a secret that did not sign costs one more of them.
    pub(crate) fn verify<'a>(&self, signed: &'a str) -> Option<Verified<'a>> {
        let (value, signature) = signed.rsplit_once('.')?;
        let signature = BASE64_STANDARD_NO_PAD.decode(signature).ok()?;
        let fits = |key: &Hmac<Sha256>| key.clone().chain_update(value).verify_slice(&signature).is_ok();
        let at = self.0.iter().position(fits)?;
        Some(Verified { value, is_current: at == 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with cookie-signature 1.0.7 and 1.1.0, which agree.
    const REAL: [(&str, &str); 5] = [
        ("keyboard cat", "abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU"),
        (
            "extremely-secure-keyboard-cat",
            "9RjzVv2nvQcAYn4UyOeKH6t0aNRXNSWk.hn+jjGMLcgQAIe6UQkAk4GoShxhbvbSHReR/Ug736K8",
        ),
        ("s3cret", "4u.with.dots.X4TnFjk3vRVSgtY5jNVYg0FvsWzMLYPsDLEz78ZWEYQ"),
        ("pässwörd ☃", "id/with+odd=chars é.YpGklM9OW+jGmboDkW2CL/BHjxifl1Pnq+eTfQaJumM"),
        ("short", "0.DAAAdTONaJb2g9uzycBySTl5YJeBLu6uf+PYQvOmhKA"),
    ];

    #[test]
    fn signatures_are_those_of_express() {
        for (secret, signed) in REAL {
            let secrets = Secrets::new([secret]).unwrap();
            let value = signed.rsplit_once('.').unwrap().0;
            assert_eq!(secrets.sign(value), signed);
            assert_eq!(secrets.verify(signed), Some(Verified { value, is_current: true }));
        }
        // A key longer than a block of SHA-256 is hashed first.
        let long = Secrets::new(["k".repeat(200)]).unwrap();
        assert_eq!(long.sign("long-key"), "long-key.xR+h2g65CCBHn/3G5ywfkrYTBRB79Qe/TtJTMlk3+hc");
    }

    #[test]
    fn what_was_changed_is_nothing() {
        let secrets = Secrets::new(["keyboard cat"]).unwrap();
        let signed = secrets.sign("abc");
        for at in 0..signed.len() {
            let mut bytes = signed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(secrets.verify(&text), None, "{text}");
        }
        let signature = signed.strip_prefix("abc.").unwrap();
        for text in [
            "",
            ".",
            "abc",
            "abc.",
            signature,
            &format!(".{signature}"),
            &format!("{signed}="),
            &format!("{signed}A"),
            &signed[..signed.len() - 1],
            &format!("abc {signature}"),
            &format!("abcd.{signature}"),
        ] {
            assert_eq!(secrets.verify(text), None, "{text}");
        }
        assert_eq!(Secrets::new(["another cat"]).unwrap().verify(&signed), None);
    }

    #[test]
    fn former_secrets_verify_and_do_not_sign() {
        let former = Secrets::new(["former"]).unwrap();
        let both = Secrets::new(["new", "former"]).unwrap();
        let (old, new) = (former.sign("id"), both.sign("id"));
        assert_eq!(both.verify(&old), Some(Verified { value: "id", is_current: false }));
        assert_eq!(both.verify(&new), Some(Verified { value: "id", is_current: true }));
        assert_eq!(former.verify(&new), None);
    }

    #[test]
    fn there_is_a_secret_and_none_is_empty() {
        assert!(Secrets::new([""; 0]).is_none());
        assert!(Secrets::new(["a", ""]).is_none());
    }
}
