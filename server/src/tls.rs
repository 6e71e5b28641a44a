//! The server's certificate and key: read from PEM files, checked, and read again while the server runs.

mod error;
mod handshake;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};

pub use error::TlsError;
pub(crate) use handshake::handshake;

/// The only protocol that is spoken inside (RFC 7301): a client that insists on HTTP/2 is refused while it shakes hands.
const ALPN: &[u8] = b"http/1.1";

/// A certificate chain and its private key, of PEM files. Cheap to clone; the clones are one identity, and [`Self::reload`]
/// changes it for all.
///
/// With it go TLS 1.2 and 1.3, the cipher suites that rustls holds for safe, HTTP/1.1 by ALPN, and session tickets whose
/// keys are made anew with each load.
#[derive(Clone)]
pub struct TlsIdentity(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    fingerprint: Arc<str>,
}

impl TlsIdentity {
    /// Reads and checks both files: `certificate` with the server's own certificate first and then those that link it to an
    /// authority, `key` with its private key (PKCS#8, PKCS#1 or SEC1). Both may be one file.
    ///
    /// Reads files, so it blocks; some milliseconds at most for files on a disk. It does not ask whether clients will trust
    /// the certificate, nor whether it has expired.
    ///
    /// # Errors
    /// When a file cannot be read, or has not what it should, or the two do not belong together.
    pub fn from_pem_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let current = Mutex::new(load(&certificate, &key)?);
        Ok(Self(Arc::new(Inner { certificate, key, current })))
    }

    /// Reads and checks both files again. Handshakes that begin from now on use what they have now, open connections live on
    /// as they are, and sessions of before are not resumed. Blocks as [`Self::from_pem_files`] does.
    ///
    /// # Errors
    /// As [`Self::from_pem_files`]; nothing has changed then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = load(&self.0.certificate, &self.0.key)?;
        *self.0.current.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> &Path {
        &self.0.certificate
    }

    /// The SHA-256 of the certificate in use, as `openssl x509 -noout -fingerprint -sha256` writes it: `AB:CD:..`.
    pub fn fingerprint(&self) -> Arc<str> {
        self.current().fingerprint
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current().config
    }

    fn current(&self) -> Current {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("certificate", &self.0.certificate)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Current, TlsError> {
    let chain = read_chain(certificate)?;
    let fingerprint = fingerprint(&chain[0]).into();
    let private = read_key(key)?;
    let provider = Arc::new(ring::default_provider());
    let certified = CertifiedKey::from_der(chain, private, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { certificate: certificate.into(), key: key.into() }
        }
        rustls::Error::InvalidCertificate(_) => {
            TlsError::BadCertificate { file: certificate.into(), why: error.to_string() }
        }
        error => TlsError::BadKey { file: key.into(), why: error.to_string() },
    })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![ALPN.into()];
    // Without it, TLS 1.3 resumes only the last 256 sessions, and keeps them in memory.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Setup)?;
    Ok(Current { config: Arc::new(config), fingerprint })
}

/// The certificates of a file; at least one.
fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { file: file.into() }),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError::BadCertificate { file: file.into(), why: error.to_string() }),
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(file)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        _ if is_encrypted(&pem) => TlsError::EncryptedKey { file: file.into() },
        pem::Error::NoItemsFound => TlsError::NoKey { file: file.into() },
        error => TlsError::BadKey { file: file.into(), why: error.to_string() },
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|error| TlsError::Unreadable { file: file.into(), error })
}

/// PKCS#8 (RFC 7468 section 11), or a header of OpenSSL's older form (RFC 1421 section 4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let has = |text: &[u8]| pem.windows(text.len()).any(|window| window == text);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn fingerprint(certificate: &[u8]) -> String {
    // rustls shows its SHA-256 only as a part of a cipher suite.
    let Some(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13() else { return "unknown".into() };
    let hash = suite.common.hash_provider.hash(certificate);
    let bytes: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests;
