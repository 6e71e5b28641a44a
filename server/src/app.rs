//! All the server answers, as an axum router.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, get_service};
use axum::{Json, Router};
use percent_encoding::percent_decode_str;
use roomcast_lane::Lanes;
use roomcast_socketio::{Recovery, SocketIo, SocketIoBuilder, SocketIoService};
use roomcast_websocket::{Policy, WebSocket};
use serde::Serialize;

use crate::connections::Connections;
use crate::page;
use crate::settings::Settings;
use crate::socketio;
use crate::stats::Stats;

struct App {
    lanes: Lanes,
    connections: Connections,
    websockets: [WebSocket; 2],
    socketio: SocketIo,
    engineio: SocketIoService,
}

/// The router: Socket.IO at `/socket.io/`, Engine.IO that echoes at `/engine.io/`, WebSockets at `/ws` (rooms) and `/ws/echo`, the live page at `/`, `/stats`, `/healthz`, `/rooms/{room}`.
/// Whatever else, or with another method, is 404.
pub fn router(lanes: &Lanes, connections: &Connections, settings: &Settings) -> Router {
    let rooms = WebSocket::rooms(lanes, Policy::allow_all())
        .origins(settings.origins.clone())
        .max_payload(settings.max_payload)
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .connect_timeout(settings.connect_timeout);
    let echo = WebSocket::echo(lanes).origins(settings.origins.clone());
    let websockets = [rooms.clone(), echo.clone()];
    let mut socketio = configured(SocketIo::builder(lanes), settings);
    if !settings.recovery.is_zero() {
        socketio = socketio.recovery(Recovery::new(settings.recovery));
    }
    let socketio = socketio::endpoint(socketio.build());
    let engineio = configured(SocketIo::builder(lanes), settings).build_echo();
    let app = App {
        lanes: lanes.clone(),
        connections: connections.clone(),
        websockets,
        socketio: socketio.clone(),
        engineio: engineio.clone(),
    };
    Router::new()
        .route_service("/socket.io/", socketio.into_service())
        .route_service("/engine.io/", engineio)
        .route("/ws", get_service(rooms))
        .route("/ws/echo", get_service(echo))
        .route("/stats", get(stats))
        .route("/healthz", get(async || "ok\n"))
        .route("/rooms/{room}", get(room))
        .merge(page::router())
        .method_not_allowed_fallback(not_found)
        .fallback(not_found)
        .with_state(Arc::new(app))
}

fn configured(builder: SocketIoBuilder, settings: &Settings) -> SocketIoBuilder {
    builder
        .origins(settings.origins.clone())
        .max_payload(settings.max_payload)
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .connect_timeout(settings.connect_timeout)
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "Not Found")
}

async fn stats(State(app): State<Arc<App>>) -> Json<Stats> {
    let App { lanes, connections, websockets, socketio, engineio } = &*app;
    let sessions = socketio.sessions() + engineio.sessions();
    Json(Stats::read(connections, lanes, websockets, sessions, socketio.sockets("/")))
}

#[derive(Serialize)]
struct Room<'a> {
    room: &'a str,
    members: usize,
}

/// How many members a room has. The name is taken from the path as it came, since axum's own extractor lets a `%` pass that
/// begins no escape.
async fn room(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let raw = uri.path().strip_prefix("/rooms/").unwrap_or_default();
    let Some(room) = decode(raw) else {
        return (StatusCode::BAD_REQUEST, "the room's name is no percent-encoded UTF-8\n").into_response();
    };
    Json(Room { room: &room, members: app.lanes.engine().to(&room).count() }).into_response()
}

/// A path segment's text; `None` if a `%` begins no escape, or the bytes are no UTF-8.
fn decode(segment: &str) -> Option<String> {
    let hex = |escape: &str| escape.len() >= 2 && escape.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    let escapes_are_whole = segment.split('%').skip(1).all(hex);
    escapes_are_whole.then(|| percent_decode_str(segment).decode_utf8().ok()).flatten().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_or_refused() {
        for (segment, text) in [
            ("a", "a"),
            ("sl%2Fash", "sl/ash"),
            ("%e6%97%A5", "日"),
            ("a+b", "a+b"),
            ("100%25", "100%"),
            ("%252F", "%2F"),
            ("%00", "\0"),
        ] {
            assert_eq!(decode(segment).as_deref(), Some(text));
        }
        for segment in ["%", "%z", "%zz", "a%2", "a%2g", "%ff", "%C3", "%ED%A0%80", "%c0%af", "x%20until%", "%é", "%2é"]
        {
            assert_eq!(decode(segment), None, "{segment}");
        }
    }
}
