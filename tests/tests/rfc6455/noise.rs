//! Clients that send noise, beside one that does not: it is served as if it were alone.

use roomcast_tests::{Client, Frame, Server, frames};

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn bytes(&mut self, len_max: usize) -> Vec<u8> {
        (0..self.below(len_max)).map(|_| self.below(256) as u8).collect()
    }

    /// Valid frames of any kind, with a few bytes changed.
    fn nearly_frames(&mut self) -> Vec<u8> {
        let firsts = [0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88];
        let some: Vec<Frame> = (0..1 + self.below(6))
            .map(|_| Frame::new(firsts[self.below(firsts.len())], self.bytes(200)).masked([self.below(256) as u8; 4]))
            .collect();
        let mut bytes = frames(&some);
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
        bytes
    }
}

#[test]
fn noise_costs_only_those_who_make_it() {
    let mut server = Server::start(&[]);
    let (mut talker, _) = Client::open_rooms(&server);
    let mut random = Random(6455);
    let mut noisy: Vec<Client> = Vec::new();
    for i in 0..400 {
        let mut client = Client::open(&server, if i % 2 == 0 { "/ws/echo" } else { "/ws" });
        let noise = if i % 4 < 2 { random.nearly_frames() } else { random.bytes(300) };
        client.try_send(&noise);
        match i % 3 {
            0 => client.half_close(),
            1 => noisy.push(client),
            _ => drop(client),
        }
        talker.send_text(&format!(r#"{{"id":{i},"op":"rooms"}}"#));
        let reply = talker.frame();
        assert!(reply.text().starts_with(&format!(r#"{{"reply":{i},"ok":true,"rooms":["#)), "{reply:?}");
    }
    drop((talker, noisy));
    server.assert_unharmed();
}
