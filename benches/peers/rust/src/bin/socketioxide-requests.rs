//! The application of the `sails-` workloads on socketioxide: virtual requests, each an event named like a method.

use std::error::Error;

use axum::serve::ListenerExt;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};

/// As for the events `join` and `publish`, and for the same reason.
const PACKETS_BUFFERED_MAX: usize = 16_384;
/// Lists of ids are longer than what is taken by default.
const PAYLOAD_BYTES_MAX: u64 = 1_000_000;

/// What an event asks for; headers are not looked at.
#[derive(Deserialize)]
struct Request {
    url: String,
    data: Box<RawValue>,
}

#[derive(Serialize)]
struct Answer {
    body: Box<RawValue>,
    headers: Headers,
    #[serde(rename = "statusCode")]
    status_code: u16,
}

#[derive(Serialize)]
struct Headers {}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// What a route answers: a body, or a status and why.
type Outcome = Result<Box<RawValue>, (u16, &'static str)>;

const NOT_FOUND: Outcome = Err((404, "Not Found"));

/// The current-thread runtime runs events in their order.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) =
        SocketIo::builder().max_buffer_size(PACKETS_BUFFERED_MAX).max_payload(PAYLOAD_BYTES_MAX).build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("get", get);
        socket.on("put", put);
        socket.on("post", post);
    });
    let listener = roomcast_bench_peers::listen("socketioxide").await?;
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

async fn get(io: SocketIo, socket: SocketRef, Data(request): Data<Request>, ack: AckSender) {
    let outcome = match path(&request.url).as_slice() {
        ["me"] => me(&socket),
        ["rooms", room] => count(&io, &decoded(room)),
        _ => NOT_FOUND,
    };
    answer(ack, outcome);
}

async fn put(io: SocketIo, socket: SocketRef, Data(request): Data<Request>, ack: AckSender) {
    let outcome = match path(&request.url).as_slice() {
        ["rooms", room, "members"] => join(&io, &socket, decoded(room), &request.data),
        _ => NOT_FOUND,
    };
    answer(ack, outcome);
}

async fn post(io: SocketIo, Data(request): Data<Request>, ack: AckSender) {
    let outcome = match path(&request.url).as_slice() {
        ["rooms", room, "messages"] => broadcast(&io, decoded(room), &request.data).await,
        ["rooms", room, "copy"] => copy(&io, decoded(room), &request.data).await,
        ["rooms", room, "remove"] => remove(&io, decoded(room), &request.data).await,
        ["rooms", room, "clear"] => clear(&io, decoded(room)),
        _ => NOT_FOUND,
    };
    answer(ack, outcome);
}

fn me(socket: &SocketRef) -> Outcome {
    #[derive(Serialize)]
    struct Me {
        id: String,
    }
    body(&Me { id: socket.id.to_string() })
}

fn count(io: &SocketIo, room: &str) -> Outcome {
    #[derive(Serialize)]
    struct Room<'a> {
        room: &'a str,
        members: usize,
    }
    body(&Room { room, members: io.to(room.to_owned()).sockets().len() })
}

fn join(io: &SocketIo, socket: &SocketRef, room: String, data: &RawValue) -> Outcome {
    #[derive(Deserialize)]
    struct Members {
        ids: Option<Vec<String>>,
    }
    match parsed::<Members>(data)?.ids {
        None => socket.join(room),
        Some(ids) => {
            for socket in ids.iter().filter_map(|id| io.get_socket(id.parse().ok()?)) {
                socket.join(room.clone());
            }
        }
    }
    body(&Done { ok: true })
}

async fn broadcast(io: &SocketIo, room: String, data: &RawValue) -> Outcome {
    #[derive(Deserialize)]
    struct Message {
        data: Box<RawValue>,
    }
    let Message { data } = parsed(data)?;
    match io.to(room).emit("message", &data).await {
        Ok(()) => body(&Done { ok: true }),
        Err(_) => Err((500, "not sent to all")),
    }
}

async fn copy(io: &SocketIo, room: String, data: &RawValue) -> Outcome {
    #[derive(Deserialize)]
    struct To {
        to: Vec<String>,
    }
    let To { to } = parsed(data)?;
    match io.to(room).join(to).await {
        Ok(()) => body(&Done { ok: true }),
        Err(_) => Err((500, "not copied")),
    }
}

async fn remove(io: &SocketIo, room: String, data: &RawValue) -> Outcome {
    #[derive(Deserialize)]
    struct From {
        from: Vec<String>,
    }
    let From { from } = parsed(data)?;
    match io.to(room).leave(from).await {
        Ok(()) => body(&Done { ok: true }),
        Err(_) => Err((500, "not removed")),
    }
}

fn clear(io: &SocketIo, room: String) -> Outcome {
    io.to(room).sockets().iter().for_each(|socket| socket.leave_all());
    body(&Done { ok: true })
}

/// The segments of a url's path.
fn path(url: &str) -> Vec<&str> {
    let path = url.split('?').next().unwrap_or_default();
    path.trim_start_matches('/').split('/').collect()
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn parsed<T: DeserializeOwned>(data: &RawValue) -> Result<T, (u16, &'static str)> {
    serde_json::from_str(data.get()).map_err(|_| (400, "Bad Request"))
}

fn body(value: &impl Serialize) -> Outcome {
    to_raw_value(value).map_err(|_| (500, "Internal Server Error"))
}

fn answer(ack: AckSender, outcome: Outcome) {
    let (body, status_code) = match outcome {
        Ok(body) => (Ok(body), 200),
        Err((status, why)) => (to_raw_value(why), status),
    };
    // A string is always JSON; sending fails if the socket is gone: then nobody waits for the answer.
    if let Ok(body) = body {
        let _ = ack.send(&Answer { body, headers: Headers {}, status_code });
    }
}
