//! Operations from bytes, for the fuzzer and its seeds: every string of bytes is some sequence.

use super::{Expr, Op, ROOMS, SOCKETS};

/// Reads operations off bytes; zeros come when they are used up.
pub struct Decoder<'a>(pub &'a [u8]);

impl Iterator for Decoder<'_> {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        (!self.0.is_empty()).then(|| self.op())
    }
}

impl Decoder<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn op(&mut self) -> Op {
        match self.byte() % 13 {
            0 => Op::Connect(self.byte() % 40 + 1),
            1 => Op::Drop(self.socket()),
            2 => Op::Disconnect(self.expr(3)),
            3 => Op::Join(self.socket(), self.rooms()),
            4 => Op::Leave(self.socket(), self.rooms()),
            5 => Op::LeaveAll(self.socket()),
            6 => Op::JoinAll(self.expr(3), self.rooms()),
            7 => Op::LeaveMany(self.expr(3), self.rooms()),
            8 => Op::LeaveEverything(self.expr(3)),
            9 => Op::Broadcast(self.expr(3)),
            10 => Op::BroadcastPerRoom(self.expr(3)),
            11 => Op::BroadcastFrom(self.socket(), self.expr(3)),
            _ => Op::Count(self.expr(3)),
        }
    }

    fn socket(&mut self) -> usize {
        usize::from(self.byte()) % SOCKETS
    }

    fn rooms(&mut self) -> Vec<u8> {
        (0..=self.byte() % 3).map(|_| self.byte() % ROOMS).collect()
    }

    fn expr(&mut self, depth: u8) -> Expr {
        match self.byte() % if depth == 0 { 10 } else { 14 } {
            0 => Expr::Everyone,
            1..7 => Expr::Room(self.byte() % ROOMS),
            7 | 8 => Expr::Socket(self.socket()),
            9 => Expr::Id(self.socket()),
            10 | 11 => Expr::Any(self.list(depth)),
            12 => Expr::All(self.list(depth)),
            _ => Expr::Except(Box::new(self.expr(depth - 1)), Box::new(self.expr(depth - 1))),
        }
    }

    fn list(&mut self, depth: u8) -> Vec<Expr> {
        (0..self.byte() % 4).map(|_| self.expr(depth - 1)).collect()
    }
}
