//! The closing handshake (sections 5.5.1, 7).

use crate::assert_refused;
use roomcast_tests::{Client, Frame, Server, frames, wait_until};

const VALID: [u16; 16] =
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const INVALID: [u16; 16] = [0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_534, 65_535];

#[test]
fn a_valid_code_is_echoed_and_the_server_ends_tcp() {
    let mut server = Server::start(&[]);
    for path in ["/ws/echo", "/ws"] {
        for code in VALID {
            for reason in ["", "bye ⚡", &"x".repeat(123)] {
                let mut client = Client::open(&server, path);
                if path == "/ws" {
                    assert!(client.frame().text().contains("hello"));
                }
                client.send(&Frame::close(code, reason).bytes());
                client.assert_closed(code);
            }
        }
    }
    server.assert_unharmed();
}

#[test]
fn a_close_without_a_code_is_answered_and_ends_tcp() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&Frame::new(0x88, "").bytes());
    let answer = client.frame();
    assert!(matches!(answer.close_code(), None | Some(1000)), "{answer:?}");
    client.assert_ended();
    server.assert_unharmed();
}

#[test]
fn an_invalid_code_is_a_protocol_error() {
    let mut server = Server::start(&[]);
    for path in ["/ws/echo", "/ws"] {
        for code in INVALID {
            let mut client = Client::open(&server, path);
            if path == "/ws" {
                assert!(client.frame().text().contains("hello"));
            }
            client.send(&Frame::close(code, "why").bytes());
            client.assert_closed(1002);
        }
    }
    assert_refused(&server, &[Frame::new(0x88, "\u{3}")], 1002);
    server.assert_unharmed();
}

#[test]
fn a_reason_must_be_utf8() {
    let mut server = Server::start(&[]);
    for reason in [&b"\xff"[..], b"bye \xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"] {
        let payload = [&1000u16.to_be_bytes(), reason].concat();
        assert_refused(&server, &[Frame::new(0x88, payload)], 1007);
    }
    server.assert_unharmed();
}

#[test]
fn nothing_is_read_after_a_close() {
    let mut server = Server::start(&[]);
    let late =
        [Frame::text_message("late"), Frame::ping(b"late"), Frame::new(0xff, "late"), Frame::close(4000, "again")];
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&[Frame::close(1000, "").bytes(), frames(&late)].concat());
    client.assert_closed(1000);
    server.assert_unharmed();
}

#[test]
fn messages_before_a_close_are_answered_first() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let sent = [Frame::text_message("one"), Frame::text_message("two"), Frame::close(4321, "")];
    client.send(&frames(&sent));
    assert_eq!(client.frame().text(), "one");
    assert_eq!(client.frame().text(), "two");
    client.assert_closed(4321);
    server.assert_unharmed();
}

#[test]
fn a_close_within_a_message_ends_it() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&frames(&[Frame::new(0x01, "half a mess"), Frame::close(1001, "")]));
    client.assert_closed(1001);
    server.assert_unharmed();
}

/// After the closing handshake the server waits for nobody: it forgets a client that keeps its side of TCP open.
#[test]
fn clients_that_never_end_tcp_are_forgotten() {
    let mut server = Server::start(&[]);
    let lasts = [Frame::close(1000, ""), Frame::new(0xc1, "bad"), Frame::new(0x81, [0xff]), Frame::binary_message(b"")];
    let mut clients: Vec<Client> = lasts.iter().map(|_| Client::open_rooms(&server).0).collect();
    for (client, last) in clients.iter_mut().zip(&lasts) {
        client.send(&last.bytes());
        assert_eq!(client.frame().opcode(), 8);
        client.assert_ended();
    }
    server.wait_for_stats(&server.idle());
    drop(clients);
    server.assert_unharmed();
}

#[test]
fn a_half_close_ends_the_connection_after_its_answers() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&frames(&[Frame::text_message("one"), Frame::text_message("two")]));
    client.half_close();
    assert_eq!(client.frame().text(), "one");
    assert_eq!(client.frame().text(), "two");
    while let Some(frame) = client.frame_or_end() {
        assert_eq!(frame.opcode(), 8, "only a close may follow: {frame:?}");
    }
    server.wait_for_stats(&server.idle()); // our side is still open
    server.assert_unharmed();
}

#[test]
fn a_half_close_within_a_frame_ends_the_connection() {
    let mut server = Server::start(&[]);
    let mut halves = Vec::new();
    for bytes in [&b""[..], b"\x81", b"\x81\x85\x00\x00", b"\x81\x85\x00\x00\x00\x00He"] {
        for path in ["/ws/echo", "/ws"] {
            let mut client = Client::open(&server, path);
            client.send(bytes);
            client.half_close();
            halves.push(client);
        }
    }
    for client in &mut halves {
        client.drain();
    }
    server.wait_for_stats(&server.idle());
    server.assert_unharmed();
}

/// Clients that vanish in the middle of anything: a frame, a message, a closing handshake.
#[test]
fn connections_that_are_dropped_leave_nothing() {
    let mut server = Server::start(&[]);
    let mut clients = Vec::new();
    for i in 0..60 {
        let (path, bytes) = match i % 6 {
            0 => ("/ws/echo", vec![]),
            1 => ("/ws/echo", frames(&[Frame::new(0x01, "begun")])),
            2 => ("/ws/echo", Frame::binary_message(&[1; 5_000]).bytes()[..2_000].to_vec()),
            3 => ("/ws", Frame::text_message(r#"{"id":1,"op":"join","room":"left"}"#).bytes()),
            4 => ("/ws", Frame::new(0xff, "").bytes()),
            _ => ("/ws", Frame::close(1000, "").bytes()),
        };
        let mut client = Client::open(&server, path);
        client.send(&bytes);
        clients.push(client);
    }
    wait_until("the joins and the closes", || {
        let stats = server.stats();
        (stats.rooms, stats.memberships, stats.websockets) == (11, 20, 40)
    });
    drop(clients);
    server.assert_unharmed();
}
