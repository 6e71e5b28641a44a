//! The naive model: what the engine must do, in the simplest words.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test uses a part of it")]

mod decode;
mod pair;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use roomcast::{Target, all, any, everyone};

pub use decode::Decoder;
pub use pair::{Op, Pair};

/// Sockets are numbers that are never used again; rooms are sets of them.
#[derive(Default)]
pub struct Model {
    pub rooms: HashMap<String, BTreeSet<usize>>,
    pub connected: BTreeSet<usize>,
}

/// An expression over rooms `r0`.. and sockets by number.
#[derive(Clone, Debug)]
pub enum Expr {
    Everyone,
    Room(u8),
    Socket(usize),
    /// A socket by the text of its id.
    Id(usize),
    Any(Vec<Self>),
    All(Vec<Self>),
    Except(Box<Self>, Box<Self>),
}

pub fn room(number: u8) -> String {
    format!("r{number}")
}

impl Expr {
    /// In the engine's words. `id` gives the id of a socket, if it was ever connected.
    pub fn target<'a>(&self, id: &impl Fn(usize) -> Option<roomcast::SocketId>) -> Target<'a> {
        match self {
            Self::Everyone => everyone(),
            Self::Room(number) => room(*number).into(),
            Self::Socket(socket) => id(*socket).map_or_else(nobody, Target::from),
            Self::Id(socket) => id(*socket).map_or_else(nobody, |id| Target::from(id.as_str().to_owned())),
            Self::Any(list) => any(list.iter().map(|expr| expr.target(id))),
            Self::All(list) => all(list.iter().map(|expr| expr.target(id))),
            Self::Except(include, exclude) => include.target(id).except(exclude.target(id)),
        }
    }
}

fn nobody<'a>() -> Target<'a> {
    any(Vec::<Target<'a>>::new())
}

pub const ROOMS: u8 = 8;
pub const SOCKETS: usize = 90;

impl Model {
    pub fn select(&self, expr: &Expr) -> BTreeSet<usize> {
        match expr {
            Expr::Everyone => self.connected.clone(),
            Expr::Room(number) => self.members(*number),
            Expr::Socket(socket) | Expr::Id(socket) => self.connected.get(socket).copied().into_iter().collect(),
            Expr::Any(list) => list.iter().flat_map(|expr| self.select(expr)).collect(),
            Expr::All(list) => {
                let all = list.iter().map(|expr| self.select(expr)).reduce(|a, b| &a & &b);
                all.unwrap_or_default()
            }
            Expr::Except(include, exclude) => &self.select(include) - &self.select(exclude),
        }
    }

    /// What gets one copy for each room: the parts of a list, each less what is excluded.
    pub fn copies(&self, expr: &Expr) -> BTreeMap<usize, usize> {
        let mut copies = BTreeMap::new();
        for part in parts(expr) {
            for socket in self.select(&part) {
                *copies.entry(socket).or_default() += 1;
            }
        }
        copies
    }

    pub fn members(&self, number: u8) -> BTreeSet<usize> {
        self.rooms.get(&room(number)).cloned().unwrap_or_default()
    }

    pub fn rooms_of(&self, socket: usize) -> BTreeSet<String> {
        let rooms = self.rooms.iter().filter(|(_, members)| members.contains(&socket));
        rooms.map(|(name, _)| name.clone()).collect()
    }

    /// Returns how many memberships are new.
    pub fn join(&mut self, sockets: &BTreeSet<usize>, rooms: &[u8]) -> usize {
        let mut new = 0;
        for number in rooms {
            for socket in sockets {
                new += usize::from(self.rooms.entry(room(*number)).or_default().insert(*socket));
            }
        }
        self.tidy();
        new
    }

    pub fn leave(&mut self, sockets: &BTreeSet<usize>, rooms: &[u8]) -> usize {
        let mut gone = 0;
        for number in rooms {
            let Some(members) = self.rooms.get_mut(&room(*number)) else { continue };
            gone += sockets.iter().filter(|socket| members.remove(socket)).count();
        }
        self.tidy();
        gone
    }

    pub fn leave_all(&mut self, sockets: &BTreeSet<usize>) -> usize {
        let members = self.rooms.values_mut();
        let gone = members.map(|members| sockets.iter().filter(|socket| members.remove(socket)).count()).sum();
        self.tidy();
        gone
    }

    pub fn disconnect(&mut self, sockets: &BTreeSet<usize>) -> usize {
        self.leave_all(sockets);
        let before = self.connected.len();
        self.connected.retain(|socket| !sockets.contains(socket));
        before - self.connected.len()
    }

    pub fn memberships(&self) -> usize {
        self.rooms.values().map(BTreeSet::len).sum()
    }

    fn tidy(&mut self) {
        self.rooms.retain(|_, members| !members.is_empty());
    }
}

/// What `per_room` makes of an expression: each part is a copy.
pub fn parts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::Any(list) => list.clone(),
        Expr::Except(include, exclude) => {
            let less = |part| Expr::Except(Box::new(part), exclude.clone());
            parts(include).into_iter().map(less).collect()
        }
        one => vec![one.clone()],
    }
}
