//! A chat over Socket.IO in an axum application of your own.
//!
//!     cargo run -p roomcast-socketio --example socketio_chat
//!
//! Open http://127.0.0.1:3000 in two windows. `PORT` takes another port; 0 a free one.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use roomcast::{Engine, Socket};
use roomcast_lane::{Ack, Args, Auth, Data, Events, Lanes, Refusal, Result, State};
use roomcast_socketio::SocketIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

/// What a client shows to come in.
#[derive(Deserialize)]
struct Login {
    token: String,
}

/// Who a socket is.
struct User {
    name: String,
}

/// What a client says, and to whom.
#[derive(Deserialize)]
struct Say {
    room: String,
    text: String,
}

/// What the others are told.
#[derive(Serialize)]
struct Said<'a> {
    by: &'a str,
    text: &'a str,
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let engine = Engine::new();
    let lanes = Lanes::start(&engine)?; // I/O threads, one per core
    let app = mount(&lanes, Db::default());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("chat on http://{}", listener.local_addr()?);
    let stop = async move {
        ctrl_c().await;
        lanes.drain(Duration::from_secs(3)).await; // ends WebSockets, which axum forgets, and polls, which it would wait for
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

fn mount(lanes: &Lanes, db: Db) -> Router {
    let io = SocketIo::new(lanes); // builder(lanes): path, origins, ping_interval, max_payload, ..
    io.namespace("/", chat(db)); // returns the namespace's Engine
    Router::new().route("/", get(async || Html(PAGE))).layer(io.layer())
}

fn chat(db: Db) -> Events {
    Events::new()
        .with_state(db)
        .on_connect(admit)
        .on("say", say)
        .on("sum", async |_, Args((a, b)): Args<(i64, i64)>| Ack(a.saturating_add(b)))
        .on_sync("move", |socket, Data(at): Data<[f32; 2]>| -> Result {
            // Who is behind gets the latest position of each socket only.
            socket.to("arena").latest(socket.id().as_str()).emit("moved", &at)?;
            Ok(())
        })
        .on_disconnect(async |socket, bye| {
            // bye.rooms: where it was
            let left = socket.engine().to(&bye.rooms).emit("left", bye.reason.as_str());
            debug_assert!(left.is_ok(), "a text is always JSON");
        })
}

/// Only when this has said yes does the client hear that it is connected.
async fn admit(socket: Socket, (Auth(login), State(db)): (Auth<Login>, State<Db>)) -> std::result::Result<(), Refusal> {
    let stranger = || Refusal::new("who are you?").data(&json!({ "token": login.token }));
    socket.insert(db.user(&login.token).await.ok_or_else(stranger)?);
    socket.join(["lobby", "arena"]).map_err(|full| Refusal::new(full.to_string()))?;
    Ok(())
}

async fn say(socket: Socket, (Data(say), State(db)): (Data<Say>, State<Db>)) -> Result<Ack<u64>> {
    let id = db.save(&say).await?; // any std error: logged, counted, no ack
    let user = socket.get::<User>();
    let by = user.as_ref().map_or("?", |user| &user.name);
    socket.to(&say.room).emit("said", &Said { by, text: &say.text })?; // all but the sender
    Ok(Ack(id)) // the return value is the ack
}

/// Where your database would be.
#[derive(Clone, Default)]
struct Db {
    saved: Arc<AtomicU64>,
}

impl Db {
    /// Here a token is a name, and everybody with one is a user.
    async fn user(&self, token: &str) -> Option<User> {
        let name = token.trim();
        (!name.is_empty()).then(|| User { name: name.into() })
    }

    /// Gives a number to what is said, from 1; does not keep it.
    async fn save(&self, say: &Say) -> io::Result<u64> {
        if say.text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "nothing was said"));
        }
        Ok(self.saved.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("Ctrl-C will end this at once: {error}");
        std::future::pending::<()>().await;
    }
}

/// Loads Socket.IO's client from the network: roomcast does not serve it.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chat</title>
<style>
  :root { color-scheme: light dark }
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
  form { display: flex; gap: .5rem } input { flex: 1; font: inherit; padding: .4rem .6rem } button { font: inherit }
</style>
<h1>Chat</h1>
<form><input name="text" aria-label="Message" autocomplete="off" required autofocus><button>Say</button></form>
<ul></ul>
<script type="module">
  import { io } from 'https://cdn.jsdelivr.net/npm/socket.io-client@4.8/dist/socket.io.esm.min.js';
  const socket = io({ auth: { token: prompt('Your name?') ?? '' } });
  const show = (text) => document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: text }));
  socket.on('said', ({ by, text }) => show(`${by}: ${text}`));
  socket.on('left', (reason) => show(`somebody left (${reason})`));
  socket.on('connect_error', ({ message }) => show(message));
  document.querySelector('form').onsubmit = async (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    const id = await socket.emitWithAck('say', { room: 'lobby', text: text.value });
    show(`you: ${text.value} (${id})`);
    text.value = '';
  };
</script>
"#;
