//! What members do next. A seed makes the same choices again; at which moment each is made, nobody can repeat.

use super::text::{Pool, ROOMS, Text};
use crate::history::{Op, Place};
use fastrand::Rng;
use std::time::Duration;

/// How a member reads, at its slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As fast as it can.
    Keen,
    /// Stops for up to half a second.
    Pausing,
    /// Takes byte by byte for a while.
    Sipping,
    /// Stops for seconds, and may be cut off for it.
    Sleeping,
}

impl Reader {
    /// Most are keen.
    pub(crate) fn of(member: usize) -> Self {
        match member % 12 {
            0 => Self::Sipping,
            4 => Self::Pausing,
            8 => Self::Sleeping,
            _ => Self::Keen,
        }
    }
}

/// How a reader goes about it for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Keen,
    Pause(Duration),
    Sip(u32),
}

#[derive(Debug)]
pub(crate) enum Step {
    /// Requests that are written in one go.
    Ask(Vec<(Op, Option<Text>)>),
    /// A request when no reply is due, with nothing else until its own has come: it is known better when it happened.
    AskAlone(Op),
    /// Reads slowly for a while.
    Read(Pace),
    Ping,
    Rest(Duration),
    Leave(Manner),
}

/// How a member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With a close frame, reading until the server ends.
    GoodBye,
    /// With the end of the stream.
    HangUp,
    /// With a reset.
    Reset,
    /// With a reset after half a request.
    MidFrame,
}

/// Whom choices can be about.
pub(crate) struct Scene<'a> {
    /// The member's own socket.
    pub(crate) own: usize,
    /// All sockets that are there, or were a moment ago.
    pub(crate) sockets: &'a [usize],
    pub(crate) reader: Reader,
}

pub(crate) fn step(rng: &mut Rng, scene: &Scene<'_>) -> Step {
    match rng.u32(..1000) {
        0..8 => Step::Leave(*pick(
            rng,
            &[Manner::GoodBye, Manner::GoodBye, Manner::HangUp, Manner::Reset, Manner::MidFrame],
        )),
        8..20 => Step::Ping,
        20..60 if scene.reader != Reader::Keen => Step::Read(pace(rng, scene.reader)),
        20..260 => Step::Rest(Duration::from_millis(rng.u64(1..20))),
        260..275 => Step::Ask((0..rng.usize(5..40)).map(|_| broadcast(rng, scene, 100)).collect()),
        275..350 => for_others(rng, scene),
        350..430 => Step::Ask(vec![(Op::Rooms, None)]),
        _ => Step::Ask(vec![ask(rng, scene)]),
    }
}

/// A verb for others. If it takes long nobody can tell whom it met, so slow readers leave that to others. And those for the
/// members of a room are rare: whom one may have met, others may meet by that, and so on.
fn for_others(rng: &mut Rng, scene: &Scene<'_>) -> Step {
    if scene.reader != Reader::Keen {
        return Step::AskAlone(Op::Rooms);
    }
    let op = match rng.u32(..100) {
        0..40 => Op::Join { room: room(rng), who: some(rng, scene.sockets, 4) },
        40..70 => Op::Leave { room: room(rng), who: some(rng, scene.sockets, 4) },
        70..84 => Op::Copy { of: place(rng, scene), to: some_rooms(rng) },
        84..97 => Op::Remove { of: place(rng, scene), from: some_rooms(rng) },
        _ => Op::LeaveAll { of: place(rng, scene) },
    };
    if rng.u32(..4) == 0 { Step::Ask(vec![(op, None)]) } else { Step::AskAlone(op) }
}

/// A farewell that nobody waits for: messages, and a join and a leave of the member's own.
pub(crate) fn last_words(rng: &mut Rng, scene: &Scene<'_>) -> Vec<(Op, Option<Text>)> {
    let mut asked = vec![(Op::Join { room: room(rng), who: vec![scene.own] }, None)];
    asked.extend((0..rng.usize(..6)).map(|_| broadcast(rng, scene, 2_000)));
    asked
}

pub(crate) fn text(rng: &mut Rng, bytes: usize) -> Text {
    let from = rng.usize(..Pool::BYTES - bytes);
    Text { event: rng.usize(..Text::EVENTS), fill: from..from + bytes }
}

fn pace(rng: &mut Rng, reader: Reader) -> Pace {
    match reader {
        Reader::Keen => Pace::Keen,
        Reader::Pausing => Pace::Pause(Duration::from_millis(rng.u64(20..500))),
        Reader::Sipping => Pace::Sip(rng.u32(100..5_000)),
        Reader::Sleeping => Pace::Pause(Duration::from_millis(rng.u64(1_000..3_000))),
    }
}

fn ask(rng: &mut Rng, scene: &Scene<'_>) -> (Op, Option<Text>) {
    let op = match rng.u32(..100) {
        0..18 => Op::Join { room: room(rng), who: vec![scene.own] },
        18..28 => Op::Leave { room: room(rng), who: vec![scene.own] },
        28..30 => Op::GetId,
        _ => {
            let bytes = size(rng);
            return broadcast(rng, scene, bytes);
        }
    };
    (op, None)
}

fn broadcast(rng: &mut Rng, scene: &Scene<'_>, bytes: usize) -> (Op, Option<Text>) {
    let bytes = rng.usize(..=bytes);
    let text = Some(text(rng, bytes));
    let omit = rng.u32(..5) == 0;
    if rng.u32(..40) == 0 {
        return (Op::Blast { omit }, text);
    }
    let count = *pick(rng, &[1, 1, 1, 2, 3]);
    let mut to: Vec<Place> = Vec::new();
    while to.len() < count {
        let next = if rng.u32(..8) == 0 { Place::Own(*pick(rng, scene.sockets)) } else { Place::Room(room(rng)) };
        if !to.contains(&next) {
            to.push(next);
        }
    }
    (Op::Broadcast { to, once: rng.bool(), omit }, text)
}

/// Bytes of a message at most: small ones, and now and then one that fills a kernel's buffer.
fn size(rng: &mut Rng) -> usize {
    match rng.u32(..1000) {
        0..800 => 200,
        800..960 => 4_000,
        960..985 => 40_000,
        985..994 => 100_000,
        _ => 600_000,
    }
}

fn room(rng: &mut Rng) -> usize {
    rng.usize(..ROOMS.len())
}

fn place(rng: &mut Rng, scene: &Scene<'_>) -> Place {
    if rng.bool() { Place::Own(*pick(rng, scene.sockets)) } else { Place::Room(room(rng)) }
}

fn some_rooms(rng: &mut Rng) -> Vec<usize> {
    let all: Vec<usize> = (0..ROOMS.len()).collect();
    some(rng, &all, 3)
}

/// From one to `most` of them, each once.
fn some(rng: &mut Rng, of: &[usize], most: usize) -> Vec<usize> {
    let wanted = rng.usize(1..=most.min(of.len()));
    let mut some: Vec<usize> = Vec::with_capacity(wanted);
    while some.len() < wanted {
        let next = *pick(rng, of);
        if !some.contains(&next) {
            some.push(next);
        }
    }
    some
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_choices_again() {
        let scene = |reader| Scene { own: 1, sockets: &[0, 1, 2, 3], reader };
        let steps = |seed| {
            let mut rng = Rng::with_seed(seed);
            let readers = [Reader::Keen, Reader::Sipping].into_iter().cycle().take(5_000);
            readers.map(|reader| format!("{:?}", step(&mut rng, &scene(reader)))).collect::<Vec<_>>()
        };
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
        let all = steps(9).concat();
        let kinds =
            ["Join", "Leave", "LeaveAll", "Copy", "Remove", "Broadcast", "Blast", "Rooms", "GetId", "Ping", "Sip"];
        for kind in kinds {
            assert!(all.contains(kind), "no {kind} among 5,000 steps");
        }
    }
}
