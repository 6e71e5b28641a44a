//! The application on socketioxide, with its defaults but for the buffer.
//!
//! It drops what a socket's buffer of 128 packets cannot hold, and a workload has 512 messages in flight.

use std::error::Error;

use axum::serve::ListenerExt;
use serde_json::value::RawValue;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};

const PACKETS_BUFFERED_MAX: usize = 16_384;

/// Each event has a task of its own. On this runtime they run in the order of their events; a worker of the other
/// one lets the newest task go first.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::builder().max_buffer_size(PACKETS_BUFFERED_MAX).build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("join", join);
        socket.on("publish", publish);
    });
    let listener = roomcast_bench_peers::listen("socketioxide").await?;
    // What is written whole should not wait for an acknowledgement of what was written before.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

async fn join(socket: SocketRef, Data(rooms): Data<Vec<String>>, ack: AckSender) {
    socket.join(rooms);
    // It fails if the socket is gone: then nobody waits for the answer.
    let _ = ack.send(&());
}

async fn publish(io: SocketIo, Data((room, data)): Data<(String, Box<RawValue>)>) {
    if io.to(room).emit("message", &data).await.is_err() {
        // The error itself has an entry for each member.
        eprintln!("socketioxide: a message was not sent to all");
    }
}
