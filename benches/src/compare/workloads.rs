//! The workloads that are compared, with the name each has in tables and baselines.

use super::servers::Server;

/// A workload, and how it is run.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) application: Application,
    /// Arguments of `load`.
    pub(crate) load: &'static [&'static str],
    /// Arguments of `sendlimit` for the same deliveries in the largest sends the window allows: all of
    /// it at once. Empty where a bare send says nothing.
    pub(crate) limit: &'static [&'static str],
    /// The figures in the table; the CSV has all.
    pub(crate) figures: &'static [&'static str],
}

/// What servers have to run for a workload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Application {
    /// The JSON room protocol over raw WebSockets.
    Rooms,
    /// The events `join` and `publish` of Socket.IO.
    Events,
    /// Virtual requests of sails.io.js.
    Requests,
}

impl Application {
    pub(crate) const ALL: [Self; 3] = [Self::Rooms, Self::Events, Self::Requests];

    /// The servers that ours is set in relation to.
    pub(crate) fn rivals(self) -> &'static [Server] {
        match self {
            Self::Rooms => &[Server::Bun],
            Self::Events => &[Server::Socketioxide, Server::SocketIo],
            Self::Requests => &[Server::Socketioxide, Server::Sails],
        }
    }
}

impl Workload {
    /// The same, beside a bare `send` with these arguments.
    const fn limited(self, limit: &'static [&'static str]) -> Self {
        Self { limit, ..self }
    }

    /// Whether it makes sense to run it on `server`.
    pub(crate) fn suits(&self, server: Server) -> bool {
        match server {
            Server::Send => !self.limit.is_empty(),
            _ => server.program(self.application).is_some(),
        }
    }
}

const FLOOD: &[&str] = &["deliveries_per_s", "server_us_per_delivery", "client_busy"];
const POLLING: &[&str] = &["messages_per_s", "deliveries_per_s", "server_us_per_delivery", "client_busy"];
const LATENCY: &[&str] = &["p50_us", "p99_us", "server_us_per_delivery"];
const REQUESTS: &[&str] = &["server_us_per_request", "requests_per_s", "p50_us", "p99_us", "client_busy"];
const CONNECTS: &[&str] = &["connects_per_s", "server_us_per_connect", "client_busy"];
const MEMORY: &[&str] = &["kib_per_connection", "slope_bytes_per_connection", "base_mib"];
const SLOW: &[&str] = &[
    "stuck_rate_ratio",
    "healthy_p50_us",
    "healthy_p99_us",
    "p50_us",
    "p99_us",
    "offered_mb",
    "grown_mib",
    "dropped_after_s",
];

const BULK: &[&str] = &["copy_ms", "remove_ms", "clear_ms", "copy_server_ms", "remove_server_ms", "clear_server_ms"];

const SIO: &str = "--dialect=sio";
const SIO_POLLING: &str = "--dialect=sio-polling";
const SAILS: &str = "--dialect=sails";

/// All of them, in the order of README.
pub(crate) const WORKLOADS: &[Workload] = &[
    rooms("flood-1k-64B-w1", &["flood", "--window=1"], FLOOD).limited(&["--frames=1"]),
    rooms("flood-1k-64B-w64", &["flood", "--window=64"], FLOOD).limited(&["--frames=64"]),
    rooms("flood-1k-64B-w512", &["flood", "--window=512"], FLOOD).limited(&["--frames=512"]),
    rooms("flood-1k-1KiB-w16", &["flood", "--bytes=1024", "--window=16"], FLOOD)
        .limited(&["--bytes=1024", "--frames=16"]),
    // Both ends of each connection count towards one process's limit of open files.
    rooms("flood-10k-64B-w16", &["flood", "--members=10000", "--window=16"], FLOOD)
        .limited(&["--connections=9900", "--frames=16"]),
    rooms("overlap-1k-10of100-w64", &["flood", "--rooms=100", "--rooms-per-member=10", "--window=64"], FLOOD),
    rooms("rooms-1000x10-w64", &["flood", "--members=10000", "--rooms=1000", "--window=64"], FLOOD),
    rooms("requests-100", &["requests"], REQUESTS),
    rooms("echo-100", &["requests", "--echo"], REQUESTS),
    rooms("rate-100", &["rate", "--rate=100"], LATENCY),
    rooms("rate-20", &["rate", "--rate=20"], LATENCY),
    rooms("connects", &["connects"], CONNECTS),
    rooms("idle-10k", &["idle"], MEMORY),
    rooms("slow-10of1k", &["slow"], SLOW),
    events("sio-flood-1k-64B-w1", &["flood", SIO, "--window=1"], FLOOD),
    events("sio-flood-1k-64B-w64", &["flood", SIO, "--window=64"], FLOOD),
    events("sio-flood-1k-64B-w512", &["flood", SIO, "--window=512"], FLOOD),
    events("sio-flood-1k-1KiB-w16", &["flood", SIO, "--bytes=1024", "--window=16"], FLOOD),
    events("sio-flood-10k-64B-w16", &["flood", SIO, "--members=10000", "--window=16"], FLOOD),
    events("sio-overlap-1k-10of100-w64", &["flood", SIO, "--rooms=100", "--rooms-per-member=10", "--window=64"], FLOOD),
    events("sio-rooms-1000x10-w64", &["flood", SIO, "--members=10000", "--rooms=1000", "--window=64"], FLOOD),
    events("sio-eio3-1k-64B-w64", &["flood", "--dialect=sio3", "--window=64"], FLOOD),
    events("sio-connects", &["connects", SIO], CONNECTS),
    events("sio-idle-10k", &["idle", SIO], MEMORY),
    events("sio-polling-200-64B-w16", &["flood", SIO_POLLING, "--members=200", "--window=16"], POLLING),
    events("sio-polling-idle-2k", &["idle", SIO_POLLING, "--connections=2000"], MEMORY),
    virtual_requests("sails-requests-100", &["requests", "--sails"], REQUESTS),
    virtual_requests("sails-requests-pipelined", &["requests", "--sails", "--open=16"], REQUESTS),
    virtual_requests("sails-broadcast-1k-64B-w1", &["flood", SAILS, "--window=1"], FLOOD),
    virtual_requests("sails-broadcast-1k-64B-w64", &["flood", SAILS, "--window=64"], FLOOD),
    virtual_requests("sails-bulk-10k", &["bulk"], BULK),
];

const fn rooms(name: &'static str, load: &'static [&'static str], figures: &'static [&'static str]) -> Workload {
    Workload { name, application: Application::Rooms, load, limit: &[], figures }
}

const fn events(name: &'static str, load: &'static [&'static str], figures: &'static [&'static str]) -> Workload {
    Workload { name, application: Application::Events, load, limit: &[], figures }
}

const fn virtual_requests(
    name: &'static str,
    load: &'static [&'static str],
    figures: &'static [&'static str],
) -> Workload {
    Workload { name, application: Application::Requests, load, limit: &[], figures }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Load {
        #[command(subcommand)]
        _workload: crate::load::Workload,
    }

    #[derive(Parser)]
    struct Limit {
        #[command(flatten)]
        _limit: crate::sendlimit::SendLimit,
    }

    #[test]
    fn every_workload_is_understood_by_the_programs_that_run_it() {
        for workload in WORKLOADS {
            Load::try_parse_from(std::iter::once(&"load").chain(workload.load)).map(drop).unwrap();
            Limit::try_parse_from(std::iter::once(&"sendlimit").chain(workload.limit)).map(drop).unwrap();
            assert!(!workload.figures.is_empty());
        }
    }

    #[test]
    fn every_workload_has_ours_and_its_rivals() {
        for workload in WORKLOADS {
            assert!(workload.suits(Server::Ours), "{}", workload.name);
            assert!(workload.application.rivals().iter().all(|rival| workload.suits(*rival)), "{}", workload.name);
            assert_eq!(workload.name.starts_with("sio-"), workload.application == Application::Events);
            assert_eq!(workload.name.starts_with("sails-"), workload.application == Application::Requests);
        }
    }
}
