//! Pings and pongs (sections 5.5.2, 5.5.3), also within a message.

use roomcast_tests::{Client, Frame, Server, frames};
use std::{io::Write, thread};

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    for payload in [&b""[..], b"x", b"\x00\xff\xfe binary", &[0x5a; 125]] {
        client.send(&Frame::ping(payload).bytes());
        assert_eq!(client.frame(), Frame::new(0x8a, payload).unmasked());
    }
    drop(client);
    server.assert_unharmed();
}

#[test]
fn pongs_that_nobody_asked_for_are_ignored() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&frames(&[Frame::new(0x8a, ""), Frame::new(0x8a, [0xff; 125])]));
    client.assert_echo("only this comes back");
    drop(client);
    server.assert_unharmed();
}

#[test]
fn control_frames_between_fragments_are_answered_at_once() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&frames(&[Frame::new(0x01, "one "), Frame::ping(b"a")]));
    assert_eq!(client.frame(), Frame::new(0x8a, "a").unmasked());
    client.send(&frames(&[Frame::new(0x8a, ""), Frame::new(0x00, "two "), Frame::ping(b"b"), Frame::ping(b"c")]));
    assert_eq!(client.frame(), Frame::new(0x8a, "b").unmasked());
    assert_eq!(client.frame(), Frame::new(0x8a, "c").unmasked());
    client.send(&Frame::new(0x80, "three").bytes());
    assert_eq!(client.frame().text(), "one two three");
    drop(client);
    server.assert_unharmed();
}

#[test]
fn thousands_of_pings_are_all_answered_in_order() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let mut writer = client.writer();
    let pings: Vec<u8> = (0..20_000u32).flat_map(|i| Frame::ping(&i.to_be_bytes()).bytes()).collect();
    let sending = thread::spawn(move || writer.write_all(&pings));
    for i in 0..20_000u32 {
        assert_eq!(client.frame(), Frame::new(0x8a, i.to_be_bytes()).unmasked());
    }
    sending.join().expect("no panic").expect("the server reads");
    client.assert_echo("and then");
    drop(client);
    server.assert_unharmed();
}
