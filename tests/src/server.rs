//! The real binary, as a child that ends with the test.

use crate::{Client, DEADLINE, Response, Stats, wait_until};
use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

/// A running `roomcast-server` on a free port of the loopback; killed on drop.
///
/// Its log is kept and printed if the test fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    banner: String,
    log: Arc<Mutex<String>>,
    idle: Stats,
}

impl Server {
    /// Starts the server with these environment variables and no others, and waits for its banner.
    ///
    /// `PORT` is 0 and `LOG` is `debug` unless given.
    ///
    /// # Panics
    /// If the binary was not built, or does not come up within [`DEADLINE`].
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::listening(settings);
        server.idle = server.stats();
        server
    }

    /// The same without a look at `/stats`.
    pub(crate) fn listening(settings: &[(&str, &str)]) -> Self {
        let mut child = command(settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = collect(child.stderr.take().expect("it is piped"));
        let banner = first_line(child.stdout.take().expect("it is piped"));
        let address = banner.as_deref().and_then(address_in);
        let (Some(banner), Some(address)) = (banner, address) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("no banner within {DEADLINE:?}; the log:\n{}", log.lock().unwrap_or_else(PoisonError::into_inner));
        };
        Self { child, address, banner, log, idle: Stats::default() }
    }

    /// Runs the server with settings with which it must not start; its exit code and what it wrote.
    ///
    /// # Panics
    /// If it starts.
    #[track_caller]
    #[must_use]
    pub fn refuses(settings: &[(&str, &str)]) -> (i32, String) {
        let mut child = command(settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is there");
        let banner = first_line(child.stdout.take().expect("it is piped"));
        if banner.is_some() {
            let _ = child.kill();
        }
        let output = child.wait_with_output().expect("it is our child");
        assert_eq!(banner, None, "it started with {settings:?}");
        (output.status.code().expect("no signal ended it"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first line it printed.
    #[must_use]
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `GET` of a path, over a connection of its own.
    ///
    /// # Panics
    /// If there is no answer.
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        let mut client = Client::connect(self);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").as_bytes());
        client.response()
    }

    /// What `GET /stats` says now; `tcp` counts the connection that asks.
    ///
    /// # Panics
    /// If the answer is not that of the contract.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let response = self.get("/stats");
        assert_eq!(response.status, 200);
        Stats::parse(response.text())
    }

    /// A number of `GET /stats` that is not of the contract, as `slow_consumers`.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn counter(&self, key: &str) -> u64 {
        Stats::number(self.get("/stats").text(), key)
    }

    /// What `/stats` said before anybody came.
    #[must_use]
    pub fn idle(&self) -> Stats {
        self.idle
    }

    /// Waits until `/stats` says this.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`].
    #[track_caller]
    pub fn wait_for_stats(&self, expected: &Stats) {
        let mut last = Stats::default();
        wait_until(&format!("{expected:?}"), || {
            last = self.stats();
            last == *expected
        });
    }

    /// Still alive, still answering, and all that tests left behind is gone.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_unharmed(&mut self) {
        let status = self.child.try_wait().expect("it is our child");
        assert!(status.is_none(), "the server ended: {status:?}");
        let mut client = Client::open(self, "/ws/echo");
        client.assert_echo("still here");
        drop(client);
        self.wait_for_stats(&self.idle());
        let log = self.log();
        assert!(!log.contains("panicked at"), "the server panicked");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of the server ---\n{}---", self.log());
        }
    }
}

/// The server with these settings and no others.
fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().envs([("PORT", "0"), ("LOG", "debug"), ("RUST_BACKTRACE", "1")]);
    command.envs(settings.iter().copied()).stdin(Stdio::null());
    command
}

/// The server is built into the folder above that of the test.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps/<test>");
    let binary = folder.join(format!("roomcast-server{}", env::consts::EXE_SUFFIX));
    let release = if cfg!(debug_assertions) { "" } else { " --release" };
    assert!(binary.exists(), "there is no server to test: cargo build -p roomcast-server{release}");
    binary
}

/// `roomcast 0.1.0 on http://127.0.0.1:3000, 2 lanes`, or `https`
fn address_in(banner: &str) -> Option<SocketAddr> {
    let (_, rest) = banner.split_once(" on http://").or_else(|| banner.split_once(" on https://"))?;
    let (address, lanes) = rest.split_once(", ")?;
    let (count, word) = lanes.split_once(' ')?;
    count.parse::<usize>().ok().filter(|_| word.starts_with("lane"))?;
    address.parse().ok()
}

fn first_line(stdout: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line); // the others are read so that the pipe never fills
        }
    });
    receiver.recv_timeout(DEADLINE).ok()
}

fn collect(stderr: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&log);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = to.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_the_address() {
        let address = address_in("roomcast 0.1.0 on http://127.0.0.1:4711, 2 lanes");
        assert_eq!(address, Some(([127, 0, 0, 1], 4711).into()));
        assert_eq!(address_in("roomcast 0.1.0 on http://[::1]:80, 1 lane").map(|a| a.port()), Some(80));
        assert_eq!(address_in("roomcast 0.1.0 on https://127.0.0.1:443, 2 lanes").map(|a| a.port()), Some(443));
        assert_eq!(address_in("roomcast 0.1.0 on http://127.0.0.1:4711"), None);
        assert_eq!(address_in("cannot listen on 127.0.0.1:3000: address in use"), None);
    }
}
