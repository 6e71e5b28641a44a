//! Text is UTF-8, whole and in fragments (sections 5.6, 8.1).

use crate::assert_refused;
use roomcast_tests::{Client, Frame, Server, frames};

/// Valid text at the borders of the encoding; noncharacters are valid too.
const VALID: [&str; 8] = [
    "\u{0}",
    "\u{7f}\u{80}",
    "\u{7ff}\u{800}",
    "\u{d7ff}\u{e000}",
    "\u{fffd}\u{fffe}\u{ffff}",
    "\u{10000}",
    "\u{10ffff}",
    "Hello-µ@ßöäüàá-UTF-8!! κόσμε 🎲",
];

/// Bytes that are in no valid text: alone, cut, overlong, surrogates, above U+10FFFF.
const INVALID: [&[u8]; 21] = [
    b"\x80",
    b"\xbf",
    b"\xfe",
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x8e",
    b"\xc3(",
    b"\xe2(\xa1",
    b"\xe2\x82(",
    b"\xf0\x28\x8c\xbc",
    b"\xc0\x80",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
];

#[test]
fn valid_text_comes_back_also_byte_by_byte() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    for text in VALID {
        client.assert_echo(text);
        let last = text.len() - 1;
        let fragments = text.bytes().enumerate().map(|(i, byte)| {
            let first = if i == 0 { 0x01 } else { 0x00 } | if i == last { 0x80 } else { 0x00 };
            Frame::new(first, [byte])
        });
        client.send(&frames(&fragments.collect::<Vec<_>>()));
        assert_eq!(client.frame().text(), text);
    }
    drop(client);
    server.assert_unharmed();
}

#[test]
fn invalid_text_is_refused() {
    let mut server = Server::start(&[]);
    for bytes in INVALID {
        assert_refused(&server, &[Frame::new(0x81, bytes)], 1007);
        assert_refused(&server, &[Frame::new(0x81, [b"before ", bytes].concat())], 1007);
        assert_refused(&server, &[Frame::new(0x01, bytes), Frame::new(0x80, "")], 1007);
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        assert_refused(&server, &[Frame::new(0x01, head), Frame::new(0x00, ""), Frame::new(0x80, tail)], 1007);
    }
    server.assert_unharmed();
}

#[test]
fn invalid_text_is_refused_in_its_fragment_without_waiting_for_the_last() {
    let mut server = Server::start(&[]);
    assert_refused(&server, &[Frame::new(0x01, b"ok \xff")], 1007);
    assert_refused(&server, &[Frame::new(0x01, "ok"), Frame::new(0x00, b"\xc0")], 1007);
    assert_refused(&server, &[Frame::new(0x01, b"\xf4"), Frame::new(0x00, b"\x90")], 1007);
    server.assert_unharmed();
}

#[test]
fn binary_may_be_anything() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    for bytes in INVALID {
        client.send(&frames(&[Frame::new(0x02, bytes), Frame::new(0x80, "")]));
        assert_eq!(client.frame(), Frame::new(0x82, bytes).unmasked());
    }
    drop(client);
    server.assert_unharmed();
}
