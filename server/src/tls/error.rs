//! Why there is no TLS: each says which file it is, and what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a certificate and its key cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file of the certificate has none.
    NoCertificate {
        /// Which.
        file: PathBuf,
    },
    /// The file of the certificate is broken, or its first certificate is.
    BadCertificate {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file of the key has none.
    NoKey {
        /// Which.
        file: PathBuf,
    },
    /// The key has a pass phrase, and nobody to ask for it.
    EncryptedKey {
        /// Which.
        file: PathBuf,
    },
    /// The file of the key is broken, or the key is of a kind that TLS does not use.
    BadKey {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key is not that of the first certificate.
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// rustls cannot be set up: the system gives no random numbers.
    Setup(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(
                    f,
                    "cannot read {}: {error}; give the path of a PEM file that the server may read",
                    file.display()
                )
            }
            Self::NoCertificate { file } => write!(
                f,
                "{} has no certificate: write the server's own and then those that link it to an authority, each in PEM \
                 (-----BEGIN CERTIFICATE-----)",
                file.display()
            ),
            Self::BadCertificate { file, why } => write!(
                f,
                "the certificate in {} cannot be used: {why}; `openssl x509 -noout -text -in FILE` shows what it is",
                file.display()
            ),
            Self::NoKey { file } => write!(
                f,
                "{} has no private key: write it in PEM (-----BEGIN PRIVATE KEY-----, or RSA or EC before PRIVATE)",
                file.display()
            ),
            Self::EncryptedKey { file } => write!(
                f,
                "the key in {} is encrypted: remove its pass phrase with `openssl pkey -in FILE -out NEW_FILE`, and let only \
                 the server read the new file",
                file.display()
            ),
            Self::BadKey { file, why } => write!(
                f,
                "the key in {} cannot be used: {why}; write an RSA, ECDSA or Ed25519 key in PEM, as `openssl pkey -in FILE` does",
                file.display()
            ),
            Self::Mismatch { certificate, key } => write!(
                f,
                "the key in {} is not that of the certificate in {}: the server's own certificate has to come first, and both \
                 files from one renewal",
                key.display(),
                certificate.display()
            ),
            Self::Setup(error) => write!(f, "cannot set TLS up: {error}"),
        }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::Setup(error) => Some(error),
            _ => None,
        }
    }
}
