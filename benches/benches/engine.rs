//! Engine verbs beside a plain lock, DashMap and socketioxide's local adapter: the same seeded plan for each.
//!
//! `cargo bench -p roomcast-benches --bench engine -- select` runs the groups whose names begin so. Throughput
//! is in members selected or memberships changed, so that sizes and systems compare.

#![forbid(unsafe_code)]

#[allow(dead_code, reason = "memory has plans of its own")]
mod systems;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput};

use systems::{
    System, on_every_system,
    plan::{joins, room_names, some},
};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    on_every_system!(join_and_leave(&mut criterion));
    on_every_system!(select_and_enqueue(&mut criterion));
    on_every_system!(union_less_one(&mut criterion));
    on_every_system!(bulk(&mut criterion));
    on_every_system!(leave_all(&mut criterion));
    on_every_system!(disconnect_storm(&mut criterion));
    criterion.final_summary();
}

/// 20,000 sockets join 10 of 2,000 rooms each, by name, in random order; then leave them in another.
fn join_and_leave<S: System>(criterion: &mut Criterion) {
    let (sockets, rooms) = (20_000, room_names(2_000));
    let plan = joins(sockets, rooms.len(), 10);
    let mut parting = plan.clone();
    fastrand::Rng::with_seed(5).shuffle(&mut parting);
    let (mut join, mut leave) = (Stopwatch::default(), Stopwatch::default());
    let mut run = |system: &mut S| {
        join.time(|| plan.iter().for_each(|(socket, room)| system.join(*socket, &rooms[*room])));
        leave.time(|| parting.iter().for_each(|(socket, room)| system.leave(*socket, &rooms[*room])));
        (join.last, leave.last)
    };
    paired(criterion, ["join", "leave"], plan.len(), || S::new(sockets), &mut run);
}

/// A message to one room of 10, 1,000 or 100,000 of 100,000 sockets: `select` visits each member, `enqueue`
/// puts the message into each member's queue.
fn select_and_enqueue<S: System>(criterion: &mut Criterion) {
    let sockets = 100_000;
    let mut system = S::new(sockets);
    for (size, rooms) in [(10, 1_000), (1_000, 100), (100_000, 1)] {
        let names: Vec<String> = (0..rooms).map(|room| format!("of-{size}-{room:04}")).collect();
        for (seed, name) in names.iter().enumerate() {
            some(sockets, size, seed as u64).into_iter().for_each(|socket| system.join(socket, name));
        }
        let mut select = criterion.benchmark_group("select");
        select.throughput(Throughput::Elements(size as u64));
        let mut next = names.iter().cycle();
        select.bench_function(BenchmarkId::new(S::NAME, size), |bencher| {
            bencher.iter(|| black_box(system.select(&[next.next().unwrap()], &[])));
        });
        select.finish();
        let mut enqueue = criterion.benchmark_group("enqueue");
        enqueue.throughput(Throughput::Elements(size as u64));
        let mut next = names.iter().cycle();
        // As many as a queue takes without growing, and few enough that emptying them costs little.
        let batch = (10_000 / size).clamp(1, 64) as u64;
        enqueue.bench_function(BenchmarkId::new(S::NAME, size), |bencher| {
            bencher.iter_custom(|times| {
                let mut stopwatch = Stopwatch::default();
                let mut left = times;
                while left > 0 {
                    let now = left.min(batch);
                    stopwatch.time(|| {
                        for _ in 0..now {
                            black_box(system.enqueue(&[next.next().unwrap()], &[]));
                        }
                    });
                    system.empty_queues();
                    left -= now;
                }
                stopwatch.total
            });
        });
        enqueue.finish();
    }
}

/// Three rooms of 50,000 of 100,000 sockets, less one of 10,000: each socket once.
fn union_less_one<S: System>(criterion: &mut Criterion) {
    let sockets = 100_000;
    let system = S::new(sockets);
    for (seed, (name, size)) in [("a", 50_000), ("b", 50_000), ("c", 50_000), ("less", 10_000)].into_iter().enumerate()
    {
        some(sockets, size, seed as u64).into_iter().for_each(|socket| system.join(socket, name));
    }
    let recipients = system.select(&["a", "b", "c"], &["less"]);
    let mut group = criterion.benchmark_group("union_less_one");
    group.throughput(Throughput::Elements(recipients as u64));
    group.bench_function(S::NAME, |bencher| {
        bencher.iter(|| black_box(system.select(&["a", "b", "c"], &["less"])));
    });
    group.finish();
}

/// All members of a room of 100,000 join five more rooms, then leave them.
fn bulk<S: System>(criterion: &mut Criterion) {
    let (sockets, five) = (100_000, ["one", "two", "three", "four", "five"]);
    let make = || {
        let system = S::new(sockets);
        (0..sockets).for_each(|socket| system.join(socket, "source"));
        system
    };
    let (mut add, mut remove) = (Stopwatch::default(), Stopwatch::default());
    let mut run = |system: &mut S| {
        add.time(|| system.add_members("source", &five));
        remove.time(|| system.remove_members("source", &five));
        (add.last, remove.last)
    };
    paired(criterion, ["bulk_add", "bulk_remove"], sockets * five.len(), make, &mut run);
}

/// 20,000 sockets in one room and in 10 of 2,000 others leave them all by one call.
fn leave_all<S: System>(criterion: &mut Criterion) {
    ending::<S>(criterion, "leave_all", |system, _| system.leave_all("everybody"));
}

/// The same sockets disconnect, one after the other.
fn disconnect_storm<S: System>(criterion: &mut Criterion) {
    ending::<S>(criterion, "disconnect", |system, sockets| (0..sockets).for_each(|socket| system.disconnect(socket)));
}

/// Measures what ends all memberships of 20,000 sockets in 11 rooms each.
fn ending<S: System>(criterion: &mut Criterion, name: &str, end: fn(&mut S, usize)) {
    let (sockets, rooms) = (20_000, room_names(2_000));
    let plan = joins(sockets, rooms.len(), 10);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements((plan.len() + sockets) as u64));
    group.bench_function(S::NAME, |bencher| {
        bencher.iter_custom(|times| {
            let mut stopwatch = Stopwatch::default();
            for _ in 0..times {
                let mut system = S::new(sockets);
                plan.iter().for_each(|(socket, room)| system.join(*socket, &rooms[*room]));
                (0..sockets).for_each(|socket| system.join(socket, "everybody"));
                stopwatch.time(|| end(&mut system, sockets));
                assert_eq!(system.members("everybody"), 0, "{} left somebody behind", S::NAME);
            }
            stopwatch.total
        });
    });
    group.finish();
}

/// Two benches of one run each: the second undoes the first, so one fixture serves both.
fn paired<S: System>(
    criterion: &mut Criterion,
    names: [&str; 2],
    memberships: usize,
    make: impl Fn() -> S,
    run: &mut impl FnMut(&mut S) -> (Duration, Duration),
) {
    let mut system = make();
    for (at, name) in names.into_iter().enumerate() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(memberships as u64));
        group.bench_function(S::NAME, |bencher| {
            bencher.iter_custom(|times| {
                (0..times).map(|_| run(&mut system)).map(|(first, second)| if at == 0 { first } else { second }).sum()
            });
        });
        group.finish();
    }
}

/// Time spent in some calls and not between them.
#[derive(Default)]
struct Stopwatch {
    total: Duration,
    last: Duration,
}

impl Stopwatch {
    fn time(&mut self, call: impl FnOnce()) {
        let start = Instant::now();
        call();
        self.last = start.elapsed();
        self.total += self.last;
    }
}
