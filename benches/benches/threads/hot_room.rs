//! Threads that join and leave as fast as they can: alone, two in one room, two in a room each, two in a system each. The last
//! pair shares nothing, so no system can do better on this machine: its two cores may be less than two.
//!
//! A thread has 512 sockets, every second one of 32 groups that are its alone; the others are in the room all the time. So no
//! group's lock is shared, nor does any tile come and go: what is left is what the room itself makes threads share.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Scale,
    pinned::spawn_on,
    report::{Figure, Findings},
    systems::System,
};

const GROUP: &str = "hot_room";
const ONE: Figure = Figure::gain(GROUP, "one thread M/s");
const TWO: Figure = Figure::gain(GROUP, "two threads M/s");
const SPEED_UP: Figure = Figure::gain(GROUP, "two / one");
const TWO_ROOMS: Figure = Figure::gain(GROUP, "two rooms M/s");
const TWO_SYSTEMS: Figure = Figure::gain(GROUP, "two systems M/s");

/// Sockets that stand in a thread's groups: 32 groups of 32.
const SOCKETS: usize = 1_024;

const ROOMS: [&str; 3] = ["hot", "left", "right"];

pub(crate) fn measure<S: System>(scale: &Scale, findings: &mut Findings) {
    let (Apart(system), Apart(other)) = (&filled::<S>(), &filled::<S>());
    let one = rate(scale, &[(system, "hot")]);
    let two = rate(scale, &[(system, "hot"), (system, "hot")]);
    findings.add(ONE, S::NAME, one);
    findings.add(TWO, S::NAME, two);
    findings.add(SPEED_UP, S::NAME, two / one);
    findings.add(TWO_ROOMS, S::NAME, rate(scale, &[(system, "left"), (system, "right")]));
    findings.add(TWO_SYSTEMS, S::NAME, rate(scale, &[(system, "hot"), (other, "hot")]));
    for room in ROOMS {
        assert_eq!(system.members(room), SOCKETS, "{} did not leave as it joined", S::NAME);
    }
}

/// A system that shares no cache line with another one.
#[repr(align(128))]
struct Apart<S>(S);

fn filled<S: System>() -> Apart<S> {
    let system = S::new(2 * SOCKETS);
    for room in ROOMS {
        (1..2 * SOCKETS).step_by(2).for_each(|socket| system.join(socket, room));
    }
    Apart(system)
}

/// A thread for each system and room; millions of joins and leaves a second, of all threads.
fn rate<S: System>(scale: &Scale, places: &[(&S, &str)]) -> f64 {
    let ready = &Barrier::new(places.len());
    thread::scope(|scope| {
        let start = |(thread, &(system, room))| {
            spawn_on(scope, thread, move || {
                ready.wait();
                join_and_leave(system, thread * SOCKETS, room, scale.closed_loop)
            })
        };
        let threads: Vec<_> = places.iter().enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("joining does not panic")).sum()
    })
}

/// Every second socket from `first` on joins and leaves at once, in turn.
fn join_and_leave(system: &impl System, first: usize, room: &str, long: Duration) -> f64 {
    let (start, mut verbs) = (Instant::now(), 0);
    while start.elapsed() < long {
        for socket in (first..first + SOCKETS).step_by(2) {
            system.join(socket, room);
            system.leave(socket, room);
            verbs += 2;
        }
    }
    f64::from(verbs) / start.elapsed().as_secs_f64() / 1e6
}
