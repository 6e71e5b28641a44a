//! The servers, how each is started, and where each process sits.

use std::{
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::workloads::Application;

/// How long a server may take to say where it listens.
const START: Duration = Duration::from_secs(20);

/// A server that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Server {
    /// roomcast, one lane: the server, or a program with `roomcast-socketio` where a workload has events
    Ours,
    /// Rooms on Bun: uWebSockets' topics
    Bun,
    /// Rooms on Node `ws`
    Ws,
    /// No server: the limit of a bare `send`
    Send,
    /// socketioxide on axum
    Socketioxide,
    /// socket.io on Node
    #[value(name = "socket.io")]
    SocketIo,
    /// Sails on Node
    Sails,
}

/// A program and its argument. What has a slash lies below the workspace's folder.
pub(crate) type Program = (&'static str, Option<&'static str>);

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bun => "bun",
            Self::Ws => "ws",
            Self::Send => "send",
            Self::Socketioxide => "socketioxide",
            Self::SocketIo => "socket.io",
            Self::Sails => "sails",
        }
    }

    /// What is started to have `application` from this server; `None` if it has no such application.
    pub(crate) fn program(self, application: Application) -> Option<Program> {
        match (application, self) {
            (Application::Rooms | Application::Requests, Self::Ours) => Some(("target/release/roomcast-server", None)),
            (Application::Rooms, Self::Bun) => {
                Some(("benches/peers/node_modules/.bin/bun", Some("benches/peers/bun.js")))
            }
            (Application::Rooms, Self::Ws) => Some(("node", Some("benches/peers/node-ws.js"))),
            (Application::Events, Self::Ours) => Some(("target/peers/release/roomcast", None)),
            (Application::Events, Self::Socketioxide) => Some(("target/peers/release/socketioxide", None)),
            (Application::Events, Self::SocketIo) => Some(("node", Some("benches/peers/socketio.js"))),
            (Application::Requests, Self::Socketioxide) => Some(("target/peers/release/socketioxide-requests", None)),
            (Application::Requests, Self::Sails) => Some(("node", Some("benches/peers/sails/app.js"))),
            _ => None,
        }
    }
}

/// Which core each process gets, and how it is kept there.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    server_cpu: usize,
    load_cpu: usize,
    pub(crate) realtime: bool,
}

impl Seat {
    /// SCHED_RR is used if it is wanted and permitted.
    pub(crate) fn find(server_cpu: usize, load_cpu: usize, realtime: bool) -> Self {
        let permitted = || Command::new("chrt").args(["-r", "1", "true"]).stderr(Stdio::null()).status();
        let realtime = realtime && permitted().is_ok_and(|status| status.success());
        Self { server_cpu, load_cpu, realtime }
    }

    /// A command on the servers' core.
    fn served(&self, program: &str) -> Command {
        self.command(Some(self.server_cpu), program)
    }

    /// A command on the load generator's core.
    pub(crate) fn beside(&self, program: &str) -> Command {
        self.command(Some(self.load_cpu), program)
    }

    /// A command that places itself.
    pub(crate) fn anywhere(&self, program: &str) -> Command {
        self.command(None, program)
    }

    /// Every prefix here replaces itself by what follows, so the child's id is the program's. `setpriv`
    /// ends it with this process, even if that is killed.
    fn command(&self, cpu: Option<usize>, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(cpu) = cpu {
            command.args(["taskset", "-c", &cpu.to_string()]);
        }
        if self.realtime {
            command.args(["chrt", "-r", "1"]);
        }
        command.arg(program);
        command
    }
}

/// A server process, ended when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    banner: String,
    address: String,
}

impl Running {
    /// Starts a server on a free port of the loopback address and waits for its banner.
    ///
    /// # Errors
    /// If it cannot be started, or says within 20 seconds no line with `http://ADDRESS`.
    pub(crate) fn start((program, script): Program, seat: &Seat, root: &Path) -> io::Result<Self> {
        let program: PathBuf = if program.contains('/') { root.join(program) } else { program.into() };
        let mut child = seat
            .served(&program.to_string_lossy())
            .args(script.map(|script| root.join(script)))
            .envs([("PORT", "0"), ("HOST", "127.0.0.1"), ("LANES", "1"), ("LOG", "error")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let banner = child.stdout.take().and_then(first_line_with_address);
        let mut running = Self { child, banner: String::new(), address: String::new() };
        let missing =
            || io::Error::other(format!("{} did not say where it listens; benches/run builds it", program.display()));
        running.banner = banner.ok_or_else(missing)?;
        running.address = address(&running.banner).ok_or_else(missing)?.to_owned();
        Ok(running)
    }

    /// Name and version: what the banner says before the address.
    pub(crate) fn version(&self) -> &str {
        self.banner.split(" on http://").next().unwrap_or(&self.banner)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line that has an address, read on a thread of its own because a pipe has no time-out. The
/// thread goes on reading until the server ends, which would otherwise die of its own output.
fn first_line_with_address(output: impl io::Read + Send + 'static) -> Option<String> {
    let (found, banner) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if address(&line).is_some() {
                let _ = found.send(line);
            }
        }
    });
    banner.recv_timeout(START).ok()
}

/// `HOST:PORT` of the first `http://HOST:PORT` in `line`.
fn address(line: &str) -> Option<&str> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| c.is_whitespace() || c == ',' || c == '/').unwrap_or(rest.len());
    Some(&rest[..end]).filter(|address| address.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners_have_an_address() {
        assert_eq!(address("roomcast 0.1.0 on http://127.0.0.1:4000, 2 lanes"), Some("127.0.0.1:4000"));
        assert_eq!(address("bun 1.4.5 on http://127.0.0.1:41/"), Some("127.0.0.1:41"));
        assert_eq!(address("listening"), None);
        assert_eq!(address("see http://localhost"), None);
    }

    #[test]
    fn output_without_an_address_is_no_banner() {
        assert_eq!(first_line_with_address(&b"hello\nworld\n"[..]), None);
        assert_eq!(first_line_with_address(&b"hello\non http://[::1]:5\n"[..]).as_deref(), Some("on http://[::1]:5"));
    }
}
