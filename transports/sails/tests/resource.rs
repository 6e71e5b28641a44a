//! Resourceful pubsub, as actions call it.

use http::Request;
use roomcast::{Engine, JoinError, MemoryLane, OwnedSocket, Socket};
use roomcast_sails::{Error, Resource, Sockets};
use serde_json::{Value, json};

struct World {
    lane: MemoryLane,
    sockets: Sockets,
    users: Resource,
}

impl World {
    fn new() -> Self {
        let engine = Engine::builder().rooms_per_socket_max(3).build();
        let sockets = Sockets::new(&engine);
        Self { lane: MemoryLane::new(&engine), users: Resource::new(&sockets, "user"), sockets }
    }

    fn connect<const N: usize>(&self) -> [OwnedSocket; N] {
        std::array::from_fn(|_| self.lane.connect().unwrap())
    }

    /// The data of the events `user` that came since the last look.
    fn heard(&self, socket: &Socket) -> Vec<Value> {
        let messages = self.lane.received(socket);
        assert!(messages.iter().all(|m| m.event() == "user" && m.args_len() == 1));
        messages.iter().map(|m| serde_json::from_str(m.args_json()).unwrap()).collect()
    }
}

#[test]
fn rooms_have_the_names_of_sails() {
    let users = World::new().users;
    assert_eq!(users.room_name(1), "sails_model_user_1:user");
    assert_eq!(users.room_name("507f1f77bcf86cd799439011"), "sails_model_user_507f1f77bcf86cd799439011:user");
    assert_eq!(users.room_name(format_args!("{}-admins-only", 13)), "sails_model_user_13-admins-only:user");
    assert_eq!(users.class_room_name(), "sails_model_create_user");
    assert_eq!(users.identity(), "user");
}

#[test]
fn subscribers_hear_what_is_published() {
    let world = World::new();
    let [ann, ben] = world.connect();
    assert_eq!(world.users.subscribe(&ann, [1, 2]), Ok(2));
    assert_eq!(world.users.subscribe([&ann, &ben], &["2".to_owned()]), Ok(1), "a number and its text are one id");
    assert_eq!(world.users.publish([1, 2], &json!({"x": 1})).unwrap().matched, 3);
    assert_eq!(world.heard(&ann).len(), 2, "one copy for each record");
    assert_eq!(world.heard(&ben), [json!({"x": 1})]);
    world.users.once().publish([1, 2], "hi").unwrap();
    assert_eq!((world.heard(&ann), world.heard(&ben)), (vec![json!("hi")], vec![json!("hi")]));
    assert_eq!(world.users.unsubscribe(&ann, [1, 2, 3]), Ok(2));
    assert_eq!(world.users.publish(vec![1, 2], &()).unwrap().matched, 1);
    assert_eq!(world.users.publish(Vec::<u64>::new(), &()).unwrap().matched, 0);
}

#[test]
fn who_caused_it_need_not_hear_it() {
    let world = World::new();
    let [ann, ben, cem] = world.connect();
    world.users.subscribe([&ann, &ben, &cem], [1]).unwrap();
    let request = Request::builder().extension(Socket::clone(&ann)).body(()).unwrap();
    world.users.omit(&request).publish([1], &1).unwrap();
    world.users.omit(&request).omit(&ben).publish([1], &2).unwrap();
    world.users.omit(&Request::new(())).publish([1], &3).unwrap();
    world.users.publish([1], &4).unwrap();
    let heard = [&ann, &ben, &cem].map(|socket| Value::from(world.heard(socket)));
    assert_eq!(heard, [json!([3, 4]), json!([1, 3, 4]), json!([1, 2, 3, 4])]);
}

#[test]
fn what_the_blueprints_tell() {
    let world = World::new();
    let [ann] = world.connect();
    world.users.watch(&ann).unwrap();
    let (new, old) = (json!({"id": 47, "hobby": "kickin"}), json!({"hobby": "pickin"}));
    world.users.created(47, &new).unwrap();
    world.users.updated(47, &new, &old).unwrap();
    world.users.updated(47, &new, &()).unwrap();
    world.users.added_to(47, "pets", "p9").unwrap();
    world.users.removed_from(47, "pets", 9).unwrap();
    world.users.destroyed(47, &None::<Value>).unwrap();
    let expected = [
        json!({"verb": "created", "id": 47, "data": new}),
        json!({"verb": "updated", "id": 47, "data": new, "previous": old}),
        json!({"verb": "updated", "id": 47, "data": new}),
        json!({"verb": "addedTo", "id": 47, "attribute": "pets", "addedId": "p9", "addedIds": ["p9"]}),
        json!({"verb": "removedFrom", "id": 47, "attribute": "pets", "removedId": 9, "removedIds": [9]}),
        json!({"verb": "destroyed", "id": 47}),
    ];
    assert_eq!(world.heard(&ann), expected);
    world.users.subscribe(&ann, ["a"]).unwrap();
    world.users.destroyed("a", &old).unwrap();
    assert_eq!(world.heard(&ann), [json!({"verb": "destroyed", "id": "a", "previous": old})]);
}

#[test]
fn watchers_subscribe_to_what_is_created_until_it_is_destroyed() {
    let world = World::new();
    let [ann, ben] = world.connect();
    assert_eq!(world.users.watch([&ann, &ben]), Ok(2));
    assert_eq!(world.users.unwatch(&ben), Ok(1));
    world.users.omit(&ann).created(1, &()).unwrap();
    assert!(world.heard(&ann).is_empty() && world.heard(&ben).is_empty());
    assert_eq!(world.users.publish([1], &()).unwrap().matched, 1, "who is left out is subscribed all the same");
    world.users.subscribe(&ben, [1]).unwrap();
    assert_eq!(world.users.destroyed(1, &()).unwrap().matched, 2);
    assert_eq!(world.users.publish([1], &()).unwrap().matched, 0);
    assert!(ann.is_in(world.users.class_room_name().as_str()));
}

#[test]
fn models_do_not_meet() {
    let world = World::new();
    let [ann] = world.connect();
    let pets = Resource::new(&world.sockets, "pet");
    world.users.subscribe(&ann, [1]).unwrap();
    assert_eq!(pets.publish([1], &()).unwrap().matched, 0);
    assert_eq!(pets.created(1, &()).unwrap().matched, 0);
}

#[test]
fn what_cannot_be_done() {
    let world = World::new();
    let [ann] = world.connect();
    let plain = Request::new(());
    assert_eq!(world.users.subscribe(&plain, [1]), Err(Error::NotASocket));
    assert_eq!(world.users.unsubscribe(&plain, [1]), Err(Error::NotASocket));
    assert_eq!(world.users.watch(&plain), Err(Error::NotASocket));
    assert_eq!(world.users.subscribe(&ann, 1..=5), Err(Error::Full { memberships: 2 }));
    assert!(matches!(world.users.subscribe(&ann, ["x".repeat(2000)]), Err(Error::Join(JoinError::NameTooLong { .. }))));
    let reserved = Resource::new(&world.sockets, "connect");
    assert_eq!(reserved.publish([1], &()), Err(Error::EventName("connect".into())));
    let no_json = std::collections::HashMap::from([([1_u8], 1)]);
    assert!(matches!(world.users.created(1, &no_json), Err(Error::Encode(_))));
}
