//! All the server answers, as an axum router.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::routing::{get, get_service};
use axum::{Json, Router};
use roomcast_http::Direct;
use roomcast_lane::Lanes;
use roomcast_sails::Sails;
use roomcast_socketio::{Recovery, SocketIo, SocketIoBuilder, SocketIoService};
use roomcast_websocket::{Policy, WebSocket};
use tower::util::MapRequest;

use crate::api;
use crate::census::Census;
use crate::connections::Connections;
use crate::page;
use crate::settings::Settings;
use crate::socketio;
use crate::stall::Stall;
use crate::stats::Stats;

struct App {
    lanes: Lanes,
    census: Census,
    connections: Connections,
    websockets: [WebSocket; 2],
    socketio: SocketIo,
    engineio: SocketIoService,
}

/// The router: Socket.IO at `/socket.io/`, Engine.IO that echoes at `/engine.io/`, WebSockets at `/ws` (rooms) and `/ws/echo`, the
/// live page at `/`, `/stats`, `/healthz`, and the room verbs as requests, which sockets can make too.
/// Whatever else, or with another method, is 404.
pub fn router(lanes: &Lanes, connections: &Connections, settings: &Settings) -> Router {
    endpoints(lanes, connections, settings).0
}

/// The router, and those of its endpoints that take WebSockets before it.
pub(crate) fn endpoints(lanes: &Lanes, connections: &Connections, settings: &Settings) -> (Router, Vec<Direct>) {
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
    let api = api::router(lanes.engine(), settings.max_payload);
    let socketio = socketio::endpoint(socketio.build(), Sails::new(api::with_rules(api.clone())));
    let engineio = configured(SocketIo::builder(lanes), settings).path("/engine.io/").build_echo();
    let direct = vec![socketio.direct(), engineio.direct(), rooms.direct("/ws"), echo.direct("/ws/echo")];
    let engine = lanes.engine().clone();
    let app = App {
        lanes: lanes.clone(),
        census: Census::new(move || engine.stats()),
        connections: connections.clone(),
        websockets,
        socketio: socketio.clone(),
        engineio: engineio.clone(),
    };
    let router = Router::new()
        .route_service("/socket.io/", MapRequest::new(socketio.into_service(), left_at_the_end))
        .route_service("/engine.io/", MapRequest::new(engineio, left_at_the_end))
        .route("/ws", get_service(rooms))
        .route("/ws/echo", get_service(echo))
        .route("/stats", get(stats))
        .route("/healthz", get(async || "ok\n"))
        .with_state(Arc::new(app))
        .merge(page::router())
        .merge(api);
    (api::with_rules(router), direct)
}

/// Bytes that may wait for a client of Socket.IO, or four of the largest messages: who asks for that much, by a POST that comes
/// before its polls, should get it.
const OUTBOX_BYTES_MIN: usize = 1 << 20;

fn configured(builder: SocketIoBuilder, settings: &Settings) -> SocketIoBuilder {
    builder
        .origins(settings.origins.clone())
        .max_payload(settings.max_payload)
        .outbox_bytes_max(OUTBOX_BYTES_MIN.max(settings.max_payload.saturating_mul(4)))
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .connect_timeout(settings.connect_timeout)
}

/// A poll waits for as long as there is nothing to send. If its client left, it must not stand in the way of the next one.
fn left_at_the_end(request: Request) -> Request {
    let names_session =
        request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("sid=")));
    if let Some(stall) = request.extensions().get::<Stall>()
        && *request.method() == Method::GET
        && names_session
    {
        stall.ends_with_client();
    }
    request
}

async fn stats(State(app): State<Arc<App>>) -> Json<Stats> {
    let App { lanes, census, connections, websockets, socketio, engineio } = &*app;
    // First, since it waits: the others are numbers of the moment.
    let counted = census.count().await;
    let sessions = socketio.sessions() + engineio.sessions();
    Json(Stats::read(counted, connections, lanes, websockets, sessions, socketio.sockets("/")))
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};
    use std::time::Duration;

    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn polls_and_only_they_are_given_up_when_their_client_sends_no_more() {
        for (method, target, is_left) in [
            ("GET", "/socket.io/?EIO=4&transport=polling&sid=a", true),
            ("GET", "/socket.io/?sid=a", true),
            ("POST", "/socket.io/?EIO=4&transport=polling&sid=a", false),
            ("GET", "/socket.io/?EIO=4&transport=polling", false),
            ("GET", "/socket.io/?EIO=4&t=sid=", false),
            ("GET", "/socket.io/", false),
        ] {
            let stall = Stall::new();
            stall.request_came();
            let request = http::Request::builder().method(method).uri(target).extension(stall.clone());
            left_at_the_end(request.body(Body::empty()).unwrap());
            let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
            let told = stall.poll_told(&mut sleep, &mut Context::from_waker(Waker::noop()));
            assert_eq!(told.is_ready(), is_left, "{method} {target}");
        }
    }
}
