//! Who joins what: made from one seed, so that every system gets the very same.

use fastrand::Rng;

/// Names of rooms, all equally long.
pub(crate) fn room_names(count: usize) -> Vec<String> {
    (0..count).map(|room| format!("room-{room:06}")).collect()
}

/// Each of `sockets` sockets in `each` different of `rooms` rooms, in random order.
pub(crate) fn joins(sockets: usize, rooms: usize, each: usize) -> Vec<(usize, usize)> {
    let mut random = Rng::with_seed(11);
    let mut joins: Vec<(usize, usize)> = (0..sockets)
        .flat_map(|socket| random.choose_multiple(0..rooms, each).into_iter().map(move |room| (socket, room)))
        .collect();
    random.shuffle(&mut joins);
    joins
}

/// `count` different ones of `sockets` sockets, in random order.
pub(crate) fn some(sockets: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut random = Rng::with_seed(seed);
    let mut chosen = random.choose_multiple(0..sockets, count);
    random.shuffle(&mut chosen);
    chosen
}

/// As many rooms as sockets, in random order: each room gets one member in each of `rounds` rounds.
pub(crate) fn sparse(sockets: usize, rounds: usize) -> Vec<(usize, usize)> {
    let mut random = Rng::with_seed(17);
    let mut rooms: Vec<usize> = (0..sockets).collect();
    let mut joins = Vec::with_capacity(sockets * rounds);
    for _ in 0..rounds {
        random.shuffle(&mut rooms);
        joins.extend(rooms.iter().copied().enumerate());
    }
    // A few sockets drew the same room twice.
    joins.sort_unstable();
    joins.dedup();
    random.shuffle(&mut joins);
    joins
}

/// All of `sockets` sockets in all of `rooms` rooms, in random order.
pub(crate) fn dense(sockets: usize, rooms: usize) -> Vec<(usize, usize)> {
    // At its full size from the start: what it would free in growing, memory that is measured later would take.
    let mut joins = Vec::with_capacity(sockets * rooms);
    joins.extend((0..sockets).flat_map(|socket| (0..rooms).map(move |room| (socket, room))));
    Rng::with_seed(18).shuffle(&mut joins);
    joins
}
