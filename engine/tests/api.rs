//! The engine as its users meet it: errors, limits, handles, observers, namespaces.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use roomcast::{
    Backlog, Class, Closed, ConnectError, Delivery, Engine, JoinError, Lane, Members, MemoryLane, Message, Observer,
    Socket, SocketId, Tile, all, any,
};

fn hi() -> Message {
    Message::raw("hi", "1")
}

#[test]
fn a_stale_handle_finds_nobody_and_touches_no_newcomer() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let ann = lane.connect().unwrap();
    let (handle, id) = (Socket::clone(&ann), ann.id());
    drop(ann);
    let ben = lane.connect().unwrap();
    assert_eq!(ben.id().slot(), id.slot(), "the slot is used again at once");
    ben.join("eu").unwrap();
    assert_eq!(handle.join("eu"), Err(JoinError::Gone));
    assert_eq!((handle.leave("eu"), handle.leave_all(), handle.disconnect()), (0, 0, false));
    assert_eq!((handle.send(&hi()).matched, handle.rooms().len(), handle.is_connected()), (0, 0, false));
    assert!(!handle.insert(5) && handle.get::<i32>().is_none());
    assert_eq!(engine.to(id).count() + engine.to(id.as_str()).count(), 0);
    assert_eq!(engine.to("eu").count(), 1);
}

#[test]
fn tiles_are_the_slots_of_the_members() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let sockets: Vec<_> = (0..70).map(|_| lane.connect().unwrap()).collect();
    sockets.iter().step_by(3).for_each(|socket| assert_eq!(socket.join("eu"), Ok(1)));
    sockets[..9].iter().for_each(|socket| assert_eq!(socket.join("us"), Ok(1)));
    for selection in
        [engine.to("eu"), engine.to(["eu"]), engine.to(["eu", "us"]).except(&sockets[3]), engine.to("none")]
    {
        let tiles = selection.tiles();
        let mut slots: Vec<u32> = tiles.iter().flat_map(|tile| tile.slots()).collect();
        let mut members: Vec<u32> = selection.members().map(|id| id.slot()).collect();
        slots.sort_unstable();
        members.sort_unstable();
        assert_eq!((slots, tiles.count()), (members, selection.count()));
        assert!(sockets.iter().all(|socket| socket.id().born() <= tiles.clock()));
    }
}

#[test]
fn sockets_are_handles_of_the_members() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let all: Vec<_> = (0..40).map(|_| lane.connect().unwrap()).collect();
    engine.to([all[2].id(), all[39].id()]).join("eu").unwrap();
    let mut handles = engine.to("eu").local().sockets();
    assert_eq!(handles.len(), 2);
    let second = handles.next().unwrap();
    assert_eq!((second.id(), second.send(&hi()).matched), (all[2].id(), 1));
    drop(engine);
    assert!(handles.next().unwrap().insert("kept") && all[39].get::<&str>().is_some());
    assert_eq!(handles.count(), 0);
}

#[test]
fn limits_are_typed() {
    let engine = Engine::builder().rooms_per_socket_max(2).room_name_bytes_max(5).rooms_max(3).sockets_max(2).build();
    let lane = MemoryLane::new(&engine);
    let (ann, ben) = (lane.connect().unwrap(), lane.connect().unwrap());
    assert_eq!(lane.connect().err(), Some(ConnectError::Sockets { max: 2 }));
    assert_eq!(ann.join(""), Err(JoinError::NameEmpty));
    assert_eq!(ann.join("123456"), Err(JoinError::NameTooLong { bytes: 6, max: 5 }));
    assert_eq!(ann.join(["a", "b"]), Ok(2));
    assert_eq!(ann.join("c"), Err(JoinError::RoomsPerSocket { max: 2 }));
    assert_eq!(ann.join("a"), Ok(0), "a member may join again");
    ben.join("c").unwrap();
    assert_eq!(ben.join("d"), Err(JoinError::Rooms { max: 3 }));
    let changed = engine.to(["a", "c"]).join(["b", "c"]).unwrap();
    assert_eq!((changed.sockets, changed.memberships, changed.refused), (2, 1, 1));
    assert_eq!(ann.leave("a"), 1);
    assert_eq!(ann.join("c"), Ok(1), "room for one more");
    drop(ben);
    assert!(lane.connect().is_ok());
}

#[test]
fn an_id_is_a_room_of_one_and_closed_to_others() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let (ann, ben) = (lane.connect().unwrap(), lane.connect().unwrap());
    let own = ann.id();
    assert_eq!(ann.join(own.as_str()), Ok(0));
    assert_eq!(ann.leave(own.as_str()), 0);
    assert_eq!(ben.join(own.as_str()), Err(JoinError::Private));
    assert_eq!(engine.to(ben.id()).join(own.as_str()), Err(JoinError::Private));
    assert_eq!(engine.to(own.as_str()).join(own.as_str()).unwrap().memberships, 0);
    assert!(ann.is_in(own.as_str()) && !ben.is_in(own.as_str()));
    assert_eq!(engine.to(own.as_str()).broadcast(&hi()).matched, 1);
    assert_eq!(engine.to(own.as_str()).join("eu").unwrap().memberships, 1);
    assert_eq!(lane.connect_as(own.as_str()).err(), Some(ConnectError::IdTaken));
    assert_eq!(lane.connect_as("too short").err(), Some(ConnectError::Id));
    let text = own.as_str().to_owned();
    drop(ann);
    assert_eq!(lane.connect_as(&text).unwrap().id().as_str(), text);
}

#[test]
fn namespaces_never_meet() {
    let root = Engine::new();
    let lane = MemoryLane::new(&root);
    let admin = lane.namespace("/admin");
    let ann = lane.connect().unwrap();
    let ben = admin.connect_as(ann.id().as_str()).unwrap();
    ann.join("eu").unwrap();
    ben.join("eu").unwrap();
    assert_eq!(ben.engine().name(), "/admin");
    assert_eq!(root.to("eu").count(), 1);
    assert_eq!(root.namespace("/admin").everyone().broadcast(&hi()).matched, 1);
    assert_eq!((lane.received(&ann).len(), lane.received(&ben).len()), (0, 1));
    assert_eq!(root.to(ben.id()).count(), 0, "an id of another namespace");
    assert_eq!(root.stats().sockets, 1);
    let pinned = root.room("eu").unwrap();
    assert_eq!(root.namespace("/admin").to(&pinned).members().next(), Some(ben.id()), "by its name there");
}

#[test]
fn a_namespace_has_one_shared_value_of_each_type() {
    #[derive(Default)]
    struct Asked(AtomicU64);
    let engine = Engine::new();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let engine = engine.namespace("/chat");
            std::thread::spawn(move || engine.shared::<Asked>().0.fetch_add(1, SeqCst))
        })
        .collect();
    threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
    assert_eq!(engine.namespace("/chat").shared::<Asked>().0.load(SeqCst), 4);
    assert_eq!(engine.shared::<Asked>().0.load(SeqCst), 0, "another namespace");
    assert_eq!(*engine.namespace("/chat").shared::<String>(), "", "another type");
    let kept = Arc::downgrade(&engine.shared::<Asked>());
    assert!(kept.upgrade().is_some());
    drop(engine);
    assert!(kept.upgrade().is_none(), "it goes with the engine");
}

#[test]
fn a_pinned_room_exists_only_with_members() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let tick = engine.room("tick").unwrap();
    assert!(tick.is_empty() && engine.rooms().is_empty());
    let ann = lane.connect().unwrap();
    assert_eq!((ann.join(&tick), ann.join("tick")), (Ok(1), Ok(0)));
    assert_eq!((tick.len(), engine.to(&tick).broadcast(&hi()).matched, engine.rooms().len()), (1, 1, 1));
    assert_eq!(ann.leave(&tick), 1);
    assert_eq!(ann.join("tick"), Ok(1));
    drop(tick);
    assert_eq!(engine.to("tick").count(), 1);
}

#[test]
fn data_lives_with_the_socket() {
    struct Flag(Arc<()>);
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let ann = lane.connect().unwrap();
    let alive = Arc::new(());
    assert!(ann.insert(Flag(Arc::clone(&alive))) && ann.insert("text"));
    assert_eq!(ann.get::<&str>().as_deref(), Some(&"text"));
    assert!(Arc::ptr_eq(&ann.get::<Flag>().unwrap().0, &alive));
    assert!(ann.insert("other") && ann.get::<u8>().is_none());
    assert_eq!(ann.get::<&str>().as_deref(), Some(&"other"));
    ann.disconnect();
    assert_eq!(Arc::strong_count(&alive), 1, "dropped at disconnect");
}

#[test]
fn who_excludes_stays_excluded_when_more_is_chosen() {
    let engine = Engine::new();
    let lane = MemoryLane::new(&engine);
    let (ann, ben) = (lane.connect().unwrap(), lane.connect().unwrap());
    ann.join("a").unwrap();
    ben.join(["b", "muted"]).unwrap();
    assert_eq!(engine.to("a").except("muted").to("b").count(), 1);
    assert_eq!(engine.to(any(["a", "b"]).except(&ben)).count(), 1);
    assert_eq!(engine.to(all(["b", "muted"])).count(), 1);
    assert_eq!(ann.broadcast().count(), 1);
    assert_eq!(ben.to(["a", "b"]).count(), 1);
}

/// A lane that keeps what it gets as it got it, and is full when told so.
#[derive(Default)]
struct Post {
    got: Mutex<Vec<Delivery>>,
    full: AtomicBool,
}

impl Lane for Post {
    fn backlog(&self) -> Backlog {
        Backlog { bytes: 7, full: self.full.load(SeqCst) }
    }

    fn deliver(&self, delivery: Delivery) {
        self.got.lock().unwrap().push(delivery);
    }

    fn close(&self, _closed: Closed) {}
}

impl Post {
    fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

fn slots(delivery: &Delivery) -> Vec<u32> {
    delivery.tiles.iter().copied().flat_map(Tile::slots).collect()
}

#[test]
fn who_is_asked_is_who_gets_the_question() {
    let (engine, post) = (Engine::new(), Arc::new(Post::default()));
    let port = engine.attach(Arc::clone(&post) as Arc<dyn Lane>);
    let sockets: Vec<_> = (0..70).map(|number| port.connect(&format!("{number:020}")).unwrap()).collect();
    engine.to(["00000000000000000003", "00000000000000000064", "00000000000000000065"]).join("eu").unwrap();
    let asked = Arc::new(Mutex::new(Vec::<SocketId>::new()));
    let sent = engine.to("eu").except(&sockets[65]).volatile().per_room().ask(&hi(), |ids| {
        asked.lock().unwrap().extend(ids);
        // What happens now comes too late for this question.
        sockets[3].leave("eu");
        sockets[9].join("eu").unwrap();
        port.connect(&"x".repeat(20)).unwrap().join("eu").unwrap();
        42
    });
    assert_eq!((sent.matched, sent.backlog_bytes, sent.overloaded), (2, 7, false));
    assert_eq!(*asked.lock().unwrap(), [sockets[3].id(), sockets[64].id()]);
    let got = post.take();
    assert_eq!((got.len(), got[0].ack, got[0].message.class()), (1, Some(42), Class::Volatile));
    assert_eq!(slots(&got[0]), [sockets[3].id().slot(), sockets[64].id().slot()]);
    assert!(got[0].clock >= sockets[69].id().born());

    assert_eq!(sockets[1].ask(&hi(), |ids| ids.len() as u64).matched, 1);
    assert_eq!(engine.to("nobody").ask(&hi(), |ids| ids.len() as u64).matched, 0);
    let got = post.take();
    assert_eq!((got.len(), got[0].ack, slots(&got[0])), (1, Some(1), vec![sockets[1].id().slot()]));
}

#[test]
fn the_first_room_with_a_full_lane_is_the_last() {
    let (engine, full, free) = (Engine::new(), Arc::new(Post::default()), Arc::new(Post::default()));
    let ann = engine.attach(Arc::clone(&full) as Arc<dyn Lane>).connect(&"a".repeat(20)).unwrap();
    let ben = engine.attach(Arc::clone(&free) as Arc<dyn Lane>).connect(&"b".repeat(20)).unwrap();
    ann.join("theirs").unwrap();
    ben.join(["ours", "also ours"]).unwrap();
    full.full.store(true, SeqCst);
    let sent = engine.to(["ours", "theirs", "also ours"]).per_room().broadcast(&hi());
    assert_eq!((sent.matched, sent.overloaded), (1, true));
    assert_eq!((full.take().len(), free.take().len()), (0, 1));
}

#[test]
fn a_full_lane_is_not_asked() {
    let (engine, post) = (Engine::new(), Arc::new(Post::default()));
    let port = engine.attach(Arc::clone(&post) as Arc<dyn Lane>);
    let ann = port.connect(&"a".repeat(20)).unwrap();
    post.full.store(true, SeqCst);
    let sent = ann.ask(&hi(), |_| panic!("nobody is asked"));
    assert_eq!((sent.matched, sent.overloaded, post.take().len()), (0, true, 0));
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn read(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.sort();
        lines
    }
}

impl Observer for Diary {
    fn room_created(&self, room: &str) {
        self.write(format!("+{room}"));
    }

    fn joined(&self, room: &str, members: &Members) {
        self.write(format!("{room} {} joined", members.len()));
    }

    fn left(&self, room: &str, members: &Members) {
        self.write(format!("{room} {} left", members.len()));
    }

    fn room_deleted(&self, room: &str) {
        self.write(format!("-{room}"));
    }
}

#[test]
fn observers_see_each_bulk_verb_once_a_room() {
    let diary = Diary::default();
    let engine = Engine::builder().observer(diary.clone()).build();
    let lane = MemoryLane::new(&engine);
    let sockets: Vec<_> = (0..40).map(|_| lane.connect().unwrap()).collect();
    sockets[0].join("a").unwrap();
    assert_eq!(diary.read(), ["+a", "a 1 joined"]);
    engine.everyone().join(["a", "b"]).unwrap();
    assert_eq!(diary.read(), ["+b", "a 39 joined", "b 40 joined"]);
    engine.to("a").leave("b");
    assert_eq!(diary.read(), ["-b", "b 40 left"]);
    sockets[1].leave("a");
    assert_eq!(diary.read(), ["a 1 left"]);
    drop(sockets);
    let lines = diary.read();
    assert_eq!((lines.len(), lines.iter().any(|line| line == "-a")), (40, true), "{lines:?}");
}
