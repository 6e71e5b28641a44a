//! Messages whole and in fragments (sections 5.2 to 5.6).

use roomcast_tests::{Client, Frame, Server, frames};

/// Sends frames that make one message; it comes back whole and of the same kind.
#[track_caller]
fn assert_comes_back(client: &mut Client, sent: &[Frame]) {
    client.send(&frames(sent));
    let echo = client.frame();
    assert_eq!(echo.first, 0x80 | sent[0].opcode());
    assert!(echo.payload == sent.iter().flat_map(|frame| frame.payload.clone()).collect::<Vec<u8>>());
}

#[test]
fn text_and_binary_of_every_form_of_length() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    for len in [0, 1, 2, 124, 125, 126, 127, 128, 1_000, 65_534, 65_535, 65_536, 65_537, 200_000] {
        let text: String = (0..len).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
        assert_comes_back(&mut client, &[Frame::text_message(&text)]);
        let bytes: Vec<u8> = (0..len).map(|i| (i % 253) as u8).collect();
        assert_comes_back(&mut client, &[Frame::binary_message(&bytes)]);
    }
    drop(client);
    server.assert_unharmed();
}

#[test]
fn any_mask() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    for mask in [[0; 4], [255; 4], [1, 0, 0, 0], [0, 0, 0, 1], [0x37, 0xfa, 0x21, 0x3d]] {
        for len in 0..20 {
            assert_comes_back(&mut client, &[Frame::binary_message(&vec![0xa5; len]).masked(mask)]);
        }
        assert_comes_back(&mut client, &[Frame::text_message("mäsk").masked(mask)]);
    }
    drop(client);
    server.assert_unharmed();
}

#[test]
fn fragments() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let (start, more, last) =
        (|p: &str| Frame::new(0x01, p), |p: &str| Frame::new(0x00, p), |p: &str| Frame::new(0x80, p));
    assert_comes_back(&mut client, &[start("one, "), last("two")]);
    assert_comes_back(&mut client, &[start("one, "), more("two, "), more("three"), last("")]);
    assert_comes_back(&mut client, &[start(""), more(""), last("")]);
    assert_comes_back(&mut client, &[start(""), more("x"), last("")]);
    assert_comes_back(&mut client, &[Frame::new(0x02, [0, 255]), Frame::new(0x80, [254])]);
    let long = "x".repeat(70_000);
    assert_comes_back(&mut client, &[start(&long), more("y"), last(&long)]);
    drop(client);
    server.assert_unharmed();
}

#[test]
fn every_way_to_cut_a_message_into_three_fragments() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let text = "née ⚡ 🎲".as_bytes();
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let pieces = [(0x01, &text[..first]), (0x00, &text[first..second]), (0x80, &text[second..])];
            assert_comes_back(&mut client, &pieces.map(|(opcode, piece)| Frame::new(opcode, piece)));
        }
    }
    drop(client);
    server.assert_unharmed();
}

#[test]
fn many_messages_in_one_write_come_back_in_order() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let messages: Vec<Frame> = (0..2_000).map(|i| Frame::text_message(&format!("message {i}"))).collect();
    client.send(&frames(&messages));
    for (i, _) in messages.iter().enumerate() {
        assert_eq!(client.frame().text(), format!("message {i}"));
    }
    drop(client);
    server.assert_unharmed();
}
