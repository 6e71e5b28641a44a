//! TCP may cut a stream anywhere: the same must come out.

use crate::{
    compare,
    generate::{Frame, conversation, stream, stream_of},
    outcome::{End, Event},
    session::{self, Manner},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, RngSeed},
};
use roomcast_rfc6455::Limits;

fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(6455), failure_persistence: None, ..Config::default() }
}

const LIMITS: Limits = Limits { message_bytes_max: 100_000, fragments_max: 5 };

/// One of everything but large frames: each kind of frame, both forms of length that such have, text cut within a character.
fn sample() -> Vec<Frame> {
    let mut frames = vec![
        Frame::new(0x81, "Hello, ⚡"),
        Frame::new(0x01, *b"\xf0\x9f"),
        Frame::new(0x89, "ping"),
        Frame::new(0x00, *b"\x8e"),
        Frame::new(0x80, *b"\xb2!"),
        Frame::new(0x82, vec![0x5a; 130]),
        Frame::new(0x82, vec![1, 2, 3]),
        Frame::new(0x8a, vec![7; 125]),
        Frame::new(0x82, vec![]),
    ];
    frames.push(Frame::new(0x88, [&1000u16.to_be_bytes(), "bye".as_bytes()].concat()));
    frames
}

#[test]
fn every_frame_cut_at_every_byte() {
    let stream = stream_of(&sample());
    let whole = session::run(&stream, &LIMITS, &[], Manner::Patient);
    assert_eq!((whole.events.len(), whole.end), (7, End::Closed(Some(1000))));
    for cut in 0..=stream.len() {
        compare::agrees_with_itself(&stream, &LIMITS, &[cut]);
    }
    compare::agrees_with_itself(&stream, &LIMITS, &(0..stream.len()).collect::<Vec<_>>());
}

#[test]
fn every_frame_cut_at_every_two_bytes() {
    let stream = stream_of(&sample()[..5]);
    for first in 0..stream.len() {
        for second in first..stream.len() {
            compare::agrees_with_itself(&stream, &LIMITS, &[first, second]);
        }
    }
}

#[test]
fn a_large_frame_in_segments_of_tcp() {
    let stream = stream_of(&[Frame::new(0x82, vec![0x5a; 90_000]), Frame::new(0x81, "after")]);
    let outcome = session::run(&stream, &LIMITS, &(0..stream.len()).step_by(1448).collect::<Vec<_>>(), Manner::Patient);
    assert_eq!(outcome.events, [Event::Binary(vec![0x5a; 90_000]), Event::Text("after".into())]);
    for cut in 0..=14 {
        compare::agrees_with_itself(&stream, &LIMITS, &[cut]);
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn any_stream_cut_anywhere(stream in stream(64), cuts in vec(any::<Index>(), 0..12), limit in 40..80usize) {
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        let limits = Limits { message_bytes_max: limit, fragments_max: 4 };
        compare::agrees_with_itself(&stream, &limits, &cuts);
    }

    /// However a message is cut into frames, and with whatever between, it arrives whole and in its place.
    #[test]
    fn fragments_make_no_difference(frames in conversation(200)) {
        let outcome = session::run(&stream_of(&frames), &LIMITS_OF_MANY, &[], Manner::Patient);
        prop_assert_eq!(outcome.events, expected(&frames));
    }
}

const LIMITS_OF_MANY: Limits = Limits { message_bytes_max: 100_000, fragments_max: 1_000 };

/// A naive reading of frames that are known to be valid.
fn expected(frames: &[Frame]) -> Vec<Event> {
    let (mut events, mut kind, mut data) = (Vec::new(), 0, Vec::new());
    for frame in frames {
        match frame.first & 0x0f {
            9 => events.push(Event::Ping(frame.payload.clone())),
            10 => events.push(Event::Pong(frame.payload.clone())),
            opcode => {
                kind = if opcode == 0 { kind } else { opcode };
                data.extend_from_slice(&frame.payload);
                if frame.first & 0x80 != 0 {
                    let whole = std::mem::take(&mut data);
                    events.push(match kind {
                        1 => Event::Text(String::from_utf8(whole).unwrap()),
                        _ => Event::Binary(whole),
                    });
                }
            }
        }
    }
    events
}
