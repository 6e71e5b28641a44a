use super::*;

type Space = Namespaces<u32>;

const LIMITS: NamespaceLimits = NamespaceLimits { namespaces_max: 2, connect_timeout: Duration::from_secs(1) };

fn open(revision: Revision) -> (Space, Instant) {
    let now = Instant::now();
    (Namespaces::new(revision, now, &LIMITS), now)
}

/// What is done with a packet, in few words.
fn hand(space: &mut Space, packet: Packet<'_>) -> Result<String, NamespaceError> {
    Ok(match space.handle_packet(packet, &LIMITS)? {
        Decision::Connect { namespace, auth, query } => format!("connect {namespace} {auth:?} {query:?}"),
        Decision::Refuse { namespace } => format!("refuse {namespace}"),
        Decision::Event { socket, name, args, ack } => format!("event {socket} {name}({}) {ack:?}", args.json),
        Decision::Answer { socket, id, args } => format!("answer {socket} {id}({})", args.json),
        Decision::Disconnect { socket } => format!("disconnect {socket}"),
        Decision::Ignore => "ignore".into(),
    })
}

fn connect(space: &mut Space, namespace: &str, socket: u32) {
    hand(space, Packet::connect(namespace, None)).unwrap();
    space.handle_connected(namespace, socket).unwrap();
}

fn event(namespace: &str) -> Packet<'_> {
    Packet::event(namespace, "e", Args::new("1", 1, &[]), Some(3))
}

#[test]
fn from_connect_to_disconnect() {
    let (mut space, _) = open(Revision::V5);
    let asked = hand(&mut space, Packet::connect("/", Some("{}"))).unwrap();
    assert_eq!(asked, r#"connect / Some("{}") None"#);
    assert!(space.is_connecting("/"));
    space.handle_connected("/", 1).unwrap();
    assert_eq!((space.socket("/"), space.namespace(&1)), (Some(&1), Some("/")));
    assert_eq!(hand(&mut space, event("/")).unwrap(), "event 1 e(1) Some(3)");
    assert_eq!(hand(&mut space, Packet::disconnect("/")).unwrap(), "disconnect 1");
    assert_eq!(space.socket("/"), None);
    assert_eq!(hand(&mut space, event("/")), Err(NamespaceError::NotConnected));
}

#[test]
fn namespaces_are_independent() {
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/a", 1);
    assert_eq!(hand(&mut space, event("/")), Err(NamespaceError::NotConnected));
    connect(&mut space, "/b", 2);
    assert_eq!(hand(&mut space, event("/b")).unwrap(), "event 2 e(1) Some(3)");
    assert_eq!(hand(&mut space, Packet::disconnect("/a")).unwrap(), "disconnect 1");
    assert_eq!(hand(&mut space, event("/b")).unwrap(), "event 2 e(1) Some(3)");
}

#[test]
fn revision_4_is_connecting_to_the_first_namespace_unasked() {
    let (mut space, _) = open(Revision::V4);
    assert!(space.is_connecting("/"));
    assert_eq!(hand(&mut space, event("/")), Err(NamespaceError::NotConnected), "it does not know yet that it is in");
    assert_eq!(hand(&mut space, Packet::connect("/", None)), Err(NamespaceError::ConnectedAlready));
    space.handle_connected("/", 1).unwrap();
    assert_eq!(hand(&mut space, event("/")).unwrap(), "event 1 e(1) Some(3)");
}

#[test]
fn a_second_connect_makes_no_second_socket() {
    let (mut space, _) = open(Revision::V5);
    hand(&mut space, Packet::connect("/", None)).unwrap();
    assert_eq!(hand(&mut space, Packet::connect("/", None)), Err(NamespaceError::ConnectedAlready));
    space.handle_connected("/", 1).unwrap();
    assert_eq!(space.handle_connected("/", 2), Err(NotConnecting));
    assert_eq!(hand(&mut space, Packet::connect("/", None)), Err(NamespaceError::ConnectedAlready));
}

#[test]
fn nothing_counts_before_the_application_has_answered() {
    let (mut space, _) = open(Revision::V5);
    hand(&mut space, Packet::connect("/", None)).unwrap();
    for packet in [event("/"), Packet::ack("/", 1, Args::default()), Packet::disconnect("/")] {
        assert_eq!(hand(&mut space, packet), Err(NamespaceError::NotConnected));
    }
}

#[test]
fn who_was_refused_may_try_again() {
    let (mut space, _) = open(Revision::V5);
    hand(&mut space, Packet::connect("/none", None)).unwrap();
    space.handle_refused("/none").unwrap();
    assert_eq!(space.handle_refused("/none"), Err(NotConnecting));
    assert_eq!(hand(&mut space, event("/none")), Err(NamespaceError::NotConnected));
    connect(&mut space, "/none", 1);
    assert_eq!(space.handle_refused("/none"), Err(NotConnecting));
}

#[test]
fn what_was_on_its_way_when_the_program_ended_a_socket_is_ignored() {
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/", 1);
    assert_eq!(space.handle_disconnected(&1), Some("/"));
    assert_eq!(space.handle_disconnected(&1), None);
    for packet in [event("/"), Packet::ack("/", 5, Args::default()), Packet::disconnect("/")] {
        assert_eq!(hand(&mut space, packet).unwrap(), "ignore");
    }
    connect(&mut space, "/", 2);
    assert_eq!(hand(&mut space, event("/")).unwrap(), "event 2 e(1) Some(3)");
}

#[test]
fn every_answer_with_a_number_is_passed_on() {
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/", 1);
    let answer = |id| Packet { namespace: "/".into(), body: Body::Ack { id, args: Args::new("9", 1, &[]) } };
    for id in [0, 5, 5, u64::MAX] {
        assert_eq!(hand(&mut space, answer(Some(id))).unwrap(), format!("answer 1 {id}(9)"));
    }
    assert_eq!(hand(&mut space, answer(None)).unwrap(), "ignore");
}

#[test]
fn namespaces_are_bounded_and_those_that_were_left_make_room() {
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/a", 1);
    hand(&mut space, Packet::connect("/b", None)).unwrap();
    assert_eq!(hand(&mut space, Packet::connect("/c", None)).unwrap(), "refuse /c");
    assert_eq!(hand(&mut space, event("/c")), Err(NamespaceError::NotConnected));
    space.handle_disconnected(&1).unwrap();
    connect(&mut space, "/c", 3);
    assert_eq!(space.entries.len(), 2);
    assert_eq!(hand(&mut space, Packet::connect("/d", None)).unwrap(), "refuse /d");
}

#[test]
fn a_client_has_to_connect_in_time() {
    let (mut space, start) = open(Revision::V5);
    let deadline = start + LIMITS.connect_timeout;
    assert_eq!(space.poll_timeout(), Some(deadline));
    assert_eq!(space.handle_timeout(deadline - Duration::from_millis(1)), Ok(()));
    hand(&mut space, Packet::connect("/", None)).unwrap();
    assert_eq!(space.poll_timeout(), None, "the application takes its time");
    assert_eq!(space.handle_timeout(deadline), Ok(()));
    space.handle_refused("/").unwrap();
    assert_eq!(space.handle_timeout(deadline), Err(NamespaceError::ConnectTimeout));
    connect(&mut space, "/", 1);
    space.handle_disconnected(&1).unwrap();
    assert_eq!(space.poll_timeout(), None, "it was connected once");
    assert_eq!(space.handle_timeout(deadline), Ok(()));
}

#[test]
fn servers_only() {
    let (mut space, _) = open(Revision::V5);
    let packet = Packet::connect_error(Revision::V5, "/", "no", None);
    assert_eq!(hand(&mut space, packet), Err(NamespaceError::ConnectErrorSent));
}

#[test]
fn the_end_of_a_connection_ends_its_sockets() {
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/a", 1);
    hand(&mut space, Packet::connect("/b", None)).unwrap();
    assert_eq!(space.handle_close().collect::<Vec<_>>(), [1]);
    assert_eq!((space.handle_close().count(), space.poll_timeout()), (0, None));
}

#[test]
fn a_connection_in_the_first_namespace_is_small_and_owns_no_heap() {
    // As large as a socket's id in the engine, or larger.
    type Socket = [u64; 5];
    assert!(size_of::<Namespaces<Socket>>() <= 88, "{}", size_of::<Namespaces<Socket>>());
    let (mut space, _) = open(Revision::V5);
    connect(&mut space, "/", 1);
    assert!(!space.entries.spilled() && space.entries[0].name.0.is_none());
}
