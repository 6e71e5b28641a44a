//! Room structures under test, behind one trait, so that every one of them runs the same plan.
//!
//! - [`locked::Locked`]: a plain `RwLock` around a map of sets, what most programs start with.
//! - [`dash::Dash`]: the same with DashMap's sharded locks.
//! - [`sioxide::Sioxide`]: the local adapter of socketioxide-core 0.18, with a stub where its server would be.
//! - [`engine::Roomcast`]: roomcast through its public interface, with a lane that does what a transport's does.
//!
//! A socket is a number. The rivals index their queues with it where they can, which is kinder to them than
//! the look-up of an id by which a server would find its socket.

pub(crate) mod dash;
pub(crate) mod engine;
pub(crate) mod locked;
pub(crate) mod plan;
pub(crate) mod queues;
pub(crate) mod sioxide;

/// The data of every message: 64 bytes, as in the load generator.
pub(crate) const DATA: &str = "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"";

/// Runs a generic function on every system: `on_every_system!(measure(arguments))`, the rivals first.
macro_rules! on_every_system {
    ($measure:ident($($argument:expr),*)) => {
        $measure::<$crate::systems::locked::Locked>($($argument),*);
        $measure::<$crate::systems::dash::Dash>($($argument),*);
        $measure::<$crate::systems::sioxide::Sioxide>($($argument),*);
        $measure::<$crate::systems::engine::Roomcast>($($argument),*);
    };
}
pub(crate) use on_every_system;

/// A room structure with some connected sockets. Several threads may join, leave and select at once.
pub(crate) trait System: Sync {
    /// Its name in the results.
    const NAME: &'static str;

    /// A structure of `sockets` connected sockets without rooms.
    fn new(sockets: usize) -> Self;

    /// `socket` joins `room`.
    fn join(&self, socket: usize, room: &str);

    /// `socket` leaves `room`.
    fn leave(&self, socket: usize, room: &str);

    /// Visits each socket that is in one of `rooms` and in none of `except`, once; returns how many. To visit is to show a
    /// number of the socket to `black_box`: without it the compiler would drop the walk, and with more it would be measured.
    fn select(&self, rooms: &[&str], except: &[&str]) -> usize;

    /// Sends one message to each of them, so that it waits in the socket's own queue; returns how many.
    fn enqueue(&mut self, rooms: &[&str], except: &[&str]) -> usize;

    /// Empties all queues; not measured.
    fn empty_queues(&mut self);

    /// All members of `room` join each of `rooms`.
    fn add_members(&mut self, room: &str, rooms: &[&str]);

    /// All members of `room` leave each of `rooms`.
    fn remove_members(&mut self, room: &str, rooms: &[&str]);

    /// All members of `room` leave all their rooms.
    fn leave_all(&mut self, room: &str);

    /// `socket` disconnects and is in no room any more.
    fn disconnect(&mut self, socket: usize);

    /// Members of `room`; not measured.
    fn members(&self, room: &str) -> usize {
        self.select(&[room], &[])
    }
}
