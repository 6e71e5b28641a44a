//! The budget of all outboxes, on one lane and on two.

use std::sync::Arc;

use roomcast::{Engine, Message, Socket};

use super::talk::{LineCodec, Notes, Stage, Talk};
use crate::{ManualConnection, ManualLane, Wire};

#[test]
fn beyond_the_budget_of_all_outboxes_the_largest_goes() {
    let mut stage = Stage::new();
    stage.lane = ManualLane::with_budget(&stage.engine, 1 << 20, 64 << 20, 12_000);
    stage.lane.register(LineCodec);
    let clients: Vec<_> = (0..4).map(|_| stage.client(10)).collect();
    let text = "x".repeat(100);
    for round in 0..100 {
        for (at, (_, socket)) in clients.iter().enumerate() {
            // The third gets most.
            if at == 2 || round % 4 == 0 {
                let _ = socket.send(&Message::json("m", &text).unwrap());
            }
        }
        stage.lane.run();
        assert!(stage.lane.stats().outbox_bytes <= 12_200);
    }
    assert_eq!(clients.iter().map(|(client, _)| client.is_reset()).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!((stage.lane.stats().slow_consumers, stage.lane.stats().slow_over_budget), (1, 1));
    assert_eq!(stage.read_all(&clients[0].0).lines().count(), 25);
}

/// Two lanes with one budget, and clients on them, for each of whom so many messages wait; each takes about 127 bytes.
fn on_two_lanes(budget: u64, waiting: [&[usize]; 2]) -> (Pair, Vec<ManualConnection>) {
    let mut pair = Pair::new(budget);
    let mut clients = Vec::new();
    for (lane, messages) in waiting.into_iter().enumerate().flat_map(|(lane, all)| all.iter().map(move |n| (lane, *n)))
    {
        clients.push(pair.client(lane).0);
        (0..messages).for_each(|_| pair.send(clients.len() - 1));
        pair.lanes[lane].run();
    }
    assert_eq!((pair.used() < budget, pair.cut_off()), (true, [0, 0]), "{}", pair.used());
    (pair, clients)
}

fn who_is_reset(clients: &[ManualConnection]) -> Vec<usize> {
    (0..clients.len()).filter(|at| clients[*at].is_reset()).collect()
}

struct Pair {
    lanes: [ManualLane; 2],
    notes: Arc<Notes>,
    wires: [Wire; 2],
}

impl Pair {
    fn new(budget: u64) -> Self {
        let lanes = ManualLane::pair(&Engine::new(), 1 << 20, budget);
        let notes = Arc::<Notes>::default();
        let wire = |lane: &ManualLane| Wire::new(lane.register(LineCodec), Arc::clone(&notes));
        let wires = [wire(&lanes[0]), wire(&lanes[1])];
        Self { lanes, notes, wires }
    }

    fn client(&mut self, lane: usize) -> (ManualConnection, Socket) {
        let client = self.lanes[lane].connect(&self.wires[lane], 1, Talk::new);
        self.lanes[lane].run();
        (client, self.notes.sockets.lock().unwrap().last().unwrap().clone())
    }

    fn send(&self, client: usize) {
        let socket = self.notes.sockets.lock().unwrap()[client].clone();
        let _ = socket.send(&Message::json("m", &"x".repeat(90)).unwrap());
    }

    fn used(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.stats().outbox_bytes).sum()
    }

    fn cut_off(&self) -> [u64; 2] {
        [0, 1].map(|lane| self.lanes[lane].stats().slow_over_budget)
    }
}

#[test]
fn the_largest_outbox_goes_on_whatever_lane_it_is() {
    let (mut pair, mut clients) = on_two_lanes(10_000, [&[50], &[5, 12]]);
    let (other, socket) = pair.client(1);
    clients.push(other);
    let _ = socket.send(&Message::json("m", &"x".repeat(2_000)).unwrap());
    pair.lanes[1].run();
    assert!(pair.used() > 10_000, "a little more, until the other lane does something");
    assert_eq!(pair.cut_off(), [0, 0], "it asked, and waits");
    pair.send(1);
    pair.lanes[1].run();
    assert_eq!(pair.cut_off(), [0, 0], "it still waits");
    pair.lanes[0].run();
    assert_eq!((pair.used() < 5_000, pair.cut_off(), who_is_reset(&clients)), (true, [1, 0], vec![0]));
}

#[test]
fn a_claim_that_is_out_of_date_is_corrected() {
    let (mut pair, clients) = on_two_lanes(10_000, [&[40, 9, 9, 9], &[3, 1, 1]]);
    // The largest one reads, but its lane still claims it; meanwhile those of the other lane become the largest.
    while pair.lanes[0].stats().outbox_bytes > 3_800 {
        clients[0].receive();
        pair.lanes[0].run();
    }
    while pair.cut_off() == [0, 0] {
        (4..7).for_each(|client| pair.send(client));
        pair.lanes[1].run();
        pair.lanes[0].run();
        pair.lanes[1].run();
        assert!(pair.used() < 10_500, "{}", pair.used());
    }
    assert_eq!((pair.cut_off(), who_is_reset(&clients)), ([0, 1], vec![4]));
}

#[test]
fn a_lane_that_does_not_listen_costs_an_eighth_of_the_budget() {
    let (mut pair, clients) = on_two_lanes(10_000, [&[50], &[5, 5]]);
    let mut most = 0;
    while pair.cut_off() == [0, 0] {
        most = pair.used();
        pair.send(1);
        pair.lanes[1].run();
    }
    assert!((11_000..=11_250).contains(&most), "{most}");
    assert_eq!((pair.cut_off(), who_is_reset(&clients)), ([0, 1], vec![1]), "its own largest");
    pair.lanes[0].run();
    assert_eq!(pair.cut_off(), [0, 1], "it hears of it when all is well again");
}
