//! Who comes in, who is heard of when they leave, and the cookie of clients from other sites.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::post;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use roomcast::{Engine, MemoryLane, OwnedSocket, Socket};
use roomcast_lane::{Disconnect, DisconnectReason, Handshake, Refusal};
use roomcast_sails::{GetCookie, Hooks, MemoryStore, MissingOrigin, SameSite, Session, SessionError, SessionLayer};
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;

fn lane() -> MemoryLane {
    MemoryLane::new(&Engine::new())
}

fn socket(lane: &MemoryLane) -> OwnedSocket {
    lane.connect().unwrap()
}

fn from_page(origin: &'static str) -> Handshake {
    let mut handshake = Handshake::new("test");
    handshake.headers.insert(ORIGIN, HeaderValue::from_static(origin));
    handshake
}

fn bye() -> Disconnect {
    Disconnect { reason: DisconnectReason::ClientLeft, rooms: vec!["eu".into()] }
}

async fn admits(hooks: &Hooks, socket: &Socket, handshake: &Handshake) -> bool {
    hooks.admit(socket, handshake).await.is_ok()
}

#[tokio::test]
async fn everybody_comes_in_unless_somebody_minds() {
    let lane = lane();
    let ann = socket(&lane);
    let hooks = Hooks::new();
    assert!(admits(&hooks, &ann, &Handshake::new("test")).await);
    assert!(admits(&hooks, &ann, &from_page("https://anywhere.example")).await);
    assert!(!hooks.wants_rooms());
    hooks.left(&ann, bye());
}

#[tokio::test]
async fn only_pages_that_are_listed_come_in() {
    let lane = lane();
    let ann = socket(&lane);
    let hooks = Hooks::new().only_allow_origins(["https://app.example.com", "http://localhost:1337"]).unwrap();
    assert!(admits(&hooks, &ann, &from_page("https://app.example.com")).await);
    let refusal = hooks.admit(&ann, &from_page("https://evil.example")).await.unwrap_err();
    assert_eq!((refusal.status, refusal.message.as_str()), (403, "Origin not allowed"));
    // Whether programs do that send no origin is said, not guessed.
    assert!(admits(&hooks, &ann, &Handshake::new("test")).await);
    let hooks = hooks.missing_origin(MissingOrigin::Deny);
    assert!(!admits(&hooks, &ann, &Handshake::new("test")).await);
    assert!(admits(&hooks, &ann, &from_page("http://localhost:1337")).await);
}

#[tokio::test]
async fn before_connect_decides_after_the_origins() {
    let lane = lane();
    let (ann, ben) = (socket(&lane), socket(&lane));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let hooks = Hooks::new()
        .only_allow_origins(["https://a.example"])
        .unwrap()
        .before_connect(move |socket, handshake: Arc<Handshake>| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                // Somewhere a database is asked.
                tokio::task::yield_now().await;
                let name = handshake.query("name").ok_or_else(|| Refusal::new("who are you?").status(401))?;
                socket.insert(name);
                Ok(())
            }
        })
        .before_connect(async |socket: Socket, _| {
            match socket.get::<String>().is_some_and(|name| *name == "mallory") {
                true => Err(Refusal::new("not you")),
                false => Ok(()),
            }
        });
    let with = |query: &str, origin| {
        let mut handshake = from_page(origin);
        handshake.uri = format!("/socket.io/?{query}").parse().unwrap();
        handshake
    };
    assert!(admits(&hooks, &ann, &with("name=ann", "https://a.example")).await);
    assert_eq!(ann.get::<String>().unwrap().as_str(), "ann");
    let refusal = hooks.admit(&ben, &with("", "https://a.example")).await.unwrap_err();
    assert_eq!((refusal.status, refusal.message.as_str()), (401, "who are you?"));
    let refusal = hooks.admit(&ben, &with("name=mallory", "https://a.example")).await.unwrap_err();
    assert_eq!(refusal.message, "not you");
    // Nobody is asked about a page that is not listed.
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert!(!admits(&hooks, &ben, &with("name=ben", "https://b.example")).await);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

async fn login(session: Session) -> Result<(), SessionError> {
    session.insert("user", "ann").await
}

async fn send(app: &Router, request: Request<Body>) -> Response<Body> {
    app.clone().oneshot(request).await.unwrap()
}

fn get_cookie(response: &Response<Body>) -> Option<String> {
    Some(response.headers().get(SET_COOKIE)?.to_str().unwrap().split("; ").next().unwrap().to_owned())
}

/// Tells whose session it was and why they left, and notes in the session that they did.
fn telling(sessions: &SessionLayer, tell: mpsc::UnboundedSender<(Option<String>, Disconnect)>) -> Hooks {
    Hooks::new().after_disconnect(sessions, move |session: Session, _socket, bye| {
        let tell = tell.clone();
        async move {
            let user = session.get("user").await.unwrap();
            session.insert("left", &bye.reason.as_str()).await.unwrap();
            tell.send((user, bye)).unwrap();
        }
    })
}

#[tokio::test]
async fn who_left_is_known_by_the_session_of_its_page() {
    let store = MemoryStore::new();
    let sessions = SessionLayer::new(store.clone(), ["s"]).unwrap();
    let app = Router::new().route("/login", post(login)).layer(sessions.clone());
    let login = Request::post("/login").body(Body::empty()).unwrap();
    let cookie = get_cookie(&send(&app, login).await).unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let hooks = telling(&sessions, tell);
    assert!(hooks.wants_rooms());
    let lane = lane();
    let ann = socket(&lane);
    let mut handshake = Handshake::new("test");
    handshake.headers.insert(COOKIE, HeaderValue::from_str(&cookie).unwrap());
    assert!(admits(&hooks, &ann, &handshake).await);
    let handle = Socket::clone(&ann);
    drop(ann);
    hooks.left(&handle, bye());
    assert_eq!(told.recv().await.unwrap(), (Some("ann".into()), bye()));
    // It is told once.
    let ben = socket(&lane);
    assert!(admits(&hooks, &ben, &Handshake::new("test")).await);
    hooks.left(&handle, bye());
    hooks.left(&ben, bye());
    assert_eq!(told.recv().await.unwrap().0, None);
    // What the hook noted is saved soon after.
    let probe = sessions.of_socket(&socket(&lane), &handshake);
    let id = probe.id().await.unwrap().unwrap();
    let noted = async {
        while !roomcast_sails::SessionStore::load(&store, &id).await.unwrap().unwrap().entries.contains_key("left") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), noted).await.unwrap();
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn who_left_is_known_by_the_session_that_began_over_the_socket() {
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let app = Router::new().route("/login", post(login)).layer(sessions.clone());
    let (tell, mut told) = mpsc::unbounded_channel();
    let hooks = telling(&sessions, tell);
    let lane = lane();
    let ann = socket(&lane);
    assert!(admits(&hooks, &ann, &Handshake::new("test")).await);
    let mut login = Request::post("/login").body(Body::empty()).unwrap();
    login.extensions_mut().insert(Socket::clone(&ann));
    assert_eq!(send(&app, login).await.status(), StatusCode::OK);
    let handle = Socket::clone(&ann);
    drop(ann);
    hooks.left(&handle, bye());
    assert_eq!(told.recv().await.unwrap().0.as_deref(), Some("ann"));
}

#[tokio::test]
async fn who_was_refused_is_not_told_of() {
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let hooks = telling(&sessions, tell).before_connect(async |_, handshake: Arc<Handshake>| {
        match handshake.headers.contains_key(ORIGIN) {
            true => Ok(()),
            false => Err(Refusal::new("no")),
        }
    });
    let lane = lane();
    let (ann, ben) = (socket(&lane), socket(&lane));
    assert!(!admits(&hooks, &ann, &Handshake::new("test")).await);
    assert!(admits(&hooks, &ben, &from_page("https://a.example")).await);
    hooks.left(&ann, Disconnect::default());
    hooks.left(&ben, bye());
    assert_eq!(told.recv().await.unwrap().1, bye());
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn who_ends_a_program_waits_for_what_is_under_way() {
    static GO_ON: Notify = Notify::const_new();
    let store = MemoryStore::new();
    let sessions = SessionLayer::new(store.clone(), ["s"]).unwrap();
    let hooks = Hooks::new().after_disconnect(&sessions, async |session: Session, _socket, _bye| {
        GO_ON.notified().await;
        session.insert("left", "yes").await.unwrap();
    });
    assert!(hooks.settled().now_or_never().is_some(), "nothing is under way");
    let lane = lane();
    let ann = socket(&lane);
    assert!(admits(&hooks, &ann, &Handshake::new("test")).await);
    hooks.left(&ann, bye());
    let waits = hooks.clone();
    let mut settled = Box::pin(waits.settled());
    assert!(settled.as_mut().now_or_never().is_none(), "also before its task has run");
    tokio::task::yield_now().await;
    assert!(settled.as_mut().now_or_never().is_none());
    GO_ON.notify_one();
    tokio::time::timeout(std::time::Duration::from_secs(20), settled).await.unwrap();
    assert_eq!(store.sessions(), 1, "it is saved");
    // One that panics is through too.
    let hooks = Hooks::new().after_disconnect(&sessions, async |_session, _socket, _bye| panic!("as asked"));
    assert!(admits(&hooks, &ann, &Handshake::new("test")).await);
    hooks.left(&ann, bye());
    tokio::time::timeout(std::time::Duration::from_secs(20), hooks.settled()).await.unwrap();
}

#[tokio::test]
async fn a_browser_gets_a_cookie_from_another_site() {
    let store = MemoryStore::new();
    let sessions = SessionLayer::builder(store.clone(), ["s"]).same_site(SameSite::None).build().unwrap();
    let app = Router::new().route_service(GetCookie::PATH, GetCookie).layer(sessions);
    let response = send(&app, Request::get("/__getcookie").body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/javascript; charset=utf-8");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let set = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.starts_with("sails.sid=s%3A") && set.ends_with("; Path=/; HttpOnly; Secure; SameSite=None"), "{set}");
    let cookie = get_cookie(&response).unwrap();
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "_sailsIoJSConnect();");
    // One that has a cookie keeps it.
    let again = Request::get("/__getcookie").header(COOKIE, cookie).body(Body::empty()).unwrap();
    assert!(!send(&app, again).await.headers().contains_key(SET_COOKIE));
    assert_eq!(store.sessions(), 1);
    let other = Request::post("/__getcookie").body(Body::empty()).unwrap();
    assert_eq!(send(&app, other).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_sessions_there_is_no_cookie() {
    let app = Router::<()>::new().route_service(GetCookie::PATH, GetCookie);
    let response = send(&app, Request::get("/__getcookie").body(Body::empty()).unwrap()).await;
    assert!(!response.headers().contains_key(SET_COOKIE));
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "_sailsIoJSConnect();");
}
