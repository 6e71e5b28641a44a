//! Raw WebSockets for roomcast: a tower service that you mount at a path of your HTTP server.
//!
//! There are three kinds of endpoint. All of them live on the same [`Lanes`](roomcast_lane::Lanes) and, but for the echo,
//! share one engine: a socket of one kind and a socket of the other, in the same room, get the same messages.
//!
//! | | who says what clients may do | a client sends | and gets |
//! |---|---|---|---|
//! | [`WebSocket::new`] | your handlers | `{"event":NAME,"data":V,"id"?:ANY}` | `{"event":NAME,"data":V}`, replies |
//! | [`WebSocket::rooms`] | a [`Policy`] | `{"op":OP,...,"id"?:ANY}`, see [`Op`] | the same |
//! | [`WebSocket::echo`] | nobody | anything | the same again |
//!
//! The first frame of the first two is `{"event":"hello","data":{"id":ID}}`: the socket's id, and the name of its own room.
//! A reply is `{"reply":ID,"ok":true,...}` or `{"reply":ID,"ok":false,"error":TEXT}`. Replies keep their order, among
//! themselves and with what is broadcast.
//!
//! # Your own events, in axum
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::Router;
//! use roomcast::Engine;
//! use roomcast_lane::{Data, Events, Lanes, Result};
//! use roomcast_websocket::{Policy, WebSocket};
//! use tokio::net::TcpListener;
//!
//! # async fn ctrl_c() {}
//! # #[tokio::main]
//! # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! # let address = "127.0.0.1:0";
//! let engine = Engine::new();
//! let lanes = Lanes::start(&engine)?;                                // I/O threads, one per core
//! let chat = Events::new().on_sync("say", |socket, Data(text): Data<String>| -> Result {
//!     socket.engine().to("chat").emit("said", &text)?;
//!     Ok(())
//! });
//! let app = Router::new()
//!     .route_service("/ws", WebSocket::new(&lanes, chat))            // your events
//!     .route_service("/rooms", WebSocket::rooms(&lanes, Policy::allow_all()));
//! let listener = TcpListener::bind(address).await?;
//! axum::serve(listener, app).with_graceful_shutdown(ctrl_c()).await?;
//! lanes.drain(Duration::from_secs(30)).await;                        // axum forgets upgraded connections
//! # Ok(())
//! # }
//! ```
//!
//! # What the host has to do
//!
//! Any server made of hyper will do, if it serves HTTP/1.1 with upgrades. It has to bound how long a connection may take for
//! its request's head, which `axum::serve` does not; `roomcast_server::serve` does.
//!
//! With the feature `tls`, a connection inside tokio-rustls' `TlsStream<TcpStream>` goes to its lane with its TLS, which the
//! lane then drives. Inside another library's TLS, or on any other stream of the host's own, the connection is driven through
//! hyper's upgraded stream: slower, never refused.

#![forbid(unsafe_code)]

mod codec;
mod connection;
mod dialect;
mod events;
mod heartbeat;
mod json;
mod options;
mod rooms;
mod service;
#[cfg(test)]
mod testing;
mod upgrade;

#[doc(inline)]
pub use roomcast_http::{InvalidOrigin, Origins};
pub use rooms::{BROADCAST_ROOMS_MAX, Emit, Invalid, LIST_MAX, Op, Policy, Request};
pub use service::WebSocket;

/// What a handshake says of this transport.
const TRANSPORT: &str = "websocket";
