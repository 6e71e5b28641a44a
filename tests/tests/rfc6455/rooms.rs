//! The same rules on `/ws`, where frames carry the room protocol and messages have a limit.

use roomcast_tests::{Client, Frame, Length, Server, frames};

const GET_ID: &str = r#"{"id":1,"op":"getId"}"#;

fn answer(id: &str) -> String {
    format!(r#"{{"reply":1,"ok":true,"socket":"{id}"}}"#)
}

#[test]
fn requests_in_fragments_with_pings_between() {
    let mut server = Server::start(&[]);
    let (mut client, id) = Client::open_rooms(&server);
    let (head, tail) = GET_ID.split_at(9);
    client.send(&frames(&[Frame::new(0x01, head), Frame::ping(b"?")]));
    assert_eq!(client.frame(), Frame::new(0x8a, "?").unmasked());
    client.send(&Frame::new(0x80, tail).bytes());
    assert_eq!(client.frame().text(), answer(&id));
    client.send(&Frame::text_message(GET_ID).masked([0; 4]).bytes());
    assert_eq!(client.frame().text(), answer(&id));
    drop(client);
    server.assert_unharmed();
}

#[test]
fn a_request_cut_at_every_byte() {
    let mut server = Server::start(&[("LANES", "1")]);
    let bytes = Frame::text_message(GET_ID).bytes();
    let (mut client, id) = Client::open_rooms(&server);
    let mut probe = Client::open(&server, "/ws/echo");
    for at in 0..=bytes.len() {
        client.send(&bytes[..at]);
        probe.assert_echo("seen");
        client.send(&bytes[at..]);
        assert_eq!(client.frame().text(), answer(&id), "cut at {at}");
    }
    drop((client, probe));
    server.assert_unharmed();
}

#[test]
fn binary_is_closed_with_1003() {
    let mut server = Server::start(&[]);
    for sent in [
        vec![Frame::binary_message(b"")],
        vec![Frame::binary_message(GET_ID.as_bytes())],
        vec![Frame::new(0x02, "in "), Frame::new(0x80, "fragments")],
    ] {
        let (mut client, _) = Client::open_rooms(&server);
        client.send(&frames(&sent));
        client.assert_closed(1003);
    }
    server.assert_unharmed();
}

#[test]
fn protocol_errors_close_as_on_the_echo() {
    let mut server = Server::start(&[]);
    let cases = [
        (vec![Frame::text_message(GET_ID).unmasked()], 1002),
        (vec![Frame::new(0xc1, GET_ID)], 1002),
        (vec![Frame::new(0x83, GET_ID)], 1002),
        (vec![Frame::new(0x80, GET_ID)], 1002),
        (vec![Frame::new(0x01, GET_ID), Frame::text_message(GET_ID)], 1002),
        (vec![Frame::new(0x09, "")], 1002),
        (vec![Frame::new(0x81, b"{\"id\":\"\xff\"}")], 1007),
        (vec![Frame::new(0x01, b"{\"id\":\"\xe2"), Frame::new(0x80, "\"}")], 1007),
    ];
    for (sent, code) in cases {
        let (mut client, _) = Client::open_rooms(&server);
        client.send(&frames(&sent));
        client.assert_closed(code);
    }
    server.assert_unharmed();
}

/// A request of exactly this many bytes, padded with white space.
fn request(len: usize) -> String {
    format!("{GET_ID:<len$}")
}

#[test]
fn a_message_of_max_payload_is_taken_and_one_byte_more_is_not() {
    let mut server = Server::start(&[("MAX_PAYLOAD", "1000")]);
    let (mut client, id) = Client::open_rooms(&server);
    client.send_text(&request(1_000));
    assert_eq!(client.frame().text(), answer(&id));
    let longest = request(1_000);
    client.send(&frames(&[Frame::new(0x01, &longest[..600]), Frame::new(0x80, &longest[600..])]));
    assert_eq!(client.frame().text(), answer(&id));

    let whole = Frame::text_message(&request(1_001)).bytes();
    let only_its_head = Frame::new(0x81, "").with_length(Length::Claim(1_001)).bytes();
    let in_fragments = frames(&[Frame::new(0x01, request(600)), Frame::new(0x00, [b' '; 401])]);
    for bytes in [whole, only_its_head, in_fragments] {
        let (mut client, _) = Client::open_rooms(&server);
        client.send(&bytes);
        client.assert_closed(1009);
    }
    drop(client);
    server.assert_unharmed();
}

/// One client breaks the protocol in the middle of a broadcast to it; the others get everything.
#[test]
fn a_member_that_breaks_the_protocol_costs_only_itself() {
    let mut server = Server::start(&[]);
    let (mut talker, _) = Client::open_rooms(&server);
    let (mut listener, _) = Client::open_rooms(&server);
    let mut bad: Vec<Client> = (0..8).map(|_| Client::open_rooms(&server).0).collect();
    for client in bad.iter_mut().chain([&mut listener]) {
        client.send_text(r#"{"id":0,"op":"join","room":"r"}"#);
        assert_eq!(client.frame().text(), r#"{"reply":0,"ok":true}"#);
    }
    for i in 0..200 {
        talker.send_text(&format!(r#"{{"id":{i},"op":"broadcast","room":"r","event":"e","data":{i}}}"#));
        if let Some(client) = bad.get_mut(i / 20) {
            client.try_send(&Frame::new(0xf3, "now").bytes());
        }
    }
    for i in 0..200 {
        assert_eq!(talker.frame().text(), format!(r#"{{"reply":{i},"ok":true}}"#));
        assert_eq!(listener.frame().text(), format!(r#"{{"event":"e","data":{i}}}"#));
    }
    drop((talker, listener, bad));
    server.assert_unharmed();
}
