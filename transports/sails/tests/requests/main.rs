//! Virtual requests on real lanes: a client on a WebSocket, a Socket.IO endpoint, [`Sails`](roomcast_sails::Sails), and a
//! service behind it.

mod answers;
mod asked;
mod client;
mod connections;
mod endpoint;
mod failures;
mod order;
mod world;
