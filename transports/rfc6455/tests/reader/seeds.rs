//! The seeds of the fuzz target `websocket_frames`: what they are, and that each still passes.
//!
//! `UPDATE_SEEDS=1 cargo test -p roomcast-rfc6455 seeds` writes those listed here anew. An input with which the fuzzer
//! found a bug is put beside them under a name of its own; it is replayed too.

use crate::{
    compare,
    generate::{Form, Frame, stream_of},
};
use std::{collections::BTreeMap, env, fs, path::Path};

/// The limits (see [`compare::check_input`]): 1,000 bytes, 64 fragments.
const USUAL: u8 = 0b1111_1110;
/// 16 bytes, 2 fragments.
const TIGHT: u8 = 0b0000_0100;
/// 70,000 bytes, 64 fragments.
const WIDE: u8 = 0b1111_1111;

#[test]
fn seeds_are_in_git_and_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/websocket_frames");
    let listed = seeds();
    assert!(listed.len() >= 40, "{} seeds", listed.len());
    if env::var_os("UPDATE_SEEDS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        listed.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
    }
    let in_git: BTreeMap<String, Vec<u8>> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    for (name, bytes) in &listed {
        assert_eq!(in_git.get(name), Some(bytes), "{name}: run with UPDATE_SEEDS=1");
    }
    in_git.values().for_each(|bytes| compare::check_input(bytes));
}

fn seeds() -> BTreeMap<String, Vec<u8>> {
    let mut seeds = BTreeMap::new();
    let groups = [valid(), text(), headers(), fragments(), closes(), sizes()];
    for (i, (name, limits, frames)) in groups.into_iter().flatten().enumerate() {
        let cuts = (i as u8).wrapping_mul(37);
        seeds.insert(name, [&[limits, cuts][..], &stream_of(&frames)].concat());
    }
    let all: Vec<Frame> = valid().into_iter().flat_map(|seed| seed.2).filter(|frame| frame.first != 0x88).collect();
    seeds.insert("conversation".into(), [&[WIDE, 255][..], &stream_of(&all)].concat());
    seeds
}

type Seed = (String, u8, Vec<Frame>);

fn seed(name: &str, limits: u8, frames: impl Into<Vec<Frame>>) -> Seed {
    (name.to_owned(), limits, frames.into())
}

fn unmasked(first: u8, payload: &[u8]) -> Frame {
    Frame { mask: None, ..Frame::new(first, payload) }
}

fn claim(first: u8, length: u64) -> Frame {
    Frame { form: Form::Claim(length), ..Frame::new(first, *b"") }
}

fn valid() -> Vec<Seed> {
    vec![
        seed("text", USUAL, [Frame::new(0x81, "Hello")]),
        seed("text-empty", USUAL, [Frame::new(0x81, "")]),
        seed("binary", USUAL, [Frame::new(0x82, [0, 1, 254, 255])]),
        seed("ping", USUAL, [Frame::new(0x89, "are you there")]),
        seed("ping-longest", USUAL, [Frame::new(0x89, [0x55; 125])]),
        seed("pong", USUAL, [Frame::new(0x8a, "")]),
        seed("mask-of-zeros", USUAL, [Frame { mask: Some([0; 4]), ..Frame::new(0x81, "plain") }]),
        seed("length-16-bits", USUAL, [Frame::new(0x82, [0x61; 126])]),
        seed("two-messages", USUAL, [Frame::new(0x81, "one"), Frame::new(0x82, "two")]),
        seed("fragments-text", USUAL, [Frame::new(0x01, "Hel"), Frame::new(0x00, "l"), Frame::new(0x80, "o")]),
        seed("fragments-ping", USUAL, [Frame::new(0x02, "a"), Frame::new(0x89, "p"), Frame::new(0x80, "b")]),
        seed("fragments-empty", USUAL, [Frame::new(0x01, ""), Frame::new(0x00, ""), Frame::new(0x80, "")]),
    ]
}

fn text() -> Vec<Seed> {
    let cut = [Frame::new(0x01, *b"\xf0\x9f"), Frame::new(0x00, *b"\x8e"), Frame::new(0x80, *b"\xb2")];
    vec![
        seed("utf8-lengths", USUAL, [Frame::new(0x81, "a\u{7ff}\u{ffff}\u{10ffff}")]),
        seed("utf8-across-fragments", USUAL, cut),
        seed("utf8-bad-byte", USUAL, [Frame::new(0x81, *b"ok\xff")]),
        seed("utf8-cut", USUAL, [Frame::new(0x81, *b"\xe2\x82")]),
        seed("utf8-surrogate", USUAL, [Frame::new(0x81, *b"\xed\xa0\x80")]),
        seed("utf8-overlong", USUAL, [Frame::new(0x81, *b"\xc0\xaf")]),
        seed("utf8-above", USUAL, [Frame::new(0x01, *b"\xf4"), Frame::new(0x80, *b"\x90\x80\x80")]),
        seed("utf8-cut-by-end", USUAL, [Frame::new(0x01, *b"\xe2\x82"), Frame::new(0x80, "")]),
        seed("utf8-cut-by-close", USUAL, [Frame::new(0x01, *b"\xe2\x82"), Frame::new(0x88, "")]),
    ]
}

fn headers() -> Vec<Seed> {
    vec![
        seed("rsv1", USUAL, [Frame::new(0xc1, "x")]),
        seed("rsv3", USUAL, [Frame::new(0x91, "x")]),
        seed("opcode-3", USUAL, [Frame::new(0x83, "x")]),
        seed("opcode-15", USUAL, [Frame::new(0x8f, "x")]),
        seed("unmasked", USUAL, [Frame::new(0x81, "before"), unmasked(0x81, b"x")]),
        seed("ping-fragmented", USUAL, [Frame::new(0x09, "x")]),
        seed("length-16-bits-of-5", USUAL, [Frame { form: Form::Two, ..Frame::new(0x81, "Hello") }]),
        seed("length-64-bits-of-5", USUAL, [Frame { form: Form::Eight, ..Frame::new(0x81, "Hello") }]),
        seed("ping-too-long", USUAL, [Frame::new(0x89, [0; 126])]),
    ]
}

fn fragments() -> Vec<Seed> {
    let many = |count| {
        let mut frames = vec![Frame::new(0x02, "0")];
        frames.extend((1..count - 1).map(|_| Frame::new(0x00, "1")));
        frames.push(Frame::new(0x80, "2"));
        frames
    };
    vec![
        seed("continuation-first", USUAL, [Frame::new(0x80, "x")]),
        seed("message-within-message", USUAL, [Frame::new(0x01, "a"), Frame::new(0x81, "b")]),
        seed("fragments-all-allowed", USUAL, many(64)),
        seed("fragments-too-many", USUAL, many(65)),
        seed("fragments-too-many-tight", TIGHT, many(3)),
    ]
}

fn closes() -> Vec<Seed> {
    let close = |name: &str, payload: &[u8]| seed(name, USUAL, [Frame::new(0x88, payload), Frame::new(0x81, "late")]);
    vec![
        close("close-empty", b""),
        close("close-normal", b"\x03\xe8"),
        close("close-reason", b"\x03\xe9going \xe2\x82\xac"),
        close("close-application", b"\x0f\xa0"),
        close("close-code-1014", b"\x03\xf6"),
        close("close-half-a-code", b"\x03"),
        close("close-code-0", b"\x00\x00"),
        close("close-code-1005", b"\x03\xed"),
        close("close-code-1015", b"\x03\xf7"),
        close("close-code-5000", b"\x13\x88"),
        close("close-reason-not-utf8", b"\x03\xe8\xff"),
    ]
}

fn sizes() -> Vec<Seed> {
    vec![
        seed("size-at-limit", TIGHT, [Frame::new(0x82, [1; 16])]),
        seed("size-above-limit", TIGHT, [Frame::new(0x82, [1; 17])]),
        seed("size-above-by-fragments", TIGHT, [Frame::new(0x02, [1; 9]), Frame::new(0x80, [1; 8])]),
        seed("size-claim-63-bits", USUAL, [claim(0x82, u64::MAX >> 1)]),
        seed("size-claim-64-bits", USUAL, [claim(0x82, u64::MAX)]),
        seed("size-claim-not-kept", WIDE, [claim(0x82, 65_536)]),
        seed("size-claim-unmasked", TIGHT, [Frame { form: Form::Claim(99), ..unmasked(0x81, b"") }]),
    ]
}
