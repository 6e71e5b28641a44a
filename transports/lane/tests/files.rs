//! Running out of files. Alone in its process, since the limit is the process's.

#[path = "../examples/lines.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a program of its own")]
mod lines;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use roomcast::Engine;
use roomcast_lane::Lanes;

const CHILD: &str = "ROOMCAST_TEST_FEW_FILES";
/// Longer than anything here takes on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, in a process that may open few files: this test's own program, started again.
fn serve() {
    rlimit::setrlimit(rlimit::Resource::NOFILE, 40, 40).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let lanes = Lanes::builder().threads(1).start(&Engine::new()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nport {}", listener.local_addr().unwrap().port());
        lines::run(&lanes, listener, lines::chat()).await.unwrap();
    });
}

struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn connections_wait_while_files_are_out_and_are_served_later() {
    if std::env::var_os(CHILD).is_some() {
        return serve();
    }
    let program = std::env::current_exe().unwrap();
    let name = "connections_wait_while_files_are_out_and_are_served_later";
    let child = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Child(child);
    let mut output = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let port = output.find_map(|line| line.unwrap().strip_prefix("port ").map(str::to_owned)).unwrap();
    let port: u16 = port.parse().unwrap();

    // More than it has files for: the last ones stay in the listener's queue.
    let mut clients: Vec<_> = (0..60).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    for client in &mut clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"join \"x\"\nsay \"hi\"\n").unwrap();
    }
    let mut last = clients.pop().unwrap();
    let mut first = BufReader::new(clients.swap_remove(0));
    let mut line = String::new();
    first.read_line(&mut line).unwrap();
    assert_eq!(line, "said \"hi\"\n");
    last.set_nonblocking(true).unwrap();
    assert!(std::io::Read::read(&mut last, &mut [0; 1]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock));
    // Places become free, and the one that waited is served.
    drop((clients, first));
    last.set_nonblocking(false).unwrap();
    let mut last = BufReader::new(last);
    line.clear();
    last.read_line(&mut line).unwrap();
    assert_eq!(line, "said \"hi\"\n");
}
