//! What is large: messages, claims, numbers of fragments.

use crate::assert_bytes_refused;
use roomcast_tests::{Client, Frame, Length, Server, frames};
use std::{io::Write, thread};

/// Sends from a thread of its own, so that neither side waits for the other to read.
#[track_caller]
fn assert_large_echo(client: &mut Client, sent: Vec<u8>, expected: &Frame) {
    let mut writer = client.writer();
    let sending = thread::spawn(move || writer.write_all(&sent));
    let echo = client.frame();
    sending.join().expect("no panic").expect("the server reads");
    assert_eq!((echo.first, echo.payload.len()), (expected.first, expected.payload.len()));
    assert!(echo.payload == expected.payload, "other bytes came back");
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn sixteen_mebibytes_come_back() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let binary = Frame::binary_message(&noise(16 << 20));
    assert_large_echo(&mut client, binary.bytes(), &binary);
    let text = Frame::text_message(&"0123456789abcde\u{e9}".repeat((16 << 20) / 17));
    assert_large_echo(&mut client, text.bytes(), &text);
    drop(client);
    server.assert_unharmed();
}

#[test]
fn sixteen_mebibytes_in_fragments_come_back() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let bytes = noise(16 << 20);
    let mut fragments: Vec<Frame> = bytes.chunks(64 << 10).map(|piece| Frame::new(0x00, piece)).collect();
    fragments[0].first = 0x02;
    fragments.last_mut().expect("there are 256").first = 0x80;
    assert_large_echo(&mut client, frames(&fragments), &Frame::binary_message(&bytes));
    drop(client);
    server.assert_unharmed();
}

#[test]
fn as_many_fragments_as_the_contract_asks_for() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let text: String = (0..131_072).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    let mut sent = Vec::new();
    for (i, byte) in text.bytes().enumerate() {
        let first = if i == 0 { 0x01 } else { 0x00 } | if i + 1 == text.len() { 0x80 } else { 0x00 };
        sent.extend(Frame::new(first, [byte]).bytes());
    }
    assert_large_echo(&mut client, sent, &Frame::text_message(&text));
    drop(client);
    server.assert_unharmed();
}

/// Ten million empty frames have no bytes, and no end: the server must count them.
#[test]
fn fragments_without_end_are_refused() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let mut writer = client.writer();
    let sending = thread::spawn(move || {
        let block = frames(&vec![Frame::new(0x00, ""); 10_000]);
        let start = writer.write_all(&Frame::new(0x01, "").bytes());
        start.and_then(|()| (0..1_000).try_for_each(|_| writer.write_all(&block)))
    });
    // Whoever goes on writing may lose the close to a reset.
    assert!(client.frame_or_end().is_none_or(|frame| frame.close_code() == Some(1009)));
    assert_eq!(client.drain(), b"");
    let _cut_off_or_swallowed = sending.join().expect("no panic");
    server.assert_unharmed();
}

#[test]
fn absurd_claims_are_refused_at_once() {
    let mut server = Server::start(&[]);
    let claims = [1 << 30, 1 << 32, 1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX];
    for path in ["/ws/echo", "/ws"] {
        for claim in claims {
            for first in [0x81, 0x82, 0x01, 0x02] {
                let mut client = Client::open(&server, path);
                if path == "/ws" {
                    assert!(client.frame().text().contains("hello"));
                }
                client.send(&Frame::new(first, "").with_length(Length::Claim(claim)).bytes());
                let close = client.frame();
                assert!(matches!(close.close_code(), Some(1002 | 1009)), "{claim}: {close:?}");
                client.assert_ended();
            }
        }
    }
    let fragment = Frame::new(0x02, "begun").bytes();
    let claim = Frame::new(0x80, "").with_length(Length::Claim((1 << 63) - 1)).bytes();
    assert_bytes_refused(&server, &[fragment, claim].concat(), 1009);
    server.assert_unharmed();
}

/// A hundred connections claim 16 MiB each and send a little: nothing may be allocated from that.
#[test]
fn claims_cost_no_memory() {
    let mut server = Server::start(&[]);
    let before = resident_kib(server.pid());
    let clients: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = Client::open(&server, "/ws/echo");
            client.send(&Frame::binary_message(&[1; 1_000]).with_length(Length::Claim(16 << 20)).bytes());
            client
        })
        .collect();
    Client::open(&server, "/ws/echo").assert_echo("after them");
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 100 * 256, "{grown} KiB for 100 connections");
    drop(clients);
    server.assert_unharmed();
}

/// 0 where the system does not say.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
