//! Two DashMaps of sets: locks by shard instead of one.

use std::{collections::HashSet, hint::black_box};

use bytes::Bytes;
use dashmap::DashMap;

use super::{DATA, System, queues::Queues};

pub(crate) struct Dash {
    members: DashMap<String, HashSet<usize>>,
    rooms: DashMap<usize, HashSet<String>>,
    queues: Queues,
}

impl Dash {
    fn for_each(&self, rooms: &[&str], except: &[&str], mut each: impl FnMut(usize)) -> usize {
        if let ([room], []) = (rooms, except) {
            let Some(members) = self.members.get(*room) else { return 0 };
            members.iter().for_each(|socket| each(*socket));
            return members.len();
        }
        // One guard at a time: two shards locked in different orders by two threads are a deadlock.
        let mut left_out = HashSet::new();
        for room in except {
            left_out.extend(self.snapshot(room));
        }
        let mut seen = HashSet::new();
        for room in rooms {
            let Some(members) = self.members.get(*room) else { continue };
            for socket in members.iter() {
                if !left_out.contains(socket) && seen.insert(*socket) {
                    each(*socket);
                }
            }
        }
        seen.len()
    }

    fn snapshot(&self, room: &str) -> Vec<usize> {
        self.members.get(room).map(|members| members.iter().copied().collect()).unwrap_or_default()
    }

    fn remove_member(&self, socket: usize, room: &str) {
        if let Some(mut members) = self.members.get_mut(room) {
            members.remove(&socket);
            let empty = members.is_empty();
            drop(members);
            if empty {
                self.members.remove_if(room, |_, members| members.is_empty());
            }
        }
    }

    fn leave_all(&self, socket: usize) {
        if let Some((_, rooms)) = self.rooms.remove(&socket) {
            rooms.iter().for_each(|room| self.remove_member(socket, room));
        }
    }
}

impl System for Dash {
    const NAME: &'static str = "dashmap";

    fn new(sockets: usize) -> Self {
        Self { members: DashMap::new(), rooms: DashMap::new(), queues: Queues::new(sockets) }
    }

    fn join(&self, socket: usize, room: &str) {
        self.members.entry(room.to_owned()).or_default().insert(socket);
        self.rooms.entry(socket).or_default().insert(room.to_owned());
    }

    fn leave(&self, socket: usize, room: &str) {
        if let Some(mut rooms) = self.rooms.get_mut(&socket) {
            rooms.remove(room);
        }
        self.remove_member(socket, room);
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
        for socket in self.snapshot(room) {
            rooms.iter().for_each(|room| self.join(socket, room));
        }
    }

    fn remove_members(&mut self, room: &str, rooms: &[&str]) {
        for socket in self.snapshot(room) {
            rooms.iter().for_each(|room| self.leave(socket, room));
        }
    }

    fn leave_all(&mut self, room: &str) {
        for socket in self.snapshot(room) {
            Self::leave_all(self, socket);
        }
    }

    fn disconnect(&mut self, socket: usize) {
        Self::leave_all(self, socket);
    }
}
