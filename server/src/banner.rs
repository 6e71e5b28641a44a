//! What the server prints when it is ready.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

/// The address, how many lanes there are, and what to open; `certificate` is the file, if TLS is spoken. The first line is
/// for programs too.
pub(crate) fn text(address: SocketAddr, lanes: usize, certificate: Option<&Path>) -> String {
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let mut text = format!("roomcast {} on {scheme}://{address}, {lanes} lanes\n", env!("CARGO_PKG_VERSION"));
    text.push_str("  Socket.IO  /socket.io/  (EIO 4, 3)    rooms  /ws    live page  /\n");
    text.push_str("  echo  /engine.io/  /ws/echo    health  /healthz    stats  /stats\n");
    if let Some(file) = certificate {
        text.push_str(&format!("  TLS     https:// and wss:// only, certificate of {}\n", file.display()));
    }
    if !address.ip().to_canonical().is_loopback() {
        text.push_str("  warning: anybody who reaches this address may join any room and send to it\n");
    }
    text
}

/// Host and port as they stand in a URL.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(address: &str) -> String {
        text(address.parse().unwrap(), 2, None)
    }

    #[test]
    fn tls_shows_in_the_scheme_and_names_its_file() {
        let banner = text("127.0.0.1:3000".parse().unwrap(), 2, Some(Path::new("/etc/site.pem")));
        assert!(banner.contains(" on https://127.0.0.1:3000, 2 lanes\n"), "{banner}");
        assert!(banner.contains("wss://") && banner.contains("/etc/site.pem"), "{banner}");
    }

    #[test]
    fn the_first_line_is_exact() {
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            banner("127.0.0.1:3000").starts_with(&format!("roomcast {version} on http://127.0.0.1:3000, 2 lanes\n"))
        );
        assert!(banner("[::1]:3000").contains("on http://[::1]:3000, "));
    }

    #[test]
    fn a_warning_unless_it_is_loopback() {
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!banner(address).contains("warning"), "{address}");
        }
        for address in ["0.0.0.0:1", "[::]:1", "192.168.1.2:1"] {
            assert!(banner(address).contains("warning: anybody"), "{address}");
        }
    }

    #[test]
    fn authorities() {
        assert_eq!(authority("::1", 80), "[::1]:80");
        assert_eq!(authority("localhost", 80), "localhost:80");
    }
}
