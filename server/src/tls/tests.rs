use std::path::PathBuf;

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use rustls::pki_types::ServerName;

use super::*;

/// A folder of its own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("roomcast-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn own() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// The text of the error, which must be of this kind and name this file.
#[track_caller]
fn refused(certificate: &Path, key: &Path, file: &Path, kind: fn(&TlsError) -> bool) -> String {
    let error = TlsIdentity::from_pem_files(certificate, key).unwrap_err();
    assert!(kind(&error), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&file.display().to_string()), "{text}");
    assert!(!text.contains('\n'), "one line: {text}");
    text
}

#[test]
fn a_certificate_and_its_key_of_two_files_or_of_one() {
    let (folder, own) = (Folder::new("good"), own());
    let certificate = folder.write("cert.pem", &own.cert.pem());
    let key = folder.write("key.pem", &own.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem_files(&certificate, &key).unwrap();
    assert_eq!(identity.certificate(), certificate);
    let both = folder.write("both.pem", &format!("a comment\n{}{}", own.signing_key.serialize_pem(), own.cert.pem()));
    let same = TlsIdentity::from_pem_files(&both, &both).unwrap();
    assert_eq!(same.fingerprint(), identity.fingerprint());
    assert_eq!(identity.fingerprint().len(), 32 * 3 - 1);
    let config = identity.config();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    assert_eq!((config.max_early_data_size, config.ticketer.enabled()), (0, true));
}

#[test]
fn the_fingerprint_is_a_sha_256() {
    // Of "abc": FIPS 180-2, appendix B.1.
    assert_eq!(
        fingerprint(b"abc"),
        "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
    );
}

#[test]
fn files_that_cannot_be_read() {
    let (folder, own) = (Folder::new("unreadable"), own());
    let certificate = folder.write("cert.pem", &own.cert.pem());
    let missing = folder.0.join("no such file.pem");
    let is_unreadable = |error: &TlsError| matches!(error, TlsError::Unreadable { .. });
    refused(&missing, &certificate, &missing, is_unreadable);
    let text = refused(&certificate, &missing, &missing, is_unreadable);
    assert!(text.contains("that the server may read"), "{text}");
    refused(&folder.0, &certificate, &folder.0, is_unreadable);
}

#[test]
fn files_without_what_they_should_have() {
    let (folder, own) = (Folder::new("empty"), own());
    let certificate = folder.write("cert.pem", &own.cert.pem());
    let key = folder.write("key.pem", &own.signing_key.serialize_pem());
    for (name, text) in [("empty.pem", ""), ("prose.pem", "no PEM\nat all\n")] {
        let file = folder.write(name, text);
        let text = refused(&file, &key, &file, |error| matches!(error, TlsError::NoCertificate { .. }));
        assert!(text.contains("-----BEGIN CERTIFICATE-----"), "{text}");
        let text = refused(&certificate, &file, &file, |error| matches!(error, TlsError::NoKey { .. }));
        assert!(text.contains("-----BEGIN PRIVATE KEY-----"), "{text}");
    }
    refused(&key, &key, &key, |error| matches!(error, TlsError::NoCertificate { .. }));
    refused(&certificate, &certificate, &certificate, |error| matches!(error, TlsError::NoKey { .. }));
}

#[test]
fn files_that_are_broken() {
    let (folder, own) = (Folder::new("broken"), own());
    let (certificate_text, key_text) = (own.cert.pem(), own.signing_key.serialize_pem());
    let certificate = folder.write("cert.pem", &certificate_text);
    let key = folder.write("key.pem", &key_text);
    let is_bad_certificate = |error: &TlsError| matches!(error, TlsError::BadCertificate { .. });
    for (name, text) in [
        ("cut.pem", &certificate_text[..certificate_text.len() / 2]),
        ("no base64.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
        ("no X.509.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        let file = folder.write(name, text);
        refused(&file, &key, &file, is_bad_certificate);
    }
    let is_bad_key = |error: &TlsError| matches!(error, TlsError::BadKey { .. });
    for (name, text) in [
        ("cut.key", &key_text[..key_text.len() / 2]),
        ("no key.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        let file = folder.write(name, text);
        refused(&certificate, &file, &file, is_bad_key);
    }
}

#[test]
fn encrypted_keys_are_told_from_broken_ones() {
    let (folder, own) = (Folder::new("encrypted"), own());
    let certificate = folder.write("cert.pem", &own.cert.pem());
    for (name, text) in [
        ("pkcs8.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
        (
            "older.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ),
    ] {
        let file = folder.write(name, text);
        let text = refused(&certificate, &file, &file, |error| matches!(error, TlsError::EncryptedKey { .. }));
        assert!(text.contains("openssl pkey"), "{text}");
    }
}

#[test]
fn the_key_has_to_be_that_of_the_first_certificate() {
    let (folder, own, other) = (Folder::new("mismatch"), own(), own());
    let certificate = folder.write("cert.pem", &own.cert.pem());
    let key = folder.write("key.pem", &other.signing_key.serialize_pem());
    let text = refused(&certificate, &key, &key, |error| matches!(error, TlsError::Mismatch { .. }));
    assert!(text.contains(&certificate.display().to_string()), "{text}");
    let reversed = folder.write("reversed.pem", &format!("{}{}", own.cert.pem(), other.cert.pem()));
    refused(&reversed, &key, &key, |error| matches!(error, TlsError::Mismatch { .. }));
}

/// The certificates that a client gets.
fn presented(identity: &TlsIdentity) -> Vec<CertificateDer<'static>> {
    use std::io::Cursor;
    let name = ServerName::try_from("localhost").unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS12]);
    let trusting = TrustAnything(provider);
    let config = config.unwrap().dangerous().with_custom_certificate_verifier(Arc::new(trusting)).with_no_client_auth();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = rustls::ServerConnection::new(identity.config()).unwrap();
    while client.peer_certificates().is_none() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut Cursor::new(&bytes)).unwrap();
        server.process_new_packets().unwrap();
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        let mut bytes = bytes.as_slice();
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    client.peer_certificates().unwrap().iter().map(|certificate| certificate.clone().into_owned()).collect()
}

#[derive(Debug)]
struct TrustAnything(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for TrustAnything {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn the_whole_chain_is_presented_in_its_order() {
    let folder = Folder::new("chain");
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = folder.write("chain.pem", &format!("{}{}", own.pem(), authority_certificate.pem()));
    let key = folder.write("key.pem", &key.serialize_pem());
    let identity = TlsIdentity::from_pem_files(chain, key).unwrap();
    assert_eq!(presented(&identity), [own.der().clone(), authority_certificate.der().clone()]);
}

#[test]
fn a_reload_takes_both_files_or_nothing() {
    let (folder, first, second) = (Folder::new("reload"), own(), own());
    let certificate = folder.write("cert.pem", &first.cert.pem());
    let key = folder.write("key.pem", &first.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem_files(certificate, key).unwrap();
    let clone = identity.clone();
    assert_eq!(presented(&identity), [first.cert.der().clone()]);
    folder.write("cert.pem", &second.cert.pem());
    assert!(matches!(identity.reload(), Err(TlsError::Mismatch { .. })));
    assert_eq!(presented(&identity), [first.cert.der().clone()], "nothing has changed");
    assert_eq!(&*identity.fingerprint(), fingerprint(first.cert.der()));
    folder.write("key.pem", &second.signing_key.serialize_pem());
    identity.reload().unwrap();
    assert_eq!(presented(&clone), [second.cert.der().clone()]);
    assert_eq!(&*clone.fingerprint(), fingerprint(second.cert.der()));
}
