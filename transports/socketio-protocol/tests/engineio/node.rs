//! Node.js with the protocol's own parsers: many questions, asked at once.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

/// The answers of `tests/node/engineio.mjs`, one for each question.
pub(crate) fn ask(questions: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules").is_dir(),
        "the parsers are not there: `tests/run test` installs them, or `npm ci` in {}",
        folder.display()
    );
    let mut node = Command::new("node")
        .arg(folder.join("engineio.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is needed to compare with the protocol's own parsers");
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let mut input = node.stdin.take().expect("it is piped");
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = node.wait_with_output().expect("node ends");
    writer.join().expect("the writer does not panic").expect("node reads all questions");
    assert!(output.status.success(), "node failed: {}", output.status);
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .expect("JSON is UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    assert_eq!(answers.len(), questions.len());
    answers
}
