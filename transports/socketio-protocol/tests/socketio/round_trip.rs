//! Ours against ours: what is written is read as the same, on every wire; and what mutations make of it is judged as a plain
//! reading judges it.

use proptest::prelude::*;
use roomcast_socketio_protocol::socketio::Revision;

use crate::check::{check_packet, check_text};
use crate::generate::{self, Message};
use crate::mutate::{mutate, mutations};

/// Messages as the fuzz target takes them.
fn input(revision: u8, messages: &[Message]) -> Vec<u8> {
    let mut input = vec![revision];
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            input.push(0xff);
        }
        match message {
            Message::Text(text) => input.extend(text.bytes()),
            Message::Binary(bytes) => {
                input.push(0xfe);
                input.extend(bytes.iter().filter(|&&byte| byte < 0xfe));
            }
        }
    }
    input
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn packets_come_back(packet in generate::packet(Revision::V5)) {
        check_packet(&packet);
    }

    #[test]
    fn packets_of_old_servers_come_back(packet in generate::packet(Revision::V4)) {
        check_packet(&packet);
    }

    #[test]
    fn mutated_packets_are_judged_as_by_a_plain_reading(
        packet in generate::packet(Revision::V5),
        done in mutations(),
        revision in 0_u8..2,
    ) {
        check_text(&input(revision, &mutate(generate::messages(&packet), &done)));
    }
}
