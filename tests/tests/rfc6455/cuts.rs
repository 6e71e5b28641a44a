//! TCP may cut anywhere: a conversation whose bytes arrive in two parts, for every place, and one by one.
//!
//! The server has one lane, so that an answer to somebody else says that it has seen what was sent before.

use roomcast_tests::{Client, Frame, Server, frames, handshake};

fn conversation() -> Vec<u8> {
    frames(&[
        Frame::text_message("Hello, ⚡"),
        Frame::new(0x01, [0xf0, 0x9f]),
        Frame::ping(b"between"),
        Frame::new(0x00, [0x8e]),
        Frame::new(0x80, [0xb2, b'!']),
        Frame::binary_message(&[0x5a; 130]),
        Frame::binary_message(&[1, 2, 3]),
        Frame::text_message(""),
        Frame::close(4000, "bye"),
    ])
}

#[track_caller]
fn assert_answers(client: &mut Client, at: usize) {
    let mut data = Vec::new();
    let mut pongs = Vec::new();
    loop {
        let frame = client.frame();
        match frame.opcode() {
            8 => {
                assert_eq!(frame.close_code(), Some(4000), "cut at {at}");
                break;
            }
            10 => pongs.push(frame),
            _ => data.push(frame),
        }
    }
    client.assert_ended();
    let expected = [
        Frame::text_message("Hello, ⚡"),
        Frame::text_message("🎲!"),
        Frame::binary_message(&[0x5a; 130]),
        Frame::binary_message(&[1, 2, 3]),
        Frame::text_message(""),
    ];
    assert_eq!(data, expected.map(Frame::unmasked), "cut at {at}");
    assert_eq!(pongs, [Frame::new(0x8a, "between").unmasked()], "cut at {at}");
}

#[test]
fn a_conversation_cut_at_every_byte() {
    let mut server = Server::start(&[("LANES", "1")]);
    let bytes = conversation();
    let mut clients: Vec<Client> = (0..=bytes.len()).map(|_| Client::open(&server, "/ws/echo")).collect();
    let mut probe = Client::open(&server, "/ws/echo");
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&bytes[..at]);
    }
    // The lane reads each connection once a turn, so it comes to all before it comes to the probe a second time.
    probe.assert_echo("one turn");
    probe.assert_echo("and one more");
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&bytes[at..]);
    }
    for (at, client) in clients.iter_mut().enumerate() {
        assert_answers(client, at);
    }
    drop((clients, probe));
    server.assert_unharmed();
}

#[test]
fn a_conversation_byte_by_byte() {
    let mut server = Server::start(&[("LANES", "1")]);
    let mut client = Client::open(&server, "/ws/echo");
    let mut probe = Client::open(&server, "/ws/echo");
    for byte in conversation() {
        client.send(&[byte]);
        probe.assert_echo("seen");
    }
    assert_answers(&mut client, usize::MAX);
    drop(probe);
    server.assert_unharmed();
}

/// The bytes behind the head of the handshake belong to the WebSocket, however much of a frame they are.
#[test]
fn a_handshake_with_a_conversation_behind_it_cut_at_every_byte() {
    let mut server = Server::start(&[("LANES", "1")]);
    let bytes = conversation();
    let mut clients: Vec<Client> = (0..=bytes.len()).map(|_| Client::connect(&server)).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&[handshake("/ws/echo").as_bytes(), &bytes[..at]].concat());
    }
    for client in &mut clients {
        client.assert_switched();
    }
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&bytes[at..]);
        assert_answers(client, at);
    }
    drop(clients);
    server.assert_unharmed();
}
