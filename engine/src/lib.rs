//! roomcast: a lock-free, in-memory room engine. Sockets join rooms, messages go to rooms.
//!
//! The whole interface is one sentence: **choose sockets, then act**, `engine.to(target).verb(..)`.
//!
//! ```
//! use roomcast::{Engine, JoinError, MemoryLane, Message, Socket, all, any};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder().rooms_per_socket_max(64).build(); // or Engine::new()
//! let lane = MemoryLane::new(&engine);
//! let (ann, ben, cem) = (lane.connect()?, lane.connect()?, lane.connect()?);
//! assert_eq!(ann.join(["eu", "chess"])?, 2); // memberships added
//! ben.join("eu")?;
//! cem.join(["eu", "muted"])?;
//! let hi = Message::raw("hi", r#"{"from":"ops"}"#);
//! assert_eq!(engine.to("eu").except("muted").broadcast(&hi).matched, 2);
//! assert_eq!(engine.to(all(["eu", "chess"])).count(), 1);
//! let sent = engine.to(["eu", "chess"]).per_room().broadcast(&hi); // ann gets two
//! assert_eq!(sent.matched, 4);
//! let sent = engine.to(any(["eu", "chess"])).except(&ben).latest("score").broadcast(&hi);
//! assert_eq!(sent.matched, 2);
//! assert_eq!(engine.to("eu").join("review")?.memberships, 3); // addRoomMembersToRooms
//! engine.to("chess").leave("review"); // removeRoomMembersFromRooms
//! assert_eq!(engine.to("muted").leave_all().memberships, 3);
//! assert_eq!(lane.received(&ann).len(), 4);
//! let handle = Socket::clone(&ben);
//! drop(ben); // the owner: disconnects
//! assert_eq!(handle.join("eu"), Err(JoinError::Gone));
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! - A selected socket gets a message once (or once a room, where asked), never after it was disconnected.
//! - A join that returned is seen by every later broadcast, a leave that returned is respected, and a member throughout is
//!   never missed, also while tables grow.
//! - What one thread sends to one socket arrives in order.
//! - No call waits for a reader, for I/O or for another socket. Broadcasting, counting and listing take no lock but that of
//!   a lane's inbox, for one push. (Where a [`Journal`] is kept, broadcasts of a namespace wait for each other.)
//! - A stale handle or id finds nobody; it never touches the socket that has its place now.
//!
//! # How it works
//! Memberships are a sparse matrix of bits, sockets by rooms. 32 sockets share a word, a *tile*; a room's tiles stand in a
//! table that readers scan without a lock, and each group of 32 sockets keeps the transpose. A broadcast ORs and AND-NOTs
//! tiles, and hands each [`Lane`] its share of them as one [`Delivery`]: publishers pay for tiles, lanes for members.
//!
//! This crate does no I/O, reads no clock and starts no thread. Transports stand on it through [`Lane`], [`Inbox`] and
//! [`LaneTable`]; [`MemoryLane`] is the smallest of them.
//!
//! # Features
//! `json`: [`Message`] from anything that serde can serialise, and `emit` on [`Selection`] and [`Socket`].

mod broadcast;
mod buckets;
mod cells;
mod changes;
mod codec;
mod connection;
mod contain;
mod core;
mod engine;
mod error;
mod event_name;
mod id;
mod inbox;
mod indivisible;
mod interner;
mod journal;
mod lane;
mod membership;
mod memory_lane;
mod message;
mod namespaces;
mod observer;
mod port;
mod room;
mod room_map;
mod roster;
mod scratch;
mod select;
mod selection;
mod slot_pool;
mod slots;
mod socket;
mod sync;
mod target;
mod tile_list;
mod tile_set;
mod tile_table;

pub use broadcast::Sent;
pub use codec::{Codec, Outgoing};
pub use engine::{Builder, Engine, Stats};
pub use error::{ConnectError, EncodeError, JoinError, OffsetError, ResumeError};
pub use event_name::is_reserved_event;
pub use id::SocketId;
pub use inbox::Inbox;
pub use journal::{FormerMember, Journal, JournalStats, Offset, Resumed};
pub use lane::{Backlog, Closed, Delivery, Lane, LaneTable, Tile, TileSlots};
pub use membership::Changed;
pub use memory_lane::MemoryLane;
pub use message::{Class, Key, Message};
pub use namespaces::Namespace;
pub use observer::Observer;
pub use port::LanePort;
pub use room::Room;
pub use selection::{Selection, Tiles};
pub use socket::{Members, OwnedSocket, Socket};
pub use target::{Rooms, Target, all, any, everyone};

#[cfg(all(test, loom))]
#[path = "../tests/models/mod.rs"]
mod models;
