//! The parsers of Socket.IO themselves, in a process of Node.js.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

/// Puts the questions to `tests/node/socketio.mjs` and gives its answers, in their order.
///
/// Node.js 20.11 and the packages in `tests/node` have to be there: `tests/run` sees to it, by hand it is `npm ci`.
pub(crate) fn ask(questions: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    let installed = folder.join("node_modules/socket.io-parser").exists();
    assert!(installed, "the parsers to compare with are missing: run `npm ci` in {}", folder.display());
    let mut node = Running::start(&folder);
    let mut input = node.0.stdin.take().expect("stdin is piped");
    let output = BufReader::new(node.0.stdout.take().expect("stdout is piped"));
    let answers: Vec<Value> = thread::scope(|scope| {
        scope.spawn(move || {
            for question in questions {
                // If it ended, what it has not answered shows that.
                let _ = writeln!(input, "{question}");
            }
        });
        output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    });
    assert!(node.0.wait().unwrap().success(), "Node.js failed, see its output above");
    assert_eq!(answers.len(), questions.len(), "one answer a question");
    answers
}

/// A process that ends with the test, however that ends.
struct Running(Child);

impl Running {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("node");
        command.arg("socketio.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().expect("Node.js 20.11 or newer is needed: `node` does not start"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
