//! TLS without a network: both ends in memory, their handshake done.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::TlsLink;
use crate::link::{Far, MemoryLink};

pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// The client's side of a [`TlsLink`].
pub(crate) struct TlsFar {
    pub(crate) far: Far,
    pub(crate) tls: ClientConnection,
}

/// A link whose other side takes `room` bytes of ciphertext until it is read, and that other side.
pub(crate) fn connected(version: &'static SupportedProtocolVersion, room: usize) -> (TlsLink<MemoryLink>, TlsFar) {
    let (mut server, mut client) = both_ends(version);
    while server.is_handshaking() || client.is_handshaking() || server.wants_write() || client.wants_write() {
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut to_server).unwrap();
        }
        take(&mut to_server.as_slice(), |bytes| {
            server.read_tls(bytes).and_then(|_| processed(server.process_new_packets()))
        });
        while server.wants_write() {
            server.write_tls(&mut to_client).unwrap();
        }
        take(&mut to_client.as_slice(), |bytes| {
            client.read_tls(bytes).and_then(|_| processed(client.process_new_packets()))
        });
    }
    assert_eq!(server.protocol_version(), Some(version.version));
    client.set_buffer_limit(None);
    let (link, far) = MemoryLink::new(room);
    (TlsLink::new(link, server), TlsFar { far, tls: client })
}

fn both_ends(version: &'static SupportedProtocolVersion) -> (ServerConnection, ClientConnection) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[version]).unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    (ServerConnection::new(Arc::new(server)).unwrap(), ClientConnection::new(Arc::new(client), name).unwrap())
}

fn take(bytes: &mut &[u8], mut take: impl FnMut(&mut &[u8]) -> io::Result<()>) {
    while !bytes.is_empty() {
        take(bytes).unwrap();
    }
}

fn processed<T>(result: Result<T, rustls::Error>) -> io::Result<()> {
    result.map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

impl TlsFar {
    pub(crate) fn send(&mut self, plaintext: &[u8]) {
        self.tls.writer().write_all(plaintext).unwrap();
        let ciphertext = self.ciphertext();
        self.far.send(&ciphertext);
    }

    /// What the client's rustls has to send.
    pub(crate) fn ciphertext(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// What came, decrypted; makes room for as much ciphertext again.
    ///
    /// # Errors
    /// What the client's rustls says to it, as an alert of the server.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let (bytes, mut plain) = (self.far.take(), Vec::new());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            if self.tls.read_tls(&mut rest)? == 0 {
                break;
            }
            processed(self.tls.process_new_packets())?;
            match self.tls.reader().read_to_end(&mut plain) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Ok(plain)
    }

    /// Whether the server said close_notify.
    pub(crate) fn heard_goodbye(&mut self) -> bool {
        matches!(self.tls.reader().read(&mut [0]), Ok(0))
    }
}
