//! A plain `RwLock` around two maps of sets.

use std::{
    collections::{HashMap, HashSet},
    hint::black_box,
    sync::RwLock,
};

use bytes::Bytes;

use super::{DATA, System, queues::Queues};

/// Both directions behind one lock.
#[derive(Default)]
struct Maps {
    members: HashMap<String, HashSet<usize>>,
    rooms: HashMap<usize, HashSet<String>>,
}

pub(crate) struct Locked {
    maps: RwLock<Maps>,
    queues: Queues,
}

impl Locked {
    fn for_each(&self, rooms: &[&str], except: &[&str], mut each: impl FnMut(usize)) -> usize {
        let maps = self.maps.read().unwrap();
        if let ([room], []) = (rooms, except) {
            let members = maps.members.get(*room);
            members.into_iter().flatten().for_each(|socket| each(*socket));
            return members.map_or(0, HashSet::len);
        }
        // In several rooms, or in one to be left out: who has been seen must be remembered.
        let except: Vec<_> = except.iter().filter_map(|room| maps.members.get(*room)).collect();
        let mut seen = HashSet::new();
        for socket in rooms.iter().filter_map(|room| maps.members.get(*room)).flatten() {
            if !except.iter().any(|members| members.contains(socket)) && seen.insert(*socket) {
                each(*socket);
            }
        }
        seen.len()
    }
}

impl Maps {
    fn join(&mut self, socket: usize, room: &str) {
        self.members.entry(room.to_owned()).or_default().insert(socket);
        self.rooms.entry(socket).or_default().insert(room.to_owned());
    }

    fn leave(&mut self, socket: usize, room: &str) {
        if let Some(rooms) = self.rooms.get_mut(&socket) {
            rooms.remove(room);
        }
        self.remove_member(socket, room);
    }

    fn leave_all(&mut self, socket: usize) {
        for room in self.rooms.remove(&socket).unwrap_or_default() {
            self.remove_member(socket, &room);
        }
    }

    fn remove_member(&mut self, socket: usize, room: &str) {
        if let Some(members) = self.members.get_mut(room) {
            members.remove(&socket);
            if members.is_empty() {
                self.members.remove(room);
            }
        }
    }

    fn snapshot(&self, room: &str) -> Vec<usize> {
        self.members.get(room).into_iter().flatten().copied().collect()
    }
}

impl System for Locked {
    const NAME: &'static str = "rwlock";

    fn new(sockets: usize) -> Self {
        Self { maps: RwLock::default(), queues: Queues::new(sockets) }
    }

    fn join(&self, socket: usize, room: &str) {
        self.maps.write().unwrap().join(socket, room);
    }

    fn leave(&self, socket: usize, room: &str) {
        self.maps.write().unwrap().leave(socket, room);
    }

    fn select(&self, rooms: &[&str], except: &[&str]) -> usize {
        self.for_each(rooms, except, |socket| {
            black_box(socket);
        })
    }

    fn enqueue(&mut self, rooms: &[&str], except: &[&str]) -> usize {
        let message = Bytes::copy_from_slice(DATA.as_bytes());
        self.for_each(rooms, except, |socket| self.queues.push(socket, &message))
    }

    fn empty_queues(&mut self) {
        self.queues.empty();
    }

    fn add_members(&mut self, room: &str, rooms: &[&str]) {
        let mut maps = self.maps.write().unwrap();
        for socket in maps.snapshot(room) {
            rooms.iter().for_each(|room| maps.join(socket, room));
        }
    }

    fn remove_members(&mut self, room: &str, rooms: &[&str]) {
        let mut maps = self.maps.write().unwrap();
        for socket in maps.snapshot(room) {
            rooms.iter().for_each(|room| maps.leave(socket, room));
        }
    }

    fn leave_all(&mut self, room: &str) {
        let mut maps = self.maps.write().unwrap();
        for socket in maps.snapshot(room) {
            maps.leave_all(socket);
        }
    }

    fn disconnect(&mut self, socket: usize) {
        self.maps.write().unwrap().leave_all(socket);
    }
}
