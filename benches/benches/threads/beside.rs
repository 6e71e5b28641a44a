//! A member leaves and joins by the clock, beside back-to-back broadcasts to its room.
//!
//! An open loop: a pair is due every so often, whether the one before is done or not, and its latency counts from when it was
//! due. A closed loop would hide a writer that waits for readers: it asks once, and counts one long wait among many short ones.
//! What was due and not done when time was up counts too, with how long it had waited by then.

use std::{
    hint::{black_box, spin_loop},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    Scale,
    pinned::spawn_on,
    report::{Figure, Findings},
    systems::System,
};

const ROOM: &str = "room-of-everybody";
const BESIDE: &str = "join_beside_broadcasts";
const ALONE: &str = "join_without_broadcasts";

/// The figures of one open loop.
struct Series {
    p50: Figure,
    p90: Figure,
    p99: Figure,
    done: Figure,
}

impl Series {
    const fn new(group: &'static str) -> Self {
        Self {
            p50: Figure::cost(group, "p50 us"),
            p90: Figure::cost(group, "p90 us"),
            p99: Figure::cost(group, "p99 us"),
            done: Figure::gain(group, "pairs done"),
        }
    }
}

pub(crate) fn measure<S: System>(scale: &Scale, findings: &mut Findings) {
    let system = S::new(scale.members);
    (0..scale.members).for_each(|socket| system.join(socket, ROOM));

    let alone = thread::scope(|scope| spawn_on(scope, 1, || open_loop(&system, scale)).join());
    record::<S>(&Series::new(ALONE), alone.expect("the open loop does not panic"), findings);

    let (stop, ready) = (AtomicBool::new(false), Barrier::new(2));
    let (beside, selected) = thread::scope(|scope| {
        let broadcaster = spawn_on(scope, 0, || broadcast(&system, scale, &ready, &stop));
        let mover = spawn_on(scope, 1, || {
            ready.wait();
            open_loop(&system, scale)
        });
        let beside = mover.join();
        stop.store(true, Relaxed);
        (beside, broadcaster.join())
    });
    record::<S>(&Series::new(BESIDE), beside.expect("the open loop does not panic"), findings);
    let per_member = selected.expect("the broadcaster does not panic");
    findings.add(Figure::cost(BESIDE, "select ns/member"), S::NAME, per_member);
    assert_eq!(system.members(ROOM), scale.members, "{} lost a member", S::NAME);
}

/// Selects the room again and again until told to stop; nanoseconds for each member.
fn broadcast(system: &impl System, scale: &Scale, ready: &Barrier, stop: &AtomicBool) -> f64 {
    ready.wait();
    let (start, mut members) = (Instant::now(), 0);
    while !stop.load(Relaxed) {
        let selected = black_box(system.select(&[ROOM], &[]));
        assert!(selected == scale.members || selected == scale.members - 1, "{selected} of {}", scale.members);
        members += selected;
    }
    start.elapsed().as_nanos() as f64 / members as f64
}

/// The latency of every pair that was due, and how many were done in time. Reading the clock, some 20 ns, is in them.
struct Latencies {
    all: Vec<Duration>,
    done: usize,
}

fn open_loop(system: &impl System, scale: &Scale) -> Latencies {
    let (mover, pairs) = (scale.mover(), scale.pairs());
    let mut all = Vec::with_capacity(pairs as usize);
    let (start, between) = (Instant::now(), Duration::from_secs(1) / scale.pairs_per_s);
    let end = start + scale.open_loop;
    let mut now = start;
    for pair in 0..pairs {
        let due = start + between * pair;
        while now < due {
            spin_loop();
            now = Instant::now();
        }
        if now >= end {
            break;
        }
        system.leave(mover, ROOM);
        system.join(mover, ROOM);
        now = Instant::now();
        all.push(now - due);
    }
    let done = all.len();
    all.extend((done as u32..pairs).map(|pair| now - (start + between * pair)));
    Latencies { all, done }
}

fn record<S: System>(series: &Series, mut latencies: Latencies, findings: &mut Findings) {
    latencies.all.sort_unstable();
    let last = latencies.all.len() - 1;
    let quantile = |part: f64| latencies.all[(last as f64 * part).round() as usize].as_secs_f64() * 1e6;
    findings.add(series.p50, S::NAME, quantile(0.5));
    findings.add(series.p90, S::NAME, quantile(0.9));
    findings.add(series.p99, S::NAME, quantile(0.99));
    findings.add(series.done, S::NAME, latencies.done as f64);
}
