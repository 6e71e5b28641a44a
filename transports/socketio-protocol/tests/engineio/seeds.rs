//! The seeds of the fuzz targets `engineio_v4`, `engineio_v3` and `engineio_session`: what they are, and that each passes.
//!
//! `UPDATE_SEEDS=1 cargo test -p roomcast-socketio-protocol seeds` writes those listed here anew. An input with which the
//! fuzzer found a bug is put beside them under a name of its own; it is replayed too.

use std::{collections::BTreeMap, env, fs, path::Path};

use roomcast_socketio_protocol::engineio::Revision;

use crate::{payload::check, session::world};

type Seeds = Vec<(&'static str, Vec<u8>)>;

#[test]
fn seeds_are_in_git_and_pass() {
    replay("engineio_v4", &v4(), |input| check::check(Revision::V4, input));
    replay("engineio_v3", &v3(), |input| check::check(Revision::V3, input));
    replay("engineio_session", &session(), world::play);
}

fn replay(target: &str, listed: &Seeds, check: fn(&[u8])) {
    assert!(listed.len() >= 12, "{target}: {} seeds", listed.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    if env::var_os("UPDATE_SEEDS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        listed.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
    }
    let in_git: BTreeMap<String, Vec<u8>> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    for (name, bytes) in listed {
        assert_eq!(in_git.get(*name), Some(bytes), "{target}/{name}: run with UPDATE_SEEDS=1");
    }
    in_git.values().for_each(|bytes| check(bytes));
}

fn v4() -> Seeds {
    let texts = [
        ("message", "4hello €💩"),
        ("kinds", "0{}\x1e1\x1e2\x1e3\x1e4\x1e5\x1e6"),
        ("probe", "2probe"),
        ("binary", "bAQIDBA=="),
        ("binary-empty", "b"),
        ("binary-unpadded", "bAQ"),
        ("binary-half-padded", "bAQ="),
        ("binary-of-urls", "b_-8="),
        ("binary-bits-left", "bAR=="),
        ("mixed", "4a\x1ebAQ==\x1e42[\"b\",{\"c\":\"\\n\"}]"),
        ("unknown-kind", "4a\x1eabc\x1e4b"),
        ("empty-packet", "4a\x1e\x1e4b"),
        ("separator-last", "4a\x1e"),
        ("empty", ""),
    ];
    let mut seeds: Seeds = texts.map(|(name, text)| (name, text.into())).into();
    seeds.push(("not-utf8", b"4\xff".into()));
    seeds.push(("too-many", "4\x1e".repeat(40).into()));
    seeds
}

fn v3() -> Seeds {
    let texts = [
        ("message", "7:4hello€1:2"),
        ("units-of-two", "4:4💩a1:2"),
        ("within-a-pair", "2:4💩"),
        ("binary-in-text", "10:b4AQIDBA==2:4a"),
        ("binary-no-message", "5:b2AQ="),
        ("no-packets", "0:"),
        ("empty-packets", "0:1:20:"),
        ("length-too-long", "00000000002:4a"),
        ("length-of-ten-digits", "0000000002:4a"),
        ("length-beyond", "9999999999:4a"),
        ("length-signed", "+2:4a"),
        ("no-colon", "24a"),
        ("form", "d=6%3A4a%5Cn%5C%5Cnb&e=1"),
        ("form-bytes", "d=%ff%zz+"),
        ("escapes", "\\n\\\\n\\\\\\n\n"),
    ];
    let bytes: [(&str, &[u8]); 9] = [
        ("bytes", b"\x00\x04\xff4\xe2\x82\xac\x01\x03\xff\x04\x01\x02"),
        ("bytes-of-base64", b"\x00\x06\xffb4AQ==\x00\x01\xff3"),
        ("bytes-zero", b"\x00\x00\xff"),
        ("bytes-digit-ten", b"\x00\x0a\xff4"),
        ("bytes-length-overflows", b"\x01\x09\x09\x09\x09\x09\x09\x09\0\0\0\0\0\0\0\0\0\0\0\0\x09\x09\x09\xff\xfc"),
        ("bytes-marker", b"\x02\x01\xff4"),
        ("bytes-beyond", b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04"),
        ("bytes-no-end", b"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"),
        ("bytes-not-utf8", b"\x00\x02\xff4\xff"),
    ];
    texts
        .map(|(name, text)| (name, text.into()))
        .into_iter()
        .chain(bytes.map(|(name, bytes)| (name, bytes.into())))
        .collect()
}

/// See [`world::play`]: the first byte chooses revision, transport and framing, each other one makes something happen.
fn session() -> Seeds {
    let scripts: [(&str, &[u8]); 15] = [
        ("polls", &[0, 0x01, 0x11, 0x02, 0x02, 0x01, 0x02]),
        ("polls-revision-3", &[1, 0x01, 0x11, 0x02, 0x02, 0x01, 0x02]),
        ("two-polls", &[0, 0x02, 0x02]),
        ("two-posts", &[0, 0x04, 0x04, 0x26]),
        ("poll-left", &[0, 0x02, 0x03, 0x01, 0x02]),
        ("answer-left", &[1, 0x13, 0x04, 0x35, 0x26, 0x01, 0x02, 0x02]),
        ("heartbeat", &[0, 0xf7, 0x02, 0x04, 0x65, 0x26, 0xf7, 0xf7, 0xf7]),
        ("heartbeat-revision-3", &[3, 0xf7, 0x3b, 0xf7, 0xf7]),
        ("upgrade", &[0, 0x02, 0x08, 0x49, 0x01, 0x02, 0x04, 0x89, 0x05, 0x26, 0x0b, 0x02]),
        ("upgrade-lost", &[0, 0x08, 0x49, 0x01, 0x0a, 0x02]),
        ("upgrade-late", &[0, 0x08, 0x49, 0x01, 0xd7, 0x02]),
        ("upgrade-unasked", &[0, 0x08, 0x89]),
        ("upgrade-pinged", &[0, 0xf7, 0x02, 0x3e, 0xf7, 0xf7]),
        ("closing", &[0, 0x01, 0x11, 0x01, 0x11, 0x01, 0x11, 0x0d, 0x02, 0xf7, 0x02]),
        ("closing-upgraded", &[0, 0x08, 0x49, 0x01, 0x0d, 0x89]),
    ];
    let mut seeds: Seeds = scripts.map(|(name, script)| (name, script.into())).into();
    seeds.push(("flood", [&[0][..], &[0x01; 20]].concat()));
    seeds.push(("unopened", vec![8, 0x02, 0x04, 0x08, 0x0b, 0x0d]));
    seeds
}
