//! What fails a connection with 1002 (sections 5.1 to 5.5).

use crate::{assert_bytes_refused, assert_refused};
use roomcast_tests::{Client, Frame, Length, Server, frames};

#[test]
fn reserved_bits() {
    let mut server = Server::start(&[]);
    for bits in 1..8u8 {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            assert_refused(&server, &[Frame::new(0x80 | bits << 4 | opcode, "")], 1002);
        }
        assert_refused(&server, &[Frame::new(0x01, "a"), Frame::new(0x80 | bits << 4, "b")], 1002);
    }
    server.assert_unharmed();
}

#[test]
fn reserved_opcodes() {
    let mut server = Server::start(&[]);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_refused(&server, &[Frame::new(0x80 | opcode, "")], 1002);
        assert_refused(&server, &[Frame::new(0x80 | opcode, "with a payload")], 1002);
        assert_refused(&server, &[Frame::new(opcode, "not final")], 1002);
        assert_refused(&server, &[Frame::new(0x01, "within"), Frame::new(0x80 | opcode, "a message")], 1002);
    }
    server.assert_unharmed();
}

#[test]
fn frames_without_a_mask() {
    let mut server = Server::start(&[]);
    for frame in [Frame::text_message("x"), Frame::binary_message(&[0; 300]), Frame::ping(b""), Frame::close(1000, "")]
    {
        assert_refused(&server, &[frame.unmasked()], 1002);
    }
    assert_bytes_refused(&server, b"\x81\x00", 1002);
    server.assert_unharmed();
}

#[test]
fn control_frames_in_fragments_or_too_long() {
    let mut server = Server::start(&[]);
    for opcode in [0x8, 0x9, 0xa] {
        assert_refused(&server, &[Frame::new(opcode, "")], 1002);
        assert_refused(&server, &[Frame::new(opcode, ""), Frame::new(0x80, "")], 1002);
        assert_refused(&server, &[Frame::new(0x80 | opcode, [b'x'; 126])], 1002);
        assert_refused(&server, &[Frame::new(0x80 | opcode, [b'x'; 70_000])], 1002);
        assert_refused(&server, &[Frame::new(0x80 | opcode, "").with_length(Length::Claim(126))], 1002);
    }
    server.assert_unharmed();
}

/// The minimal number of bytes must be used to encode a length (section 5.2).
#[test]
fn lengths_in_a_longer_form_than_needed() {
    let mut server = Server::start(&[]);
    for (length, lens) in [(Length::Two, &[0, 1, 125][..]), (Length::Eight, &[0, 1, 125, 126, 60_000])] {
        for &len in lens {
            assert_refused(&server, &[Frame::binary_message(&vec![7; len]).with_length(length)], 1002);
        }
        assert_refused(&server, &[Frame::ping(b"long form").with_length(length)], 1002);
        assert_refused(&server, &[Frame::new(0x01, "a"), Frame::new(0x80, "b").with_length(length)], 1002);
    }
    server.assert_unharmed();
}

#[test]
fn continuations_out_of_place() {
    let mut server = Server::start(&[]);
    assert_refused(&server, &[Frame::new(0x80, "nothing to continue")], 1002);
    assert_refused(&server, &[Frame::new(0x00, "nothing to continue")], 1002);
    for first in [0x01, 0x02, 0x81, 0x82] {
        assert_refused(&server, &[Frame::new(0x01, "begun"), Frame::new(first, "another")], 1002);
        assert_refused(&server, &[Frame::new(0x02, "begun"), Frame::new(0x00, ""), Frame::new(first, "another")], 1002);
    }
    server.assert_unharmed();
}

#[test]
fn what_came_before_the_mistake_is_answered_and_what_comes_after_is_not() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    let (good, bad) = (Frame::text_message("good"), Frame::new(0xc1, "bad"));
    client.send(&frames(&[good.clone(), Frame::ping(b"?"), good.clone(), bad, good]));
    let mut got = [client.frame(), client.frame(), client.frame()];
    got.sort_by_key(|frame| frame.first); // a pong may overtake data
    assert_eq!(got.each_ref().map(|frame| frame.first), [0x81, 0x81, 0x8a]);
    assert_eq!(got[0].text(), "good");
    client.assert_closed(1002);
    server.assert_unharmed();
}

#[test]
fn an_error_is_answered_before_the_payload_is_there() {
    let mut server = Server::start(&[]);
    let only_head = |frame: Frame| frame.with_length(Length::Claim(100_000)).bytes();
    assert_bytes_refused(&server, &only_head(Frame::new(0xc1, "")), 1002);
    assert_bytes_refused(&server, &only_head(Frame::new(0x80, "")), 1002);
    assert_bytes_refused(&server, &only_head(Frame::new(0x89, "")), 1002);
    assert_bytes_refused(&server, &only_head(Frame::new(0x82, "").unmasked()), 1002);
    server.assert_unharmed();
}

/// A client that ignores the close and goes on sending is cut off; it must not hold its connection.
#[test]
fn a_client_that_goes_on_after_its_mistake_is_cut_off() {
    let mut server = Server::start(&[]);
    let mut client = Client::open(&server, "/ws/echo");
    client.send(&Frame::new(0xc1, "bad").bytes());
    assert_eq!(client.frame().close_code(), Some(1002));
    let more = frames(&vec![Frame::text_message("still talking"); 10_000]);
    client.try_send(&more);
    assert_eq!(client.drain(), b"");
    server.wait_for_stats(&server.idle());
    server.assert_unharmed();
}
