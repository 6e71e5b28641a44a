//! The seeds of the fuzz targets `socketio_packets` and `msgpack_packets`: what they are, and that each still passes.
//!
//! `UPDATE_SEEDS=1 cargo test -p roomcast-socketio-protocol --test socketio seeds` writes those listed here anew. An input with
//! which the fuzzer found a bug is put beside them under a name of its own; it is replayed too.

use std::collections::BTreeMap;
use std::{env, fs, path::Path};

use crate::check::{check_msgpack, check_text};
use crate::{msgpack, text};

#[test]
fn seeds_of_texts_are_in_git_and_pass() {
    replay("socketio_packets", &texts(), 80, check_text);
}

#[test]
fn seeds_of_msgpack_are_in_git_and_pass() {
    replay("msgpack_packets", &packets(), 90, check_msgpack);
}

fn replay(target: &str, listed: &BTreeMap<String, Vec<u8>>, at_least: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    assert!(listed.len() >= at_least, "{} seeds", listed.len());
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
        assert_eq!(in_git.get(name), Some(bytes), "{name}: run with UPDATE_SEEDS=1");
    }
    in_git.values().for_each(|bytes| check(bytes));
}

/// What the differential tests try by hand, for clients of both revisions in turn.
fn texts() -> BTreeMap<String, Vec<u8>> {
    let cases = [text::edges(), text::known_differences()].concat();
    let named = |(number, case): (usize, Vec<_>)| {
        let revision = if number % 2 == 0 { b'0' } else { b'1' };
        (format!("case-{number:03}"), text::fuzz_input(revision, &case))
    };
    cases.into_iter().enumerate().map(named).collect()
}

fn packets() -> BTreeMap<String, Vec<u8>> {
    let cases = [msgpack::edges(), msgpack::known_differences()].concat();
    cases.into_iter().enumerate().map(|(number, bytes)| (format!("case-{number:03}"), bytes)).collect()
}
