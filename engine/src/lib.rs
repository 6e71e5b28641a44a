//! roomcast: sockets join rooms, messages go to rooms.
#![warn(missing_docs)]

mod broadcast;
mod buckets;
mod changes;
mod codec;
mod connection;
mod core;
mod engine;
mod error;
mod id;
mod inbox;
mod interner;
mod lane;
mod members;
mod membership;
mod memory_lane;
mod message;
mod observer;
mod port;
mod room;
mod room_map;
mod select;
mod selection;
mod slot_pool;
mod slots;
mod socket;
mod sync;
mod target;
mod tile_set;
mod tile_table;

pub use broadcast::Sent;
pub use codec::{Codec, Outgoing};
pub use engine::{Builder, Engine, Namespace, Stats};
pub use error::{ConnectError, EncodeError, JoinError};
pub use id::SocketId;
pub use inbox::Inbox;
pub use lane::{Backlog, Closed, Delivery, Lane, LaneTable, Tile};
pub use membership::Changed;
pub use memory_lane::MemoryLane;
pub use message::{Class, Key, Message};
pub use observer::Observer;
pub use port::LanePort;
pub use room::Room;
pub use selection::Selection;
pub use socket::{Members, OwnedSocket, Socket};
pub use target::{Rooms, Target, all, any, everyone};
