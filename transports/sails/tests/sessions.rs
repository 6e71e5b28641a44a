//! Sessions as the clients and handlers of an application meet them: over plain HTTP, and over sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::Query;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, StatusCode};
use roomcast::{Engine, MemoryLane, OwnedSocket, Socket};
use roomcast_lane::{Application, BoxFuture, Event, Handshake, Reply};
use roomcast_sails::{
    InvalidSessionSettings, MemoryStore, Sails, SameSite, Save, Session, SessionError, SessionId, SessionLayer,
    SessionStore, StoreError, Stored,
};
use serde::Deserialize;
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;

#[derive(Deserialize)]
struct Entry {
    name: String,
    value: Option<String>,
}

async fn set(session: Session, Query(entry): Query<Entry>) -> Result<(), SessionError> {
    match entry.value {
        Some(value) => session.insert(entry.name, &value).await,
        None => session.remove(&entry.name).await.map(drop),
    }
}

async fn read(Extension(session): Extension<Session>, Query(entry): Query<Entry>) -> Result<String, SessionError> {
    Ok(session.get::<String>(&entry.name).await?.unwrap_or_else(|| "nothing".into()))
}

fn routes() -> Router {
    Router::new()
        .route("/read", get(read))
        .route("/set", post(set))
        .route("/idle", get(async || "idle"))
        .route("/begin", post(async |session: Session| session.begin().await))
        .route("/renew", post(async |session: Session| session.renew().await))
        .route("/logout", post(async |session: Session| session.destroy().await))
        .route(
            "/id",
            get(async |session: Session| {
                let id = session.id().await?;
                Ok::<_, SessionError>(id.map(|id| id.as_str().to_owned()).unwrap_or_default())
            }),
        )
}

fn app(store: impl SessionStore) -> Router {
    routes().layer(SessionLayer::new(store, ["keyboard cat"]).unwrap())
}

/// A client of plain HTTP, which keeps one cookie as a browser does.
#[derive(Clone)]
struct Client {
    app: Router,
    cookie: Option<String>,
    /// A client of virtual requests: it keeps no cookie.
    socket: Option<Socket>,
}

struct Answer {
    status: StatusCode,
    set_cookie: Option<String>,
    body: String,
}

impl Client {
    fn new(app: &Router) -> Self {
        Self { app: app.clone(), cookie: None, socket: None }
    }

    fn over(app: &Router, socket: &Socket) -> Self {
        Self { socket: Some(socket.clone()), ..Self::new(app) }
    }

    async fn send(&mut self, method: &str, path: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        if let Some(socket) = &self.socket {
            request.extensions_mut().insert(socket.clone());
        }
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let set_cookie = response.headers().get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
        if let (Some(set), None) = (&set_cookie, &self.socket) {
            let pair = set.split("; ").next().unwrap();
            self.cookie = (!set.contains("Max-Age=0")).then(|| pair.to_owned());
        }
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, set_cookie, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&mut self, path: &str) -> String {
        let answer = self.send("GET", path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    async fn post(&mut self, path: &str) -> Option<String> {
        let answer = self.send("POST", path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.set_cookie
    }
}

/// A clock that goes on when it is told to.
#[derive(Clone)]
struct Clock(Instant, Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Instant::now(), Arc::default())
    }

    fn advance(&self, time: Duration) {
        self.1.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    fn store(&self) -> MemoryStore {
        let Self(start, millis) = self.clone();
        MemoryStore::builder().clock(move || start + Duration::from_millis(millis.load(Ordering::Relaxed))).build()
    }
}

#[tokio::test]
async fn a_client_is_known_again() {
    let app = app(MemoryStore::new());
    let (mut ann, mut ben) = (Client::new(&app), Client::new(&app));
    let set = ann.post("/set?name=user&value=ann").await.unwrap();
    assert!(set.starts_with("sails.sid=s%3A"), "{set}");
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    ben.post("/set?name=user&value=ben").await.unwrap();
    assert_eq!(ann.get("/read?name=user").await, "ann");
    assert_eq!(ben.get("/read?name=user").await, "ben");
    // It has its cookie already.
    assert_eq!(ann.post("/set?name=user&value=anna").await, None);
    assert_eq!(ann.get("/read?name=user").await, "anna");
    ann.post("/set?name=user").await;
    assert_eq!(ann.get("/read?name=user").await, "nothing");
    assert_ne!(ann.get("/id").await, ben.get("/id").await);
}

#[tokio::test]
async fn a_session_begins_with_its_first_value() {
    let store = MemoryStore::new();
    let app = app(store.clone());
    let mut ann = Client::new(&app);
    for path in ["/idle", "/read?name=user", "/id"] {
        assert_eq!(ann.send("GET", path).await.set_cookie, None);
    }
    for path in ["/set?name=user", "/renew", "/logout"] {
        assert_eq!(ann.post(path).await, None, "{path}");
    }
    assert_eq!((store.sessions(), store.bytes()), (0, 0));
    // Or when it is asked to.
    assert!(ann.post("/begin").await.is_some());
    assert_eq!(store.sessions(), 1);
    assert_eq!(ann.post("/begin").await, None);
}

#[tokio::test]
async fn a_cookie_that_was_made_up_is_nobodys() {
    let store = MemoryStore::new();
    let app = app(store.clone());
    let mut ann = Client::new(&app);
    ann.post("/set?name=user&value=ann").await;
    let real = ann.cookie.clone().unwrap();
    let forged = real.replacen("s%3A", "s%3Ax", 1);
    // This one is signed rightly (with the npm package cookie-signature), but the store knows nothing of it.
    let unknown = "sails.sid=s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU";
    for cookie in [&forged, unknown, "sails.sid=abc", "sails.sid="] {
        let mut eve = Client { cookie: Some(cookie.to_owned()), ..Client::new(&app) };
        assert_eq!(eve.get("/read?name=user").await, "nothing", "{cookie}");
        // It begins under an id that nobody could know.
        let set = eve.post("/set?name=user&value=eve").await.unwrap();
        assert!(!set.contains("s%3Aabc.") && !real.contains(&eve.get("/id").await), "{set}");
    }
    assert_eq!(ann.get("/read?name=user").await, "ann");
}

#[tokio::test]
async fn a_session_of_a_sails_application_is_understood() {
    let store = MemoryStore::new();
    let layer = SessionLayer::new(store.clone(), ["keyboard cat"]).unwrap();
    let app = routes().layer(layer);
    let mut ann = Client::new(&app);
    ann.cookie = Some("a=b; sails.sid=s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU".into());
    // What the application kept under that id, in a store that both use.
    store.save(&SessionId::new("abc").unwrap(), values(&[("user", "\"ann\"")]).begin()).await.unwrap();
    assert_eq!(ann.get("/read?name=user").await, "ann");
    assert_eq!(ann.post("/set?name=user&value=anna").await, None);
    assert_eq!(ann.get("/id").await, "abc");
}

fn values(pairs: &[(&str, &str)]) -> Save {
    let raw = |json: &str| serde_json::value::RawValue::from_string(json.to_owned()).unwrap();
    let changes = pairs.iter().map(|(name, json)| ((*name).to_owned(), Some(raw(json)))).collect();
    Save::new(changes, Duration::from_secs(60))
}

#[tokio::test]
async fn secrets_can_be_replaced() {
    let store = MemoryStore::new();
    let with = |secrets: &[&str]| routes().layer(SessionLayer::new(store.clone(), secrets).unwrap());
    let mut ann = Client::new(&with(&["former"]));
    ann.post("/set?name=user&value=ann").await;
    ann.app = with(&["new", "former"]);
    // Whoever uses its session gets it signed with the new one.
    assert_eq!(ann.send("GET", "/idle").await.set_cookie, None);
    assert!(ann.send("GET", "/read?name=user").await.set_cookie.is_some());
    assert!(ann.send("GET", "/read?name=user").await.set_cookie.is_none());
    ann.app = with(&["new"]);
    assert_eq!(ann.get("/read?name=user").await, "ann");
    ann.app = with(&["former"]);
    assert_eq!(ann.get("/read?name=user").await, "nothing");
}

#[tokio::test]
async fn an_id_is_renewed_and_the_former_one_leads_nowhere() {
    let app = app(MemoryStore::new());
    let mut ann = Client::new(&app);
    ann.post("/set?name=cart&value=tea").await;
    let mut eve = ann.clone();
    let former = ann.get("/id").await;
    assert!(ann.post("/renew").await.is_some());
    assert_ne!(ann.get("/id").await, former);
    assert_eq!(ann.get("/read?name=cart").await, "tea");
    assert_eq!(eve.get("/read?name=cart").await, "nothing");
}

#[tokio::test]
async fn who_logs_out_is_forgotten() {
    let store = MemoryStore::new();
    let app = app(store.clone());
    let mut ann = Client::new(&app);
    ann.post("/set?name=user&value=ann").await;
    let mut copy = ann.clone();
    let removal = ann.post("/logout").await.unwrap();
    assert_eq!(removal, "sails.sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!((ann.cookie.as_deref(), store.sessions()), (None, 0));
    assert_eq!(copy.get("/read?name=user").await, "nothing");
}

#[tokio::test]
async fn unused_sessions_expire_and_used_ones_do_not() {
    let clock = Clock::new();
    let store = clock.store();
    let layer = SessionLayer::builder(store.clone(), ["s"]).time_to_live(Duration::from_secs(100)).build().unwrap();
    let app = routes().layer(layer);
    let (mut ann, mut ben) = (Client::new(&app), Client::new(&app));
    ann.post("/set?name=user&value=ann").await;
    ben.post("/set?name=user&value=ben").await;
    for _ in 0..5 {
        clock.advance(Duration::from_secs(60));
        assert_eq!(ann.get("/read?name=user").await, "ann");
    }
    assert_eq!(ben.get("/read?name=user").await, "nothing");
    assert_eq!(store.sessions(), 1);
    clock.advance(Duration::from_secs(100));
    assert_eq!(ann.get("/read?name=user").await, "nothing");
    assert_eq!((store.sessions(), store.bytes(), store.dropped()), (0, 0, 0));
}

#[tokio::test]
async fn a_cookie_with_an_age_grows_old_only_if_its_session_does() {
    let clock = Clock::new();
    let layer = SessionLayer::builder(clock.store(), ["s"])
        .time_to_live(Duration::from_secs(100))
        .max_age(Duration::from_secs(100))
        .secure(true)
        .name("__Host-id")
        .same_site(SameSite::Strict)
        .build()
        .unwrap();
    let mut ann = Client::new(&routes().layer(layer));
    let set = ann.post("/set?name=user&value=ann").await.unwrap();
    assert!(set.starts_with("__Host-id=s%3A"), "{set}");
    assert!(set.ends_with("; Max-Age=100; Path=/; HttpOnly; Secure; SameSite=Strict"), "{set}");
    assert_eq!(ann.send("GET", "/read?name=user").await.set_cookie, None);
    clock.advance(Duration::from_secs(51));
    assert_eq!(ann.send("GET", "/read?name=user").await.set_cookie, Some(set.clone()));
    assert_eq!(ann.post("/set?name=user&value=anna").await, Some(set));
}

/// Two requests that have both loaded the session before either saves.
async fn at_once(app: &Router, ann: &Client, paths: [&str; 2]) {
    let both = paths.map(|path| {
        let mut client = Client { app: app.clone(), ..ann.clone() };
        async move { client.post(path).await }
    });
    let [one, other] = both;
    let both = async { tokio::join!(one, other) };
    tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
}

/// Routes for two at once: both have loaded the session before either goes on, and a logout is through before the other changes.
fn slow_routes(store: &MemoryStore) -> Router {
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let both = Arc::clone(&barrier);
    let set = async move |session: Session, entry: Entry| -> Result<(), SessionError> {
        session.get::<String>(&entry.name).await?;
        both.wait().await;
        both.wait().await;
        session.insert(entry.name, &entry.value).await
    };
    let logout = async move |session: Session| -> Result<(), SessionError> {
        barrier.wait().await;
        session.destroy().await?;
        barrier.wait().await;
        Ok(())
    };
    let (set, logout) = (Arc::new(set), Arc::new(logout));
    let router = routes()
        .route(
            "/slow/set",
            post(move |session, Query(entry)| {
                let set = Arc::clone(&set);
                async move { set(session, entry).await }
            }),
        )
        .route(
            "/slow/logout",
            post(move |session| {
                let logout = Arc::clone(&logout);
                async move { logout(session).await }
            }),
        );
    router.layer(SessionLayer::new(store.clone(), ["keyboard cat"]).unwrap())
}

#[tokio::test]
async fn requests_at_the_same_time_keep_each_others_changes() {
    let store = MemoryStore::new();
    let app = slow_routes(&store);
    let mut ann = Client::new(&app);
    ann.post("/set?name=a&value=0").await;
    at_once(&app, &ann, ["/slow/set?name=a&value=1", "/slow/set?name=b&value=2"]).await;
    assert_eq!(ann.get("/read?name=a").await, "1");
    assert_eq!(ann.get("/read?name=b").await, "2");
}

#[tokio::test]
async fn who_logs_out_stays_out_whatever_else_is_going_on() {
    let store = MemoryStore::new();
    let app = slow_routes(&store);
    let mut ann = Client::new(&app);
    ann.post("/set?name=user&value=ann").await;
    at_once(&app, &ann, ["/slow/logout", "/slow/set?name=b&value=2"]).await;
    assert_eq!(store.sessions(), 0);
    assert_eq!(ann.get("/read?name=user").await, "nothing");
}

fn socket(lane: &MemoryLane) -> OwnedSocket {
    lane.connect().unwrap()
}

/// A socket, and a store with the sessions that are kept in it.
fn ann_at_a_store() -> (OwnedSocket, MemoryStore, SessionLayer) {
    let store = MemoryStore::new();
    let sessions = SessionLayer::new(store.clone(), ["s"]).unwrap();
    (socket(&MemoryLane::new(&Engine::new())), store, sessions)
}

async fn log_in(session: &Session) {
    session.insert("user", "ann").await.unwrap();
    session.save().await.unwrap();
}

#[tokio::test]
async fn a_session_that_begins_over_a_socket_is_the_sockets() {
    let lane = MemoryLane::new(&Engine::new());
    let (ann, ben) = (socket(&lane), socket(&lane));
    let store = MemoryStore::new();
    let app = slow_routes(&store);
    let (mut over_ann, mut over_ben) = (Client::over(&app, &ann), Client::over(&app, &ben));
    // Two first requests at once are of one session.
    at_once(&app, &over_ann, ["/slow/set?name=a&value=1", "/slow/set?name=b&value=2"]).await;
    assert_eq!(store.sessions(), 1);
    assert_eq!(over_ann.get("/read?name=a").await, "1");
    assert_eq!(over_ann.get("/read?name=b").await, "2");
    assert_eq!(over_ben.get("/read?name=a").await, "nothing");
    assert_eq!(over_ann.post("/set?name=a&value=1").await, None);
    assert_eq!(over_ann.post("/set?name=c&value=3").await, None);
    // Nothing is lost when its id is renewed, though the client cannot be told.
    let former = over_ann.get("/id").await;
    over_ann.post("/renew").await;
    assert_eq!(over_ann.get("/read?name=a").await, "1");
    assert_ne!(over_ann.get("/id").await, former);
    // After a logout it begins another one.
    over_ann.post("/logout").await;
    assert_eq!(over_ann.get("/read?name=a").await, "nothing");
    over_ann.post("/set?name=a&value=3").await;
    assert_eq!(over_ann.get("/read?name=a").await, "3");
    assert_eq!(over_ann.get("/read?name=b").await, "nothing");
    assert_eq!(store.sessions(), 1);
}

/// Sails on the routes, called as a lane does. What each request read comes out of the channel.
fn sails(sessions: &SessionLayer) -> (Sails, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let whoami = move |session: Session| {
        let tell = tell.clone();
        async move {
            let user = session.get::<String>("user").await?;
            tell.send(user.unwrap_or_else(|| "nobody".into())).unwrap();
            Ok::<_, SessionError>(())
        }
    };
    let routes = routes().route("/whoami", get(whoami));
    (Sails::new(routes.layer(sessions.clone())), told)
}

fn ask(sails: &Sails, socket: &Socket, method: &str, url: &str) {
    let args = format!(r#"{{"method":"{method}","url":"{url}","data":{{}},"headers":{{}}}}"#);
    sails.event(socket, Event::json(method, &args), Reply::nowhere());
}

#[tokio::test]
async fn virtual_requests_have_the_session_of_their_socket() {
    let lane = MemoryLane::new(&Engine::new());
    let (ann, ben, cem) = (socket(&lane), socket(&lane), socket(&lane));
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let mut page = Client::new(&routes().layer(sessions.clone()));
    page.post("/set?name=user&value=ann").await;
    let (sails, mut told) = sails(&sessions);
    let mut handshake = Handshake::new("test");
    handshake.headers.insert(COOKIE, HeaderValue::from_str(&page.cookie.unwrap()).unwrap());
    sails.connect(Socket::clone(&ann), handshake.clone()).await.unwrap();
    sails.connect(Socket::clone(&ben), Handshake::new("test")).await.unwrap();
    handshake.uri = "/socket.io/?nosession=true".parse().unwrap();
    sails.connect(Socket::clone(&cem), handshake).await.unwrap();
    for (socket, user) in [(&ann, "ann"), (&ben, "nobody"), (&cem, "nobody")] {
        ask(&sails, socket, "get", "/whoami");
        assert_eq!(told.recv().await.unwrap(), user);
    }
    ask(&sails, &ben, "post", "/set?name=user&value=ben");
    ask(&sails, &cem, "post", "/set?name=user&value=cem");
    ask(&sails, &ann, "post", "/renew");
    for (socket, user) in [(&ann, "ann"), (&ben, "ben"), (&cem, "nobody")] {
        ask(&sails, socket, "get", "/whoami");
        assert_eq!(told.recv().await.unwrap(), user);
    }
    ask(&sails, &ann, "post", "/logout");
    ask(&sails, &ann, "get", "/whoami");
    assert_eq!(told.recv().await.unwrap(), "nobody");
}

#[tokio::test]
async fn a_socket_has_the_session_of_its_page() {
    let lane = MemoryLane::new(&Engine::new());
    let ann = socket(&lane);
    let app = app(MemoryStore::new());
    let mut page = Client::new(&app);
    page.post("/set?name=user&value=ann").await;
    let mut over = Client { cookie: page.cookie.clone(), ..Client::over(&app, &ann) };
    assert_eq!(over.get("/read?name=user").await, "ann");
    assert_eq!(over.post("/set?name=seen&value=yes").await, None);
    assert_eq!(page.get("/read?name=seen").await, "yes");
    // The socket goes on with the new id, the page has to ask for it.
    over.post("/renew").await;
    assert_eq!(over.get("/read?name=user").await, "ann");
    assert_eq!(page.get("/read?name=user").await, "nothing");
}

#[tokio::test]
async fn who_wants_no_session_has_none() {
    let store = MemoryStore::new();
    let app = app(store.clone()).layer(axum::middleware::map_request(async |mut request: Request<Body>| {
        request.headers_mut().insert("nosession", HeaderValue::from_static("true"));
        request
    }));
    let mut ann = Client::new(&app);
    assert_eq!(ann.post("/set?name=user&value=ann").await, None);
    assert_eq!(ann.post("/begin").await, None);
    assert_eq!(ann.get("/id").await, "");
    assert_eq!(store.sessions(), 0);
}

#[tokio::test]
async fn a_connect_handler_reads_and_begins_a_session() {
    let lane = MemoryLane::new(&Engine::new());
    let ann = socket(&lane);
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let app = routes().layer(sessions.clone());
    let session = sessions.of_socket(&ann, &Handshake::new("test"));
    assert_eq!(session.get::<String>("user").await.unwrap(), None);
    session.insert("user", "ann").await.unwrap();
    session.save().await.unwrap();
    assert_eq!(Client::over(&app, &ann).get("/read?name=user").await, "ann");
}

#[tokio::test]
async fn a_session_that_somebody_else_ended_does_not_come_back() {
    let (ann, store, sessions) = ann_at_a_store();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let session = of_ann();
    log_in(&session).await;
    let former = session.id().await.unwrap().unwrap();
    of_ann().destroy().await.unwrap();
    session.insert("late", "yes").await.unwrap();
    session.save().await.unwrap();
    assert_eq!((session.id().await.unwrap(), store.sessions()), (None, 0));
    // It may begin another one, as everybody may.
    session.insert("late", "yes").await.unwrap();
    session.save().await.unwrap();
    assert_ne!(session.id().await.unwrap(), Some(former));
    assert_eq!(of_ann().get::<String>("late").await.unwrap().as_deref(), Some("yes"));
    assert_eq!(of_ann().get::<String>("user").await.unwrap(), None);
}

#[tokio::test]
async fn a_session_that_somebody_else_ended_is_not_renewed() {
    let (ann, store, sessions) = ann_at_a_store();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let session = of_ann();
    log_in(&session).await;
    of_ann().destroy().await.unwrap();
    session.renew().await.unwrap();
    session.save().await.unwrap();
    assert_eq!((session.id().await.unwrap(), store.sessions()), (None, 0));
    assert_eq!(session.get::<String>("user").await.unwrap(), None);
    assert_eq!(of_ann().get::<String>("user").await.unwrap(), None);
}

#[tokio::test]
async fn who_is_late_to_begin_a_session_that_was_ended_does_not_bring_it_back() {
    let (ann, store, sessions) = ann_at_a_store();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let late = of_ann();
    assert_eq!(late.get::<String>("user").await.unwrap(), None);
    let session = of_ann();
    log_in(&session).await;
    of_ann().destroy().await.unwrap();
    late.insert("late", "yes").await.unwrap();
    late.save().await.unwrap();
    assert_eq!((late.id().await.unwrap(), store.sessions()), (None, 0));
}

#[tokio::test]
async fn who_logs_out_is_out_though_another_request_has_renewed_the_session() {
    let (ann, store, sessions) = ann_at_a_store();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let session = of_ann();
    log_in(&session).await;
    let logout = of_ann();
    assert!(logout.get::<String>("user").await.unwrap().is_some());
    of_ann().renew().await.unwrap();
    logout.destroy().await.unwrap();
    logout.save().await.unwrap();
    assert_eq!((of_ann().get::<String>("user").await.unwrap(), store.sessions()), (None, 0));
}

#[tokio::test]
async fn who_logs_out_waits_for_what_another_request_makes_of_the_session() {
    let lane = MemoryLane::new(&Engine::new());
    let ann = socket(&lane);
    let store = MemoryStore::new();
    let renamed = Arc::new(Notify::new());
    let go_on = Arc::new(Notify::new());
    let held = Held { store: store.clone(), renamed: Arc::clone(&renamed), go_on: Arc::clone(&go_on) };
    let sessions = SessionLayer::new(held, ["s"]).unwrap();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let session = of_ann();
    log_in(&session).await;
    let logout = of_ann();
    let logging_out = async {
        renamed.notified().await;
        let (destroyed, ()) = tokio::join!(biased; logout.destroy(), async { go_on.notify_one() });
        destroyed
    };
    let (destroyed, renewed) = tokio::join!(logging_out, session.renew());
    destroyed.unwrap();
    renewed.unwrap();
    assert_eq!(store.sessions(), 0);
}

#[tokio::test]
async fn who_logs_out_ends_what_another_request_has_begun_and_may_begin_another() {
    let (ann, store, sessions) = ann_at_a_store();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let logout = of_ann();
    assert_eq!(logout.get::<String>("user").await.unwrap(), None);
    let session = of_ann();
    log_in(&session).await;
    logout.destroy().await.unwrap();
    assert_eq!(store.sessions(), 0);
    logout.insert("note", "bye").await.unwrap();
    logout.save().await.unwrap();
    assert_eq!(of_ann().get::<String>("user").await.unwrap(), None);
    assert_eq!(of_ann().get::<String>("note").await.unwrap().as_deref(), Some("bye"));
}

#[tokio::test]
async fn who_wants_no_session_ends_none() {
    let lane = MemoryLane::new(&Engine::new());
    let ann = socket(&lane);
    let store = MemoryStore::new();
    let app = app(store.clone());
    Client::over(&app, &ann).post("/set?name=user&value=ann").await;
    let logout = Request::post("/logout").header("nosession", "true").extension(Socket::clone(&ann));
    let answer = app.clone().oneshot(logout.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status(), store.sessions()), (StatusCode::OK, 1));
}

/// A store that says late that it has renamed a session.
struct Held {
    store: MemoryStore,
    renamed: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl SessionStore for Held {
    fn load(&self, id: &SessionId) -> BoxFuture<Result<Option<Stored>, StoreError>> {
        self.store.load(id)
    }

    fn save(&self, id: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        self.store.save(id, save)
    }

    fn rename(&self, id: &SessionId, fresh: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        let renaming = self.store.rename(id, fresh, save);
        let (renamed, go_on) = (Arc::clone(&self.renamed), Arc::clone(&self.go_on));
        Box::pin(async move {
            let result = renaming.await;
            renamed.notify_one();
            go_on.notified().await;
            result
        })
    }

    fn destroy(&self, id: &SessionId) -> BoxFuture<Result<(), StoreError>> {
        self.store.destroy(id)
    }
}

#[tokio::test]
async fn what_others_saved_meanwhile_is_renewed_too() {
    let lane = MemoryLane::new(&Engine::new());
    let ann = socket(&lane);
    let sessions = SessionLayer::new(MemoryStore::new(), ["s"]).unwrap();
    let of_ann = || sessions.of_socket(&ann, &Handshake::new("test"));
    let session = of_ann();
    log_in(&session).await;
    let other = of_ann();
    other.insert("cart", "tea").await.unwrap();
    other.save().await.unwrap();
    session.renew().await.unwrap();
    assert_eq!(of_ann().get::<String>("cart").await.unwrap().as_deref(), Some("tea"));
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_and_stays() {
    let store = MemoryStore::new();
    let sessions = SessionLayer::new(store, ["s"]).unwrap();
    let lane = MemoryLane::new(&Engine::new());
    let session = sessions.of_socket(&socket(&lane), &Handshake::new("test"));
    session.insert("list", &[1, 2, 3]).await.unwrap();
    assert!(matches!(session.get::<String>("list").await, Err(SessionError::Json(_))));
    assert_eq!(session.get::<Vec<u8>>("list").await.unwrap(), Some(vec![1, 2, 3]));
    assert!(session.remove("list").await.unwrap());
    assert!(!session.remove("list").await.unwrap());
}

#[tokio::test]
async fn a_session_holds_so_much_and_no_more() {
    let sessions = SessionLayer::builder(MemoryStore::new(), ["s"]).session_bytes_max(100).build().unwrap();
    let lane = MemoryLane::new(&Engine::new());
    let session = sessions.of_socket(&socket(&lane), &Handshake::new("test"));
    session.insert("a", &"x".repeat(90)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(session.insert("b", &"x".repeat(20)).await, Err(SessionError::TooLarge { bytes_max: 100 })));
    }
    session.insert("a", "x").await.unwrap();
    session.insert("b", &"x".repeat(90)).await.unwrap();
    session.remove("b").await.unwrap();
    session.insert("c", &"x".repeat(90)).await.unwrap();
}

/// A store that fails when it is told to.
struct Failing(MemoryStore, Arc<AtomicBool>);

impl Failing {
    fn check(&self) -> Result<(), StoreError> {
        if self.1.load(Ordering::Relaxed) { Err(StoreError::new("no connection")) } else { Ok(()) }
    }
}

impl SessionStore for Failing {
    fn load(&self, id: &SessionId) -> BoxFuture<Result<Option<Stored>, StoreError>> {
        match self.check() {
            Ok(()) => self.0.load(id),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn save(&self, id: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        match self.check() {
            Ok(()) => self.0.save(id, save),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn rename(&self, id: &SessionId, fresh: &SessionId, save: Save) -> BoxFuture<Result<bool, StoreError>> {
        match self.check() {
            Ok(()) => self.0.rename(id, fresh, save),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn destroy(&self, id: &SessionId) -> BoxFuture<Result<(), StoreError>> {
        match self.check() {
            Ok(()) => self.0.destroy(id),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_costs_the_requests_that_need_it() {
    let fails = Arc::new(AtomicBool::new(false));
    let app = app(Failing(MemoryStore::new(), Arc::clone(&fails)));
    let (mut ann, mut newcomer) = (Client::new(&app), Client::new(&app));
    ann.post("/set?name=user&value=ann").await;
    let mut copy = ann.clone();
    fails.store(true, Ordering::Relaxed);
    assert_eq!(ann.get("/idle").await, "idle");
    assert_eq!(newcomer.get("/read?name=user").await, "nothing");
    for (client, method, path) in [
        (&mut ann, "GET", "/read?name=user"),
        (&mut copy, "POST", "/logout"),
        // Its handler succeeds, and the save does not.
        (&mut newcomer, "POST", "/set?name=user&value=x"),
    ] {
        let answer = client.send(method, path).await;
        assert_eq!((answer.status, answer.set_cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{path}");
        assert!(!answer.body.contains("connection"), "{}", answer.body);
    }
    fails.store(false, Ordering::Relaxed);
    assert_eq!(ann.get("/read?name=user").await, "ann");
}

#[tokio::test]
async fn what_is_changed_later_is_saved_when_asked() {
    let saved = Arc::new(Notify::new());
    let notify = Arc::clone(&saved);
    let later = move |session: Session| {
        let notify = Arc::clone(&notify);
        async move {
            session.begin().await;
            tokio::spawn(async move {
                session.insert("late", "yes").await.unwrap();
                session.save().await.unwrap();
                notify.notify_one();
            });
        }
    };
    let routes = routes().route("/later", post(later));
    let mut ann = Client::new(&routes.layer(SessionLayer::new(MemoryStore::new(), ["s"]).unwrap()));
    ann.post("/later").await;
    saved.notified().await;
    assert_eq!(ann.get("/read?name=late").await, "yes");
}

#[tokio::test]
async fn the_store_in_memory_is_bounded() {
    let store = MemoryStore::builder().sessions_max(2).build();
    let app = app(store.clone());
    let mut clients = [0; 3].map(|_| Client::new(&app));
    for client in &mut clients {
        client.post("/set?name=user&value=x").await;
    }
    assert_eq!((store.sessions(), store.dropped()), (2, 1));
    // The one that was used longest ago went.
    assert_eq!(clients[0].get("/read?name=user").await, "nothing");
    clients[1].post("/set?name=user&value=y").await;
    clients[0].post("/set?name=user&value=x").await;
    assert_eq!(clients[1].get("/read?name=user").await, "y");
    assert_eq!(clients[2].get("/read?name=user").await, "nothing");
}

#[tokio::test]
async fn the_store_in_memory_is_bounded_in_bytes() {
    let store = MemoryStore::builder().bytes_max(10_000).build();
    let app = app(store.clone());
    let long = "x".repeat(3_000);
    for _ in 0..10 {
        Client::new(&app).post(&format!("/set?name=user&value={long}")).await;
        assert!(store.bytes() <= 10_000, "{}", store.bytes());
    }
    assert!(store.sessions() >= 2 && store.dropped() >= 7, "{store:?}");
    // One that is larger than all may be is refused, and costs nobody else's.
    let before = store.sessions();
    let answer = Client::new(&app).send("POST", &format!("/set?name=user&value={}", "x".repeat(11_000))).await;
    assert_eq!((answer.status, store.sessions()), (StatusCode::SERVICE_UNAVAILABLE, before));
}

#[test]
fn settings_that_cannot_be_are_found_at_once() {
    let builder = || SessionLayer::builder(MemoryStore::new(), ["s"]);
    assert_eq!(SessionLayer::new(MemoryStore::new(), [""; 0]).err(), Some(InvalidSessionSettings::Secret));
    assert_eq!(builder().name("a b").build().err(), Some(InvalidSessionSettings::Name("a b".into())));
    assert_eq!(builder().path("a").build().err(), Some(InvalidSessionSettings::Path("a".into())));
    assert!(builder().build().is_ok());
}
