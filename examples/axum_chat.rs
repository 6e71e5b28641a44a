//! A chat in an axum application of your own: your listener, your runtime, your routes.
//!
//!     cargo run -p roomcast-websocket --example axum_chat [ADDRESS]
//!
//! Open http://127.0.0.1:3000 in two windows.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use roomcast::{Engine, Socket};
use roomcast_lane::{Data, Events, Handshake, Lanes, Refusal, Result};
use roomcast_websocket::{Policy, WebSocket};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Who a socket is.
struct Name(String);

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".into());
    let engine = Engine::new();
    let lanes = Lanes::start(&engine)?; // I/O threads, one per core
    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/members", get(async move || engine.to("chat").count().to_string()))
        .route_service("/ws", WebSocket::new(&lanes, chat())) // your events
        .route_service("/rooms", WebSocket::rooms(&lanes, Policy::allow_all())); // the JSON room protocol
    let listener = TcpListener::bind(address).await?;
    println!("chat on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(ctrl_c()).await?;
    lanes.drain(Duration::from_secs(3)).await; // axum forgets connections once they are upgraded
    Ok(())
}

fn chat() -> Events {
    Events::new()
        .on_connect(enter)
        .on_sync("say", |socket, Data(text): Data<String>| -> Result {
            let name = socket.get::<Name>().map_or_else(|| "?".into(), |name| name.0.clone());
            socket.engine().to("chat").emit("said", &(name, text))?;
            Ok(())
        })
        .on_disconnect(async |socket, bye| {
            let left = socket.engine().to(&bye.rooms).emit("left", bye.reason.as_str());
            debug_assert!(left.is_ok(), "a text is always JSON");
        })
}

/// Only when this has said yes does the client hear that it is connected.
async fn enter(socket: Socket, handshake: Arc<Handshake>) -> std::result::Result<(), Refusal> {
    let name = handshake.query("name").filter(|name| !name.is_empty()).ok_or(Refusal::new("who are you?"))?;
    socket.insert(Name(name));
    socket.join("chat").map_err(|full| Refusal::new(full.to_string()))?;
    Ok(())
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("Ctrl-C will end this at once: {error}");
        std::future::pending::<()>().await;
    }
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chat</title>
<style>
  :root { color-scheme: light dark }
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
  form { display: flex; gap: .5rem } input { flex: 1; font: inherit; padding: .4rem .6rem } button { font: inherit }
</style>
<h1>Chat</h1>
<form><input name="text" aria-label="Message" autocomplete="off" autofocus><button>Say</button></form>
<ul></ul>
<script>
  const name = prompt('Your name?') || 'somebody';
  const socket = new WebSocket(`ws://${location.host}/ws?name=${encodeURIComponent(name)}`);
  const show = (text) => document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: text }));
  socket.onmessage = ({ data }) => {
    const { event, data: what } = JSON.parse(data);
    if (event === 'said') show(what.join(': '));
    if (event === 'left') show(`somebody left (${what})`);
  };
  socket.onclose = () => show('disconnected');
  document.querySelector('form').onsubmit = (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    socket.send(JSON.stringify({ event: 'say', data: text.value }));
    text.value = '';
  };
</script>
"#;
