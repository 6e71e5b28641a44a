//! The handlers of the documented chat, as a program writes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use roomcast::{Codec, EncodeError, Engine, Outgoing, Socket};
use roomcast_lane::{
    Ack, Args, Auth, Close, Context, Data, Event, Events, Handshake, ManualLane, Progress, Protocol, Refusal, Result,
    State, Wire,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default)]
struct Db(Arc<AtomicU64>);

#[derive(Clone)]
struct User {
    name: String,
}

impl Db {
    async fn user(&self, token: &str) -> Option<User> {
        tokio::task::yield_now().await;
        (token != "wrong").then(|| User { name: token.to_owned() })
    }

    async fn save(&self, _say: &Say) -> std::io::Result<u64> {
        tokio::task::yield_now().await;
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

#[derive(Serialize, Deserialize)]
struct Say {
    room: String,
    text: String,
}

async fn admit(socket: Socket, (Auth(login), State(db)): (Auth<Login>, State<Db>)) -> std::result::Result<(), Refusal> {
    socket.insert(db.user(&login.token).await.ok_or(Refusal::new("who are you?"))?);
    Ok(()) // only now does the client hear "connected"
}

async fn say(socket: Socket, (Data(say), State(db)): (Data<Say>, State<Db>)) -> Result<Ack<u64>> {
    let id = db.save(&say).await?; // any std error: logged, counted, no ack
    socket.to(&say.room).emit("said", &say)?; // all but the sender
    Ok(Ack(id)) // the return value is the ack
}

fn chat(db: Db) -> Events {
    Events::new()
        .with_state(db)
        .on_connect(admit)
        .on("say", say)
        .on("sum", async |_, Args((a, b)): Args<(i64, i64)>| Ack(a + b))
        .on_sync("move", |socket, Data(at): Data<[f32; 2]>| -> Result {
            socket.to("arena").latest(socket.id().as_str()).emit("moved", &at)?;
            Ok(())
        })
        .on_sync("join", |socket, Data(room): Data<String>| -> Result {
            socket.join(&room)?;
            Ok(())
        })
        .on_disconnect(async |socket, bye| {
            let _ = socket.engine().to(&bye.rooms).emit("left", bye.reason.as_str());
        })
}

/// `NUMBER EVENT ARGUMENTS` a line in, answers `NUMBER=ARGUMENTS`; the first line is the `auth` object.
struct Wired {
    connected: bool,
}

struct WiredCodec;

impl Codec for WiredCodec {
    fn encode(&self, out: &Outgoing<'_>, to: &mut bytes::BytesMut) -> std::result::Result<(), EncodeError> {
        to.extend_from_slice(format!("{} {}\n", out.message.event(), out.message.args_json()).as_bytes());
        Ok(())
    }
}

impl Protocol for Wired {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> std::result::Result<Progress, Close> {
        let mut used = 0;
        while !cx.is_held()
            && let Some(end) = input[used..].iter().position(|byte| *byte == b'\n')
        {
            let line = str::from_utf8(&input[used..used + end]).map_err(|_| Close::protocol("not UTF-8"))?;
            used += end + 1;
            self.handle_line(line, cx)?;
        }
        Ok(Progress::used(used))
    }

    fn handle_reply(
        &mut self,
        _socket: roomcast::SocketId,
        ack: roomcast_lane::AckToken,
        answer: roomcast_lane::Answer,
        cx: &mut Context<'_>,
    ) {
        let value = match answer {
            Ok(Some(message)) => message.args_json().to_owned(),
            Ok(None) => "-".into(),
            Err(error) => error.to_string(),
        };
        cx.queue(format!("{}={value}\n", str::from_utf8(ack.as_bytes()).unwrap_or("?")).as_bytes());
    }
}

impl Wired {
    fn handle_line(&mut self, line: &str, cx: &mut Context<'_>) -> std::result::Result<(), Close> {
        if !std::mem::replace(&mut self.connected, true) {
            let mut handshake = Handshake::new("wired");
            handshake.auth = bytes::Bytes::copy_from_slice(line.as_bytes());
            cx.connect(handshake);
            return Ok(());
        }
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().ok_or(Close::protocol("want: NUMBER EVENT ARGUMENTS"));
        let (number, event, args) = (next()?, next()?, next()?);
        let count = if event == "sum" { 2 } else { 1 };
        cx.event(Event::from_parts(event, args, count, vec![]), Some(number.into()));
        Ok(())
    }
}

#[test]
fn the_documented_chat() {
    let engine = Engine::new();
    let mut lane = ManualLane::new(&engine);
    let wire = Wire::new(lane.register(WiredCodec), chat(Db::default()));
    let connect = |lane: &mut ManualLane, token: &str| {
        let client = lane.connect(&wire, 1 << 20, || Wired { connected: false });
        client.send(format!("{{\"token\":\"{token}\"}}\n1 join \"arena\"\n"));
        lane.run();
        client
    };
    let (ann, ben, eve) = (connect(&mut lane, "ann"), connect(&mut lane, "ben"), connect(&mut lane, "wrong"));
    assert_eq!((ann.receive_text().as_str(), ben.receive_text().as_str()), ("1=-\n", "1=-\n"));
    assert_eq!((eve.receive_text().as_str(), eve.is_ended()), ("", true));
    let members = engine.to("arena").members();
    let mut names: Vec<_> =
        members.filter_map(|id| Some(engine.socket(id.as_str())?.get::<User>()?.name.clone())).collect();
    names.sort();
    assert_eq!(names, ["ann", "ben"]);

    ann.send("2 say {\"room\":\"arena\",\"text\":\"hi\"}\n3 sum 20,22\n4 move [1.5,2]\n5 say {\"room\":1}\n");
    lane.run();
    let mut told: Vec<_> = ann.receive_text().lines().map(str::to_owned).collect();
    told.sort();
    assert_eq!(told[..3], ["2=1", "3=42", "4=-"]);
    assert!(told[3].starts_with("5=bad payload: invalid type"), "{}", told[3]);
    let mut heard: Vec<_> = ben.receive_text().lines().map(str::to_owned).collect();
    heard.sort();
    assert_eq!(heard, ["moved [1.5,2.0]", "said {\"room\":\"arena\",\"text\":\"hi\"}"]);

    ann.end();
    lane.run();
    assert_eq!(ben.receive_text(), "left \"transport close\"\n");
}
