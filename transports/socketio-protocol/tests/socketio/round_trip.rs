//! Ours against ours: what is written is read as the same, on every wire; and what mutations make of it is judged as a plain
//! reading judges it.

use proptest::prelude::*;
use roomcast_socketio_protocol::socketio::Revision;

use crate::check::{check_packet, check_text};
use crate::generate;
use crate::mutate::{mutate, mutations};
use crate::text::fuzz_input;

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
        check_text(&fuzz_input(revision, &mutate(generate::messages(&packet), &done)));
    }
}
