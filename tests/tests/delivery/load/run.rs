//! One run: members come, act, and go, and everything is looked at.

use super::choices;
use super::link::Link;
use super::member;
use super::world::World;
use crate::checker::{Verdict, check};
use crate::history::{Op, Outcome};
use fastrand::Rng;
use roomcast_tests::{DEADLINE, Server};
use std::{
    collections::HashSet,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    runtime,
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};

const MEMBERS: usize = 60;
/// Faults that are told; the first ones say most.
const FAULTS_TOLD: usize = 20;

/// What a run counted.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) runs: u64,
    pub(crate) messages: u64,
    pub(crate) requests: u64,
    pub(crate) deliveries: u64,
    pub(crate) required: u64,
    pub(crate) open: u64,
    pub(crate) connections: u64,
    pub(crate) cut_off: u64,
    pub(crate) keen_cut_off: u64,
}

/// Plays for so long and judges.
///
/// # Panics
/// With all that is wrong.
pub(crate) fn run(server: &Server, one_lane: bool, seed: u64, time: Duration) -> Counts {
    let slow_before = server.counter("slow_consumers");
    let mut rng = Rng::with_seed(seed);
    let world = Rc::new(World::new(server.address(), one_lane, MEMBERS, &mut rng));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, play(server, &world, &mut rng, time));
    drop(runtime);
    server.wait_for_stats(&server.idle());
    check_cut_off(&world, server.counter("slow_consumers") - slow_before);
    complete(&world);
    let history = world.history.borrow();
    let verdict = check(&history);
    let told = verdict.faults.iter().take(FAULTS_TOLD).map(|fault| fault.describe(&history));
    let wrong: Vec<String> = world.faults.borrow().iter().take(FAULTS_TOLD).cloned().chain(told).collect();
    assert!(
        wrong.is_empty(),
        "SEED={seed} makes the same choices again. {} faults, {} of them by the history:\n{}",
        world.faults.borrow().len() + verdict.faults.len(),
        verdict.faults.len(),
        wrong.join("\n")
    );
    count(&world, &verdict)
}

async fn play(server: &Server, world: &Rc<World>, rng: &mut Rng, time: Duration) {
    let members: Vec<_> =
        (0..MEMBERS).map(|number| spawn_local(member::live(Rc::clone(world), number, rng.fork()))).collect();
    sleep(time).await;
    world.stopping.set(true);
    let end = Instant::now() + DEADLINE;
    let mut links: Vec<Link> = Vec::new();
    for (number, member) in members.into_iter().enumerate() {
        match timeout(end.saturating_duration_since(Instant::now()), member).await {
            Ok(Ok(link)) => links.extend(link),
            Ok(Err(panic)) => world.faults.borrow_mut().push(format!("member {number}: {panic}")),
            Err(_) => world.faults.borrow_mut().push(format!("member {number} waits in vain, for a reply or its end")),
        }
    }
    last_blast(world, rng, &links).await;
    for link in &links {
        link.ask(vec![(Op::Rooms, None)]).await;
        let answered = timeout(DEADLINE, link.due_below(1)).await;
        if answered.is_err() || !link.has_pongs() {
            world.fault(link.socket, "at the end replies or pongs are missing");
        }
    }
    check_counters(server, world, &links);
    for link in links {
        if link.is_ended() { link.find_cut_off().await } else { link.finish().await }
    }
}

/// Who got this one got all that came before.
async fn last_blast(world: &Rc<World>, rng: &mut Rng, links: &[Link]) {
    let Ok(herald) = Link::open(world, None).await else {
        return world.faults.borrow_mut().push("the last connection is refused".to_owned());
    };
    herald.ask(vec![(Op::Blast { omit: true }, Some(choices::text(rng, 10)))]).await;
    let blast = world.history.borrow().calls.len() as u32 - 1;
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE && !links.iter().all(|link| link.has_got(blast) || link.is_ended()) {
        sleep(Duration::from_millis(5)).await;
    }
    // Whom it did not reach, the judge will name.
    herald.due_below(1).await;
    herald.finish().await;
}

/// `/stats` says what the sockets say.
fn check_counters(server: &Server, world: &World, links: &[Link]) {
    let history = world.history.borrow();
    let (mut rooms, mut memberships) = (HashSet::new(), 0);
    for link in links {
        let last = history.calls.iter().rev().find(|call| call.socket == link.socket);
        if let Some(Outcome::Rooms(its)) = last.map(|call| &call.outcome) {
            memberships += its.len();
            rooms.extend(its.iter().copied());
        }
    }
    let own = links.len();
    let (idle, now) = (server.idle(), server.stats());
    let told = [now.rooms, now.memberships, now.websockets];
    let right = [idle.rooms + (rooms.len() + own) as u64, idle.memberships + (memberships + own) as u64, own as u64];
    if told != right {
        let what =
            format!("/stats: rooms, memberships, websockets are {told:?}, the sockets' own replies say {right:?}");
        world.faults.borrow_mut().push(what);
    }
}

/// Every connection that the server ended counts as a slow consumer, and nothing else does.
fn check_cut_off(world: &World, counted: u64) {
    let (surely, maybe) = (world.cut_off.get(), world.maybe_cut_off.get());
    if !(surely..=surely + maybe).contains(&counted) {
        let what = format!("/stats counts {counted} slow consumers, {surely} were cut off, {maybe} more may have been");
        world.faults.borrow_mut().push(what);
    }
}

/// What got no reply happened before its socket was gone, or never.
fn complete(world: &World) {
    let history = &mut *world.history.borrow_mut();
    for call in history.calls.iter_mut().filter(|call| call.outcome == Outcome::Unknown) {
        call.ended = history.sockets[call.socket].gone;
    }
}

fn count(world: &World, verdict: &Verdict) -> Counts {
    let history = world.history.borrow();
    Counts {
        runs: 1,
        messages: history.calls.iter().filter(|call| call.is_message()).count() as u64,
        requests: history.calls.len() as u64,
        deliveries: verdict.received,
        required: verdict.required,
        open: verdict.open,
        connections: history.sockets.len() as u64,
        cut_off: world.cut_off.get(),
        keen_cut_off: world.keen_cut_off.get(),
    }
}
