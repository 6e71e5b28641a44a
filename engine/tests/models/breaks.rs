//! Proof that the models watch something: each must fail when its line is broken.

use std::process::{Command, Stdio};

/// A model and the lines that it watches.
const BREAKS: &[(&str, &[&str])] = &[
    (
        "births::not_to_the_next_owner",
        &["births: clock first", "births: clock load", "births: clearing before", "births: stamp"],
    ),
    ("births::clock", &["births: fetch_add", "births: clock load"]),
    ("inbox::inbox", &["inbox: parked under the lock", "inbox: drained before the look"]),
    ("order::bulk", &["bulk: second look"]),
    ("order::two_rooms", &["two rooms: fence"]),
    ("order::except", &["except: excludes first", "except: names up front", "except: cell load"]),
    ("order::members", &["members: birth after the word"]),
    ("death::resurrection", &["death: unlink only its own"]),
    ("death::numbers", &["numbers: bury at once"]),
    ("death::array", &["death: array kept"]),
    ("death::names", &["cells: publish"]),
    ("death::creation", &["names: name first"]),
    ("disconnect::batches", &["disconnect: birth again"]),
    ("resume::resume", &["journal: connect under the lock"]),
    ("table::freeze", &["growth: freeze"]),
    ("table::inline", &["inline: never back"]),
    ("table::growth", &["direct: bound"]),
];

#[test]
fn every_break_is_caught() {
    let mut passed = Vec::new();
    for (model, lines) in BREAKS {
        for line in *lines {
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &format!("models::{model}")])
                .env("ROOMCAST_BREAK", line)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            println!("{model} without \"{line}\": {}", if status.success() { "PASSED" } else { "caught" });
            if status.success() {
                passed.push(*line);
            }
        }
    }
    assert!(passed.is_empty(), "no model noticed that these lines were broken: {passed:?}");
}
