//! The load generator: one thread, one epoll set, members and a publisher.
//!
//! It has to be much cheaper than the servers it measures, or it would measure itself: one `recv` per
//! event into one buffer, a zero masking key, frames counted and compared in place. It has to be
//! stricter than a benchmark usually is, or a server could win by losing messages: the order in which
//! each member must see the publications of its rooms is known beforehand ([`Plan`]), and every frame
//! is compared with it whole.
//!
//! [`run`] is the door: it opens the connections a [`Workload`] asks for, runs it, and returns a
//! [`Report`].

mod bulk;
mod connection;
mod connects;
mod dialect;
mod fault;
mod flood;
mod histogram;
mod idle;
mod measure;
mod open_requests;
mod plan;
pub(crate) mod poller;
mod polling;
mod process;
pub(crate) mod publication;
mod rate;
mod report;
mod requests;
mod slow;
mod stage;
mod transport;
mod virtual_request;
pub(crate) mod wire;

use std::net::SocketAddr;

pub use bulk::Bulk;
pub use connects::Connects;
pub use dialect::Dialect;
pub use fault::Fault;
pub use flood::Flood;
pub use idle::Idle;
pub use plan::{Plan, PlanError};
pub use process::Process;
pub use rate::Rate;
pub use report::Report;
pub use requests::Requests;
pub use slow::Slow;

/// Where the server is, and which process pays for it.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// Address of the server: loopback only
    #[arg(long, value_name = "IP:PORT")]
    pub address: SocketAddr,
    /// Process id of the server, whose CPU time and memory are read
    #[arg(long)]
    pub pid: u32,
}

/// What to do to the server.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Workload {
    /// One publisher, N members, a number of messages always in flight
    Flood(Flood),
    /// Broadcasts at a fixed rate: latency of each delivery
    Rate(Rate),
    /// Each connection asks, waits for the answer and asks again
    Requests(Requests),
    /// Connect, upgrade, be greeted, reset; as often as possible
    Connects(Connects),
    /// Open connections that do nothing: memory of each
    Idle(Idle),
    /// A flood in which some members never read: what the others notice
    Slow(Slow),
    /// The verbs of Sails that move all members of a room: how long each takes
    Bulk(Bulk),
}

/// Runs `workload` against the server at `target` and reports what it did.
///
/// # Errors
/// [`Fault`] if the server cannot be reached, breaks the protocol, or does not deliver each message
/// exactly once and in order; a flawed run has no figures.
pub fn run(target: &Target, workload: &Workload) -> Result<Report, Fault> {
    if !target.address.ip().is_loopback() {
        return Err(Fault::NotLoopback(target.address));
    }
    let server = Process::new(target.pid);
    match workload {
        Workload::Flood(flood) => flood.run(target.address, &server),
        Workload::Rate(rate) => rate.run(target.address, &server),
        Workload::Requests(requests) => requests.run(target.address, &server),
        Workload::Connects(connects) => connects.run(target.address, &server),
        Workload::Idle(idle) => idle.run(target.address, &server),
        Workload::Slow(slow) => slow.run(target.address, &server),
        Workload::Bulk(bulk) => bulk.run(target.address, &server),
    }
}
