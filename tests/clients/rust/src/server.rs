//! The binary under test, as a child that ends with the test.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::DEADLINE;

/// A running `roomcast-server` on a free port; killed on drop.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts the server with these settings and no others.
    ///
    /// # Panics
    /// If there is none, or it prints no banner.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary());
        command.env_clear().envs([("PORT", "0"), ("LOG", "warn")]).envs(settings.iter().copied());
        // What else it prints is not read, and fits into the pipe.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut banner = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut banner).expect("it is text");
        let address = banner.split_once(" on http://").and_then(|(_, rest)| rest.split_once(", "));
        let address = address.unwrap_or_else(|| panic!("no banner but {banner:?}")).0.to_owned();
        Self { child, address }
    }

    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many Engine.IO sessions and how many sockets of `/` there are.
    #[must_use]
    pub fn sessions_and_sockets(&self) -> (u64, u64) {
        let stats: Value = serde_json::from_str(&self.get("/stats")).expect("/stats is JSON");
        (stats["engine"].as_u64().expect("a number"), stats["sockets"].as_u64().expect("a number"))
    }

    /// Waits until these are their numbers.
    ///
    /// # Panics
    /// If they are not within [`DEADLINE`].
    #[track_caller]
    pub fn wait_for(&self, sessions: u64, sockets: u64) {
        let started = Instant::now();
        while self.sessions_and_sockets() != (sessions, sockets) {
            assert!(
                started.elapsed() < DEADLINE,
                "{:?} are not {:?}",
                self.sessions_and_sockets(),
                (sessions, sockets)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("it is no zero");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.split_once("\r\n\r\n").expect("there is a body").1.to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ROOMCAST_SERVER`, else the release build, else the debug build.
fn binary() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let named = env::var_os("ROOMCAST_SERVER").map(PathBuf::from);
    let built = ["release", "debug"].map(|profile| root.join("target").join(profile).join("roomcast-server"));
    let found = named.into_iter().chain(built).find(|path| path.exists());
    found.expect("there is no server to test: cargo build --release -p roomcast-server")
}
