//! The application on roomcast, with its defaults and one lane.

use std::{error::Error, future::pending, time::Duration};

use roomcast::{Engine, Socket};
use roomcast_lane::{Ack, Args, Data, Events, Lanes, Result};
use roomcast_server::{Connections, Front};
use roomcast_socketio::SocketIo;
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    let lanes = Lanes::builder().threads(1).start(&engine)?;
    let io = SocketIo::new(&lanes);
    io.namespace("/", events());
    let listener = roomcast_bench_peers::listen("roomcast-socketio").await?;
    let router = axum::Router::new().layer(io.layer());
    let front = Front {
        head_timeout: Duration::from_secs(10),
        stall_timeout: Duration::from_secs(30),
        drain: Duration::from_secs(3),
        connections_max: usize::MAX,
        connections: Connections::new(&lanes),
        direct: vec![io.direct()],
    };
    roomcast_server::serve(listener, router, front, pending()).await?;
    Ok(())
}

fn events() -> Events {
    Events::new().on_sync("join", join).on_sync("publish", publish)
}

fn join(socket: &Socket, Data(rooms): Data<Vec<String>>) -> Result<Ack<()>> {
    socket.join(&rooms)?;
    Ok(Ack(()))
}

fn publish(socket: &Socket, Args((room, data)): Args<(String, Box<RawValue>)>) -> Result {
    socket.engine().to(&*room).emit("message", &data)?;
    Ok(())
}
