//! The verbs of `sails.sockets`, as a handler calls them.

mod forms;
mod model;
mod pair;
mod properties;

use http::Request;
use roomcast::{Engine, JoinError, MemoryLane, Message, OwnedSocket, Socket, SocketId, all};
use roomcast_sails::{Error, Sockets, Who, get_id};
use serde_json::json;

struct World {
    lane: MemoryLane,
    sockets: Sockets,
}

impl World {
    fn new() -> Self {
        let engine = Engine::builder().rooms_per_socket_max(3).build();
        Self { lane: MemoryLane::new(&engine), sockets: Sockets::new(&engine) }
    }

    fn connect<const N: usize>(&self) -> [OwnedSocket; N] {
        std::array::from_fn(|_| self.lane.connect().unwrap())
    }

    /// Events and arguments that came since the last look.
    fn heard(&self, socket: &Socket) -> Vec<String> {
        let messages = self.lane.received(socket);
        messages.iter().map(|m| format!("{}({})", m.event(), m.args_json())).collect()
    }

    fn members(&self, room: &str) -> usize {
        self.sockets.engine().to(room).count()
    }
}

/// A virtual request: it carries the socket that it came from.
fn request_of(socket: &Socket) -> Request<()> {
    Request::builder().extension(socket.clone()).body(()).unwrap()
}

fn plain_http() -> Request<()> {
    Request::new(())
}

#[test]
fn a_request_of_a_socket_and_one_by_plain_http() {
    let world = World::new();
    let [ann] = world.connect();
    let request = request_of(&ann);
    assert_eq!(world.sockets.get_id(&request), Ok(ann.id()));
    let (parts, ()) = request.into_parts();
    assert_eq!(get_id(&parts), Ok(ann.id()));
    assert_eq!(get_id(&parts.extensions), Ok(ann.id()));
    assert_eq!(get_id(&ann), Ok(ann.id()));

    let plain = plain_http();
    assert_eq!(get_id(&plain), Err(Error::NotASocket));
    assert_eq!(world.sockets.join(&plain, "a"), Err(Error::NotASocket));
    assert_eq!(world.sockets.leave(&plain, "a"), Err(Error::NotASocket));
    assert_eq!(world.sockets.join([Who::from(&ann), Who::from(&plain)], "a"), Err(Error::NotASocket));
    assert_eq!(world.members("a"), 0, "nobody joins if one of them cannot");
}

#[test]
fn every_way_of_naming_sockets() {
    let world = World::new();
    let [ann, ben] = world.connect();
    let (request, id, text) = (request_of(&ann), ann.id(), ann.id().to_string());
    let (parts, ()) = request_of(&ann).into_parts();
    let socket = Socket::clone(&ann);
    let (texts, strs, ids, handles) = (vec![text.clone()], [text.as_str()], [id], [&socket]);
    let ways: Vec<(&str, Who<'_>)> = vec![
        ("&Request", (&request).into()),
        ("&Parts", (&parts).into()),
        ("&Extensions", (&parts.extensions).into()),
        ("&OwnedSocket", (&ann).into()),
        ("&Socket", (&socket).into()),
        ("Socket", socket.clone().into()),
        ("SocketId", id.into()),
        ("&str", text.as_str().into()),
        ("&String", (&text).into()),
        ("String", text.clone().into()),
        ("[&Request]", [&request].into()),
        ("[&str]", [text.as_str()].into()),
        ("Vec<String>", vec![text.clone()].into()),
        ("&Vec<String>", (&texts).into()),
        ("&[SocketId]", ids.as_slice().into()),
        ("&[&str]", strs.as_slice().into()),
        ("&[&Socket]", handles.as_slice().into()),
        ("&[Socket]", std::slice::from_ref(&socket).into()),
        ("Vec<Socket>", vec![socket.clone()].into()),
        ("Vec<Who>", vec![Who::from(id)].into()),
        ("an iterator", [id].into_iter().collect()),
        ("lists in lists", [Who::from([id]), Who::from("nobody")].into()),
    ];
    for (way, who) in ways {
        assert_eq!(world.sockets.join(who.clone(), "a"), Ok(1), "{way}");
        assert!(ann.is_in("a") && !ben.is_in("a"), "{way}");
        assert_eq!(world.sockets.leave(who.clone(), "a"), Ok(1), "{way}");
        world.sockets.omit(who).blast(None, &0).unwrap();
        assert_eq!((world.heard(&ann).len(), world.heard(&ben).len()), (0, 1), "{way}");
    }
}

#[test]
fn ids_that_nobody_has_are_nobody() {
    let world = World::new();
    let [ann, ben] = world.connect();
    ben.join("lobby").unwrap();
    let gone = ann.id();
    drop(ann);
    for id in ["nobody", "lobby", "", gone.as_str()] {
        assert_eq!(world.sockets.join(id, "a"), Ok(0), "{id}");
        assert_eq!(world.sockets.leave(id, "lobby"), Ok(0), "{id}");
    }
    assert_eq!(world.sockets.join([gone, ben.id()], "a"), Ok(1));
    assert_eq!(world.members("a"), 1);
    assert_eq!(world.members("lobby"), 1);
}

#[test]
fn a_handler_hears_that_its_client_left() {
    let world = World::new();
    let [ann] = world.connect();
    let request = request_of(&ann);
    drop(ann);
    assert_eq!(world.sockets.join(&request, "a"), Err(Error::Join(JoinError::Gone)));
    assert_eq!(world.sockets.leave(&request, "a"), Ok(0));
    assert_eq!(world.members("a"), 0);
}

#[test]
fn sockets_of_another_namespace_are_nobody() {
    let world = World::new();
    let other = world.lane.namespace("/custom").connect().unwrap();
    let [ann] = world.connect();
    assert_eq!(world.sockets.join([&other, &ann], "a"), Ok(1));
    assert_eq!(world.sockets.join(&other, "a"), Err(Error::Join(JoinError::Gone)));
    world.sockets.blast(None, &1).unwrap();
    world.sockets.broadcast(other.id(), None, &1).unwrap();
    assert_eq!((world.heard(&other).len(), world.heard(&ann).len()), (0, 1));
}

#[test]
fn a_copy_for_each_room_or_one_for_each_socket() {
    let world = World::new();
    let [ann, ben] = world.connect();
    world.sockets.join(&ann, ["x", "y"]).unwrap();
    world.sockets.join(&ben, "y").unwrap();
    let sent = world.sockets.broadcast(["x", "y"], "e", &[1, 2]).unwrap();
    assert_eq!(sent.matched, 3);
    assert_eq!(world.heard(&ann), ["e([1,2])", "e([1,2])"]);
    assert_eq!(world.heard(&ben), ["e([1,2])"]);
    let sent = world.sockets.broadcast(["y", "y"], "e", &3).unwrap();
    assert_eq!(sent.matched, 4, "a room that is named twice");
    assert_eq!((world.heard(&ann), world.heard(&ben)), (vec!["e(3)".into(); 2], vec!["e(3)".into(); 2]));
    let sent = world.sockets.once().broadcast(["x", "y"], None, &json!({"a": null})).unwrap();
    assert_eq!(sent.matched, 2);
    assert_eq!(world.heard(&ann), [r#"message({"a":null})"#]);
    let sent = world.sockets.omit(&ann).once().omit(&ben).broadcast(["x", "y"], None, "hi").unwrap();
    assert_eq!(sent.matched, 0);
}

#[test]
fn the_documented_forms_of_omit() {
    let world = World::new();
    let [ann, ben] = world.connect();
    world.sockets.join([&ann, &ben], "a").unwrap();
    let request = request_of(&ann);
    world.sockets.omit(&request).broadcast("a", None, &1).unwrap(); // broadcast(room, data, req)
    world.sockets.omit(&request).broadcast("a", "e", &2).unwrap(); // broadcast(room, event, data, req)
    world.sockets.omit(&request).blast(None, &3).unwrap(); // blast(data, req)
    world.sockets.omit(&request).blast("e", &4).unwrap(); // blast(event, data, req)
    assert_eq!(world.heard(&ann), Vec::<String>::new());
    assert_eq!(world.heard(&ben), ["message(1)", "e(2)", "message(3)", "e(4)"]);
    world.sockets.omit(&plain_http()).broadcast("a", None, &5).unwrap();
    world.sockets.omit([Who::from(&plain_http()), Who::from(&ben)]).broadcast("a", None, &6).unwrap();
    let nested = Who::from([Who::from(&plain_http()), Who::from(&ben)]);
    world.sockets.omit([nested]).broadcast("a", None, &7).unwrap();
    assert_eq!(world.heard(&ann), ["message(5)", "message(6)", "message(7)"]);
    assert_eq!(world.heard(&ben), ["message(5)"]);
}

#[test]
fn ids_are_rooms_with_one_member() {
    let world = World::new();
    let [ann, ben, cem] = world.connect();
    world.sockets.broadcast(ann.id(), None, &1).unwrap();
    world.sockets.broadcast(ann.id().as_str(), None, &2).unwrap();
    world.sockets.broadcast([ann.id(), ben.id()], None, &3).unwrap();
    assert_eq!(world.heard(&ann), ["message(1)", "message(2)", "message(3)"]);
    assert_eq!(world.heard(&ben), ["message(3)"]);
    world.sockets.add_room_members_to_rooms(ann.id().as_str(), ["x", "y"]).unwrap();
    assert_eq!(world.sockets.remove_room_members_from_rooms(ann.id(), "x").memberships, 1);
    assert!(ann.is_in("y") && !ann.is_in("x"));
    assert_eq!(world.sockets.join(&cem, ann.id().as_str()), Err(Error::Join(JoinError::Private)));
    assert_eq!(world.sockets.join(&ann, ann.id().as_str()), Ok(0));
}

#[test]
fn who_is_in_as_many_rooms_as_allowed_hinders_nobody() {
    let world = World::new();
    let [ann, ben] = world.connect();
    world.sockets.join(&ann, ["a", "b", "c"]).unwrap();
    assert_eq!(world.sockets.join([&ann, &ben], "d"), Err(Error::Full { memberships: 1 }));
    assert!(ben.is_in("d") && !ann.is_in("d"));
    assert_eq!(world.sockets.add_room_members_to_rooms("a", ["e", "f"]), Err(Error::Full { memberships: 2 }));
    assert_eq!(world.sockets.join(&ann, "a"), Ok(0), "a room that one is in already is no room more");
}

#[test]
fn leaving_everything_and_everything_else() {
    let world = World::new();
    let [ann, ben] = world.connect();
    let again = |world: &World| {
        world.sockets.join(&ann, ["a", "b", "c"]).unwrap();
        world.sockets.join(&ben, ["b", "c"]).unwrap();
    };
    again(&world);
    let changed = world.sockets.leave_all("a");
    assert_eq!((changed.sockets, changed.memberships), (1, 3));
    assert_eq!((ann.rooms().len(), ben.rooms().len()), (0, 2));
    again(&world);
    let changed = world.sockets.leave_all_other_rooms("a");
    assert_eq!((changed.sockets, changed.memberships), (1, 2));
    assert_eq!((ann.rooms(), ben.rooms().len()), (vec!["a".to_owned()], 2));
    assert!(ann.is_in(ann.id()), "the own room stays");
}

#[test]
fn a_set_expression_is_a_room_too() {
    let world = World::new();
    let [ann, ben] = world.connect();
    world.sockets.join(&ann, ["a", "b"]).unwrap();
    world.sockets.join(&ben, "a").unwrap();
    assert_eq!(world.sockets.broadcast(all(["a", "b"]), None, &1).unwrap().matched, 1);
    assert_eq!(world.sockets.add_room_members_to_rooms(all(["a", "b"]), "c").unwrap().memberships, 1);
}

#[test]
fn names_that_are_no_events_and_no_rooms() {
    let world = World::new();
    let reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
    for event in reserved.into_iter().chain([""]) {
        let refused = Err(Error::EventName(event.to_owned()));
        assert_eq!(world.sockets.broadcast("a", event, &1), refused);
        assert_eq!(world.sockets.blast(event, &1), refused);
        assert_eq!(world.sockets.blast_message(&Message::raw(event, "1")), refused);
        assert_eq!(world.sockets.broadcast_message("a", &Message::raw(event, "1")), refused);
    }
    let [ann] = world.connect();
    assert_eq!(world.sockets.join(&ann, ["a", ""]), Err(Error::Join(JoinError::NameEmpty)));
    assert_eq!(world.members("a"), 0);
    assert_eq!(world.sockets.leave(&ann, ""), Ok(0));
}

#[test]
fn raw_json_several_arguments_and_binary() {
    let world = World::new();
    let [ann, ben] = world.connect();
    world.sockets.join(&ann, ["a", "b"]).unwrap();
    world.sockets.broadcast_message(["a", "b"], &Message::raw("raw", r#"{"x":1}"#)).unwrap();
    world.sockets.once().broadcast_message(["a", "b"], &Message::args("args", &(1, "two")).unwrap()).unwrap();
    world.sockets.omit(&ben).blast_message(&Message::binary("binary", &b"12"[..]).volatile()).unwrap();
    let messages = world.lane.received(&ann);
    let events: Vec<_> = messages.iter().map(Message::event).collect();
    assert_eq!(events, ["raw", "raw", "args", "binary"]);
    assert_eq!(messages[2].args_json(), r#"1,"two""#);
    assert_eq!(messages[3].attachments()[0], &b"12"[..]);
    assert!(world.heard(&ben).is_empty());
}

#[test]
fn data_that_cannot_be_json_is_sent_to_nobody() {
    let world = World::new();
    let [ann] = world.connect();
    let no_json = std::collections::HashMap::from([([1_u8], 1)]);
    assert!(matches!(world.sockets.blast(None, &no_json), Err(Error::Encode(_))));
    assert!(world.heard(&ann).is_empty());
}

#[test]
fn no_list_is_nobody_not_everybody() {
    let world = World::new();
    let [ann] = world.connect();
    assert_eq!(world.sockets.broadcast(Vec::<String>::new(), None, &1).unwrap().matched, 0);
    assert_eq!(world.sockets.join(Vec::<SocketId>::new(), "a"), Ok(0));
    assert_eq!(world.sockets.join(&ann, Vec::<String>::new()), Ok(0));
}
