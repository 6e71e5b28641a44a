use roomcast::{Engine, MemoryLane, OwnedSocket};

use super::*;
use crate::rooms::Request;

struct World {
    engine: Engine,
    lane: MemoryLane,
}

impl World {
    fn new() -> Self {
        Self::of(Engine::builder().rooms_per_socket_max(3).build())
    }

    fn of(engine: Engine) -> Self {
        let lane = MemoryLane::new(&engine);
        Self { engine, lane }
    }

    fn sockets<const N: usize>(&self) -> [OwnedSocket; N] {
        std::array::from_fn(|_| self.lane.connect().unwrap())
    }

    /// Events and data that came since the last look.
    fn heard(&self, socket: &OwnedSocket) -> Vec<String> {
        let messages = self.lane.received(socket);
        messages.iter().map(|m| format!("{} {}", m.event(), m.args_json())).collect()
    }
}

fn ask(socket: &OwnedSocket, request: &str) -> Result<Answer, Failure> {
    ask_under(&Policy::allow_all(), socket, request)
}

fn ask_under(policy: &Policy, socket: &OwnedSocket, request: &str) -> Result<Answer, Failure> {
    execute(&Request::parse(request).op.unwrap(), socket, policy)
}

const DONE: Result<Answer, Failure> = Ok(Answer::Done);

#[test]
fn own_id_and_own_rooms() {
    let world = World::new();
    let [ann] = world.sockets();
    let id = ann.id().to_string();
    assert_eq!(ask(&ann, r#"{"op":"getId"}"#), Ok(Answer::Socket(id.clone())));
    for room in ["b", "a"] {
        assert_eq!(ask(&ann, &format!(r#"{{"op":"join","room":"{room}"}}"#)), DONE);
    }
    assert_eq!(ask(&ann, r#"{"op":"rooms"}"#), Ok(Answer::Rooms(vec![id, "a".into(), "b".into()])));
}

#[test]
fn ids_are_sockets_and_never_rooms() {
    let world = World::new();
    let [ann, ben, cem] = world.sockets();
    cem.join("lobby").unwrap();
    let ids = format!(r#"["{}","{}","nobody","lobby"]"#, ann.id(), ben.id());
    assert_eq!(ask(&cem, &format!(r#"{{"op":"join","room":"r","ids":{ids}}}"#)), DONE);
    assert_eq!([&ann, &ben, &cem].map(|s| s.is_in("r")), [true, true, false]);
    assert_eq!(ask(&cem, &format!(r#"{{"op":"leave","room":"r","ids":{ids}}}"#)), DONE);
    assert_eq!(world.engine.to("r").count(), 0);
    assert!(cem.is_in("lobby"));
}

#[test]
fn copies_for_each_room_or_once() {
    let world = World::new();
    let [ann, ben] = world.sockets();
    ann.join(["x", "y"]).unwrap();
    ben.join("y").unwrap();
    assert_eq!(ask(&ann, r#"{"op":"broadcast","rooms":["x","y"],"data":1}"#), DONE);
    assert_eq!((world.heard(&ann).len(), world.heard(&ben).len()), (2, 1));
    assert_eq!(ask(&ann, r#"{"op":"broadcast","rooms":["x","y"],"data":1,"once":true}"#), DONE);
    assert_eq!((world.heard(&ann).len(), world.heard(&ben).len()), (1, 1));
    assert_eq!(ask(&ann, r#"{"op":"broadcast","rooms":["x","y"],"event":"e","data":[1],"omit":true}"#), DONE);
    assert_eq!((world.heard(&ann), world.heard(&ben)), (vec![], vec!["e [1]".into()]));
    assert_eq!(ask(&ann, r#"{"op":"broadcast","rooms":["x","y"],"omit":true,"once":true}"#), DONE);
    assert_eq!((world.heard(&ann), world.heard(&ben)), (vec![], vec!["message null".into()]));
    let to_id = format!(r#"{{"op":"broadcast","room":"{}","data":"hi"}}"#, ben.id());
    assert_eq!(ask(&ann, &to_id), DONE);
    assert_eq!((world.heard(&ann), world.heard(&ben)), (vec![], vec!["message \"hi\"".into()]));
}

#[test]
fn a_room_that_is_named_twice_is_one_room() {
    let world = World::new();
    let [ann, ben] = world.sockets();
    ann.join(["x", "y"]).unwrap();
    ben.join("y").unwrap();
    assert_eq!(ask(&ann, r#"{"op":"broadcast","rooms":["x","y","x","y","y"],"data":1}"#), DONE);
    assert_eq!((world.heard(&ann).len(), world.heard(&ben).len()), (2, 1));
}

#[test]
fn blast_with_and_without_the_sender() {
    let world = World::new();
    let [ann, ben] = world.sockets();
    assert_eq!(ask(&ann, r#"{"op":"blast","event":"e","data":{"a":1}}"#), DONE);
    assert_eq!(ask(&ann, r#"{"op":"blast","omit":true}"#), DONE);
    assert_eq!(world.heard(&ann), [r#"e {"a":1}"#]);
    assert_eq!(world.heard(&ben), [r#"e {"a":1}"#, "message null"]);
}

#[test]
fn bulk_verbs() {
    let world = World::new();
    let [ann, ben, cem] = world.sockets();
    ann.join("x").unwrap();
    ben.join("x").unwrap();
    assert_eq!(ask(&cem, r#"{"op":"addRoomMembersToRooms","room":"x","to":["y","z"]}"#), DONE);
    assert_eq!(world.engine.to(roomcast::all(["x", "y", "z"])).count(), 2);
    assert_eq!(ask(&cem, r#"{"op":"removeRoomMembersFromRooms","room":"x","from":["x","y"]}"#), DONE);
    assert_eq!(ann.rooms(), ["z"]);
    assert_eq!(ask(&cem, r#"{"op":"leaveAll","room":"z"}"#), DONE);
    assert_eq!((ann.rooms().len(), world.engine.to(ann.id()).count()), (0, 1));
}

#[test]
fn rooms_of_others_are_private_and_the_own_one_changes_nothing() {
    let world = World::new();
    let [ann, ben] = world.sockets();
    let join = |room: &OwnedSocket, ids: &str| format!(r#"{{"op":"join","room":"{}"{ids}}}"#, room.id());
    assert_eq!(ask(&ann, &join(&ben, "")), Err(Failure::Join(JoinError::Private)));
    let both = format!(r#","ids":["{}","{}"]"#, ann.id(), ben.id());
    assert_eq!(ask(&ann, &join(&ben, &both)), Err(Failure::Join(JoinError::Private)));
    assert_eq!(ask(&ann, &join(&ann, "")), DONE);
    assert_eq!(ask(&ann, &join(&ben, &format!(r#","ids":["{}"]"#, ben.id()))), DONE);
    let leave = format!(r#"{{"op":"leave","room":"{}"}}"#, ann.id());
    assert_eq!(ask(&ann, &leave), DONE);
    assert_eq!(world.engine.to(ann.id()).count(), 1);
}

#[test]
fn limits_are_named() {
    let world = World::new();
    let [ann, ben] = world.sockets();
    ann.join(["a", "b", "c"]).unwrap();
    ben.join("a").unwrap();
    let why = ask(&ann, r#"{"op":"join","room":"d"}"#).unwrap_err().to_string();
    assert!(why.contains("rooms_per_socket_max is 3") && why.contains("leave"), "{why}");
    let some = ask(&ben, r#"{"op":"addRoomMembersToRooms","room":"a","to":["d"]}"#);
    assert_eq!(some, Err(Failure::Full { memberships: 1 }));
    assert!(ben.is_in("d") && !ann.is_in("d"));
    let long = format!(r#"{{"op":"join","room":"{}"}}"#, "x".repeat(1025));
    let why = ask(&ben, &long).unwrap_err().to_string();
    assert_eq!(why, "room name has 1025 bytes, room_name_bytes_max is 1024");
}

#[test]
fn a_policy_sees_the_typed_op_and_its_no_changes_nothing() {
    let world = World::new();
    let [ann] = world.sockets();
    let policy = Policy::new(|socket, op| match op {
        Op::Join { room, ids: None } => room.starts_with("public ") && socket.is_connected(),
        _ => false,
    });
    assert_eq!(ask_under(&policy, &ann, r#"{"op":"join","room":"public a"}"#), DONE);
    for denied in [r#"{"op":"join","room":"secret"}"#, r#"{"op":"blast"}"#, r#"{"op":"getId"}"#] {
        assert_eq!(ask_under(&policy, &ann, denied), Err(Failure::Denied));
    }
    assert_eq!(ann.rooms(), ["public a"]);
    assert!(world.heard(&ann).is_empty());
    assert_eq!(Failure::Denied.to_string(), "denied");
}

#[test]
fn a_socket_that_is_gone_does_nothing() {
    let world = World::new();
    let [ann] = world.sockets();
    ann.disconnect();
    assert_eq!(ask(&ann, r#"{"op":"join","room":"a"}"#), Err(Failure::Join(JoinError::Gone)));
    assert_eq!(ask(&ann, r#"{"op":"leave","room":"a"}"#), DONE);
    assert_eq!(world.engine.stats(), roomcast::Stats::default());
}

/// A lane that takes nothing more.
struct FullLane;

impl roomcast::Lane for FullLane {
    fn backlog(&self) -> roomcast::Backlog {
        roomcast::Backlog { bytes: 1, full: true }
    }

    fn deliver(&self, _delivery: roomcast::Delivery) {
        panic!("it was full");
    }

    fn close(&self, _closed: roomcast::Closed) {}
}

#[test]
fn an_overloaded_broadcast_says_so() {
    let world = World::new();
    let [ann] = world.sockets();
    let stuck = world.engine.attach(std::sync::Arc::new(FullLane)).connect("abcdefghij0123456789").unwrap();
    stuck.join("r").unwrap();
    for request in
        [r#"{"op":"broadcast","room":"r"}"#, r#"{"op":"broadcast","rooms":["r","s"],"once":true}"#, r#"{"op":"blast"}"#]
    {
        assert_eq!(ask(&ann, request), Err(Failure::Overloaded), "{request}");
    }
    assert!(world.heard(&ann).is_empty(), "all lanes or none");
}
