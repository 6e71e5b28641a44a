//! The API of a Sails application: the same routes over HTTP and over sockets of sails.io.js.
//!
//!     cargo run -p roomcast-sails --example sails_api
//!
//! With sails.io.js: `io.socket.put('/rooms/lobby/members')`, `io.socket.post('/rooms/lobby/messages', {text: 'hi'})`,
//! `io.socket.get('/users/1')`; what is heard: `io.socket.on('said', console.log)`, `io.socket.on('user', console.log)`.
//! Over HTTP: `curl http://127.0.0.1:1337/rooms/lobby`. `PORT` takes another port; 0 a free one.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use http::request::Parts;
use roomcast::{Engine, Socket};
use roomcast_lane::{Events, Lanes};
use roomcast_sails::{Resource, Sails, Sockets};
use roomcast_socketio::SocketIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").map_or(Ok(1337), |port| port.parse())?;
    let engine = Engine::new();
    let lanes = Lanes::start(&engine)?; // I/O threads, one per core
    let app = mount(&lanes);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("API on http://{}", listener.local_addr()?);
    let stop = async move {
        ctrl_c().await;
        lanes.drain(Duration::from_secs(3)).await; // ends sockets, which axum forgets
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

fn mount(lanes: &Lanes) -> Router {
    let sockets = Sockets::new(lanes.engine());
    let api = Router::new()
        .route("/rooms/{room}", get(count))
        .route("/rooms/{room}/members", put(join).delete(leave))
        .route("/rooms/{room}/messages", post(say))
        .route("/users/{id}", get(find).patch(update))
        .with_state(App { users: Resource::new(&sockets, "user"), sockets, db: Arc::default() });
    let io = SocketIo::new(lanes);
    io.namespace("/", Events::new().fallback(Sails::new(api.clone()))); // own events first
    api.layer(io.layer()) // the same routes over HTTP
}

/// What handlers need: `sails.sockets`, the model `User`, and where your database would be.
#[derive(Clone)]
struct App {
    sockets: Sockets,
    users: Resource,
    db: Arc<Mutex<HashMap<u64, Value>>>,
}

type Answer = Result<Json<Value>, roomcast_sails::Error>;

/// How many are in a room. Anybody may ask, over HTTP too.
async fn count(State(app): State<App>, Path(room): Path<String>) -> Json<Value> {
    Json(json!({ "room": room, "members": app.sockets.engine().to(&room).count() }))
}

async fn join(State(app): State<App>, Path(room): Path<String>, req: Request) -> Answer {
    app.sockets.join(&req, &room)?; // plain HTTP: 400, NotASocket
    Ok(Json(json!({ "ok": true })))
}

async fn leave(State(app): State<App>, Path(room): Path<String>, req: Request) -> Answer {
    app.sockets.leave(&req, &room)?;
    Ok(Json(json!({ "ok": true })))
}

/// Says something to a room: to all but the socket that says it. Who says it over HTTP reaches everybody.
async fn say(State(app): State<App>, Path(room): Path<String>, req: Parts, Json(data): Json<Value>) -> Answer {
    let sent = app.sockets.omit(&req).broadcast(&room, "said", &data)?;
    Ok(Json(json!({ "reached": sent.matched })))
}

/// A user. A socket that asks hears from now on what changes (`User.subscribe(req, [id])`).
async fn find(State(app): State<App>, Path(id): Path<u64>, socket: Option<Extension<Socket>>) -> Answer {
    if let Some(Extension(socket)) = socket {
        app.users.subscribe(&socket, [id])?; // first, so that it misses no change
    }
    Ok(Json(json!({ "id": id, "user": app.db().get(&id) })))
}

/// Changes a user, and tells the others that hear of it: `{verb: 'updated', id, data, previous}`, as the blueprint does.
async fn update(State(app): State<App>, Path(id): Path<u64>, req: Parts, Json(data): Json<Value>) -> Answer {
    let previous = app.db().insert(id, data.clone());
    app.users.omit(&req).updated(id, &data, &previous)?;
    Ok(Json(json!({ "id": id, "user": data })))
}

impl App {
    fn db(&self) -> MutexGuard<'_, HashMap<u64, Value>> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("Ctrl-C will end this at once: {error}");
        std::future::pending::<()>().await;
    }
}
