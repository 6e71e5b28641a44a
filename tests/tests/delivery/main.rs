//! Exactly once and in order, under load: sockets that join, leave, go, come again, send to rooms and to each other, and
//! read slowly, at random; every byte that they receive is judged ([`checker`]).
//!
//! `cargo test` plays for seconds; `tests/soak` sets `SOAK_SECONDS`. `SEED` makes the choices of an earlier run again.

mod checker;
mod growth;
mod history;
mod load;

use growth::Growth;
use load::{Counts, run};
use roomcast_tests::{Memory, Server};
use std::{
    env,
    ops::AddAssign,
    time::{Duration, Instant},
};

/// How long members act in one run. Then all is judged, and the next one begins.
const RUN: Duration = Duration::from_secs(4);
const SECONDS: u64 = 10;
const PROGRESS: Duration = Duration::from_secs(10);

#[test]
fn exactly_once_and_in_order_with_one_lane() {
    play("one lane", 1);
}

#[test]
fn exactly_once_and_in_order_with_several_lanes() {
    play("three lanes", 3);
}

fn play(name: &str, lanes: usize) {
    let time = Duration::from_secs(setting("SOAK_SECONDS").unwrap_or(SECONDS));
    let first_seed = setting("SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("{name}: SEED={first_seed}, {} s", time.as_secs());
    let lanes_text = lanes.to_string();
    // Pings come in between; they are not what slow readers are cut off for.
    let settings = [("LANES", &*lanes_text), ("LOG", "info"), ("PING_INTERVAL", "1000"), ("PING_TIMEOUT", "60000")];
    let mut server = Server::start(&settings);
    let (begun, mut told) = (Instant::now(), Instant::now());
    let (mut sum, mut growth) = (Counts::default(), Growth::default());
    loop {
        sum += run(&server, lanes == 1, first_seed + sum.runs, RUN.min(time));
        growth.add(Memory::of(&server).now);
        let over = begun.elapsed() >= time;
        if over || told.elapsed() >= PROGRESS {
            println!("{name}: {:.0} s, {sum}, {growth}", begun.elapsed().as_secs_f32());
            told = Instant::now();
        }
        assert!(!server.log().contains("panicked at"), "the server panicked");
        if let Some(why) = growth.is_without_bound() {
            panic!("{name}: {why}");
        }
        if over {
            break;
        }
    }
    assert!(sum.required * 4 > sum.deliveries, "too few deliveries are ones that were due: {sum}");
    // On a busy machine a keen reader may be late with messages of more than a queue holds; but seldom.
    assert!(sum.keen_cut_off * 20 <= sum.connections, "too many are cut off who read as fast as they can: {sum}");
    server.assert_unharmed();
}

fn setting(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} has to be a number, not {text:?}")))
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.messages += other.messages;
        self.requests += other.requests;
        self.deliveries += other.deliveries;
        self.required += other.required;
        self.open += other.open;
        self.connections += other.connections;
        self.cut_off += other.cut_off;
        self.keen_cut_off += other.keen_cut_off;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { runs, messages, requests, deliveries, required, connections, cut_off, keen_cut_off, .. } = self;
        write!(
            f,
            "{runs} runs, {messages} messages of {requests} requests, {deliveries} deliveries checked \
             ({required} required), {connections} connections, {cut_off} cut off ({keen_cut_off} keen readers)"
        )
    }
}
