//! What threads do to each other, in each of the systems: a join beside broadcasts, and a room in which two threads join
//! and leave at once. Not criterion's kind of figures: latencies by the clock, and the rates of two threads.
//!
//! `cargo bench -p roomcast-benches --bench threads -- [--quick] [FILE.csv]`. It wants a quiet machine and two cores.

#![forbid(unsafe_code)]

mod beside;
mod hot_room;
mod pinned;
#[path = "../report/mod.rs"]
mod report;
#[path = "../systems/mod.rs"]
#[allow(dead_code, reason = "threads join, leave and select; other benches use the other verbs")]
mod systems;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use report::{Findings, Options, exit};
use systems::on_every_system;

/// Measures joins beside broadcasts, and two threads in one room, beside other room structures.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// How large and how long a workload is.
struct Scale {
    /// Of everything, interleaved; a cell of the table is the median.
    rounds: usize,
    /// Members of the room that is broadcast to.
    members: usize,
    /// Pairs of a leave and a join in a second.
    pairs_per_s: u32,
    /// How long they are due.
    open_loop: Duration,
    /// How long the hot room's threads run.
    closed_loop: Duration,
}

impl Scale {
    const FULL: Self = Self {
        rounds: 5,
        members: 100_000,
        pairs_per_s: 20_000,
        open_loop: Duration::from_millis(1_200),
        closed_loop: Duration::from_millis(500),
    };
    const QUICK: Self = Self {
        rounds: 1,
        members: 1_000,
        pairs_per_s: 1_000,
        open_loop: Duration::from_millis(50),
        closed_loop: Duration::from_millis(20),
    };

    /// Who leaves and joins: in the middle of the room.
    fn mover(&self) -> usize {
        self.members / 2
    }

    /// How many pairs are due.
    fn pairs(&self) -> u32 {
        (self.open_loop.as_secs_f64() * f64::from(self.pairs_per_s)) as u32
    }
}

fn main() -> ExitCode {
    let Arguments { options } = Arguments::parse();
    let scale = if options.quick { Scale::QUICK } else { Scale::FULL };
    let mut findings = Findings::default();
    for _ in 0..scale.rounds {
        on_every_system!(measure(&scale, &mut findings));
    }
    exit("threads", findings.publish(&options))
}

fn measure<S: systems::System>(scale: &Scale, findings: &mut Findings) {
    beside::measure::<S>(scale, findings);
    hot_room::measure::<S>(scale, findings);
}
