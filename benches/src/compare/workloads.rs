//! The workloads that are compared, with the name each has in tables and baselines.

use super::servers::Server;

/// A workload, and how it is run.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Arguments of `load`.
    pub(crate) load: &'static [&'static str],
    /// Arguments of `sendlimit` for the same deliveries in the largest sends the window allows: all of
    /// it at once. Empty where a bare send says nothing.
    pub(crate) limit: &'static [&'static str],
    /// The figures in the table; the CSV has all. The first one has the ratio to Bun.
    pub(crate) figures: &'static [&'static str],
}

impl Workload {
    /// Whether it makes sense to run it on `server`.
    pub(crate) fn suits(&self, server: Server) -> bool {
        server != Server::Send || !self.limit.is_empty()
    }
}

const FLOOD: &[&str] = &["deliveries_per_s", "server_us_per_delivery", "client_busy"];
const LATENCY: &[&str] = &["p50_us", "p99_us", "server_us_per_delivery"];

/// All of them, in the order of issue and README.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload { name: "flood-1k-64B-w1", load: &["flood", "--window=1"], limit: &["--frames=1"], figures: FLOOD },
    Workload { name: "flood-1k-64B-w64", load: &["flood", "--window=64"], limit: &["--frames=64"], figures: FLOOD },
    Workload { name: "flood-1k-64B-w512", load: &["flood", "--window=512"], limit: &["--frames=512"], figures: FLOOD },
    Workload {
        name: "flood-1k-1KiB-w16",
        load: &["flood", "--bytes=1024", "--window=16"],
        limit: &["--bytes=1024", "--frames=16"],
        figures: FLOOD,
    },
    Workload {
        name: "flood-10k-64B-w16",
        load: &["flood", "--members=10000", "--window=16"],
        // Both ends of each connection count towards one process's limit of open files.
        limit: &["--connections=9900", "--frames=16"],
        figures: FLOOD,
    },
    Workload {
        name: "overlap-1k-10of100-w64",
        load: &["flood", "--rooms=100", "--rooms-per-member=10", "--window=64"],
        limit: &[],
        figures: FLOOD,
    },
    Workload {
        name: "rooms-1000x10-w64",
        load: &["flood", "--members=10000", "--rooms=1000", "--window=64"],
        limit: &[],
        figures: FLOOD,
    },
    Workload {
        name: "requests-100",
        load: &["requests"],
        limit: &[],
        figures: &["server_us_per_request", "requests_per_s", "p50_us", "p99_us", "client_busy"],
    },
    Workload {
        name: "echo-100",
        load: &["requests", "--echo"],
        limit: &[],
        figures: &["server_us_per_request", "requests_per_s", "p50_us", "p99_us", "client_busy"],
    },
    Workload { name: "rate-100", load: &["rate", "--rate=100"], limit: &[], figures: LATENCY },
    Workload { name: "rate-20", load: &["rate", "--rate=20"], limit: &[], figures: LATENCY },
    Workload {
        name: "connects",
        load: &["connects"],
        limit: &[],
        figures: &["connects_per_s", "server_us_per_connect", "client_busy"],
    },
    Workload {
        name: "idle-10k",
        load: &["idle"],
        limit: &[],
        figures: &["kib_per_connection", "slope_bytes_per_connection", "base_mib"],
    },
    Workload {
        name: "slow-10of1k",
        load: &["slow"],
        limit: &[],
        figures: &[
            "stuck_rate_ratio",
            "healthy_p50_us",
            "healthy_p99_us",
            "p50_us",
            "p99_us",
            "offered_mb",
            "grown_mib",
            "dropped_after_s",
        ],
    },
];

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
}
