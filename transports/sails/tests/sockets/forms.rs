//! The ways to write an argument, drawn at random: people by number, rooms by name.

use proptest::prelude::*;

/// How many people there are; each is connected most of the time.
pub(crate) const PEOPLE: usize = 6;

/// One way to name one socket.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Request(usize),
    PlainHttp,
    Parts(usize),
    Extensions(usize),
    Handle(usize),
    OwnHandle(usize),
    Id(usize),
    Text(usize),
    StringRef(usize),
    OwnString(usize),
    Unknown,
}

/// The argument `who`.
#[derive(Clone, Debug)]
pub(crate) enum WhoForm {
    One(Name),
    Array(Name, Name),
    Mixed(Vec<Name>),
    Requests(Vec<usize>),
    Ids(Vec<usize>),
    IdSlice(Vec<usize>),
    Texts(Vec<usize>),
    StringSlice(Vec<usize>),
    Handles(Vec<usize>),
}

/// The name of a room.
#[derive(Clone, Debug)]
pub(crate) enum RoomName {
    Named(&'static str),
    Empty,
    /// The room of somebody's own id.
    Own(usize),
}

/// The argument `rooms` of those who join and leave.
#[derive(Clone, Debug)]
pub(crate) enum RoomsForm {
    Text(RoomName),
    OwnString(RoomName),
    Array(RoomName, RoomName),
    Strings(Vec<RoomName>),
    StringSlice(Vec<RoomName>),
}

/// Rooms whose members are meant.
#[derive(Clone, Debug)]
pub(crate) enum TargetForm {
    Text(RoomName),
    Array(RoomName, RoomName),
    Strings(Vec<RoomName>),
    Id(usize),
    Ids(Vec<usize>),
    /// Those who are in all of these.
    All(Vec<RoomName>),
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Emit {
    pub(crate) event: Option<&'static str>,
    pub(crate) omit: Vec<WhoForm>,
    pub(crate) once: bool,
    pub(crate) as_message: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Connect(usize),
    Disconnect(usize),
    Join(WhoForm, RoomsForm),
    Leave(WhoForm, RoomsForm),
    LeaveAll(TargetForm),
    LeaveAllOtherRooms(RoomName),
    AddRoomMembersToRooms(TargetForm, RoomsForm),
    RemoveRoomMembersFromRooms(TargetForm, RoomsForm),
    Broadcast(TargetForm, Emit),
    Blast(Emit),
}

fn person() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn people() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(person(), 0..4)
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        6 => person().prop_map(Name::Request),
        1 => Just(Name::PlainHttp),
        1 => person().prop_map(Name::Parts),
        1 => person().prop_map(Name::Extensions),
        2 => person().prop_map(Name::Handle),
        1 => person().prop_map(Name::OwnHandle),
        2 => person().prop_map(Name::Id),
        2 => person().prop_map(Name::Text),
        1 => person().prop_map(Name::StringRef),
        1 => person().prop_map(Name::OwnString),
        1 => Just(Name::Unknown),
    ]
}

fn who() -> impl Strategy<Value = WhoForm> {
    prop_oneof![
        8 => name().prop_map(WhoForm::One),
        2 => (name(), name()).prop_map(|(a, b)| WhoForm::Array(a, b)),
        2 => prop::collection::vec(name(), 0..4).prop_map(WhoForm::Mixed),
        1 => people().prop_map(WhoForm::Requests),
        1 => people().prop_map(WhoForm::Ids),
        1 => people().prop_map(WhoForm::IdSlice),
        1 => people().prop_map(WhoForm::Texts),
        1 => people().prop_map(WhoForm::StringSlice),
        1 => people().prop_map(WhoForm::Handles),
    ]
}

fn room() -> impl Strategy<Value = RoomName> {
    prop_oneof![
        30 => prop::sample::select(vec!["a", "b", "c", "d", "e", "__proto__"]).prop_map(RoomName::Named),
        1 => Just(RoomName::Empty),
        3 => person().prop_map(RoomName::Own),
    ]
}

fn room_list() -> impl Strategy<Value = Vec<RoomName>> {
    prop::collection::vec(room(), 0..4)
}

fn rooms() -> impl Strategy<Value = RoomsForm> {
    prop_oneof![
        4 => room().prop_map(RoomsForm::Text),
        1 => room().prop_map(RoomsForm::OwnString),
        2 => (room(), room()).prop_map(|(a, b)| RoomsForm::Array(a, b)),
        1 => room_list().prop_map(RoomsForm::Strings),
        1 => room_list().prop_map(RoomsForm::StringSlice),
    ]
}

fn target() -> impl Strategy<Value = TargetForm> {
    prop_oneof![
        4 => room().prop_map(TargetForm::Text),
        3 => (room(), room()).prop_map(|(a, b)| TargetForm::Array(a, b)),
        2 => room_list().prop_map(TargetForm::Strings),
        1 => person().prop_map(TargetForm::Id),
        1 => people().prop_map(TargetForm::Ids),
        1 => room_list().prop_map(TargetForm::All),
    ]
}

fn emit() -> impl Strategy<Value = Emit> {
    let event = prop_oneof![
        4 => Just(None),
        4 => Just(Some("said")),
        1 => prop::sample::select(vec![Some(""), Some("connect"), Some("disconnecting")]),
    ];
    let omit = prop::collection::vec(who(), 0..3);
    (event, omit, any::<bool>(), any::<bool>()).prop_map(|(event, omit, once, as_message)| Emit {
        event,
        omit,
        once,
        as_message,
    })
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => person().prop_map(Op::Connect),
        1 => person().prop_map(Op::Disconnect),
        8 => (who(), rooms()).prop_map(|(who, rooms)| Op::Join(who, rooms)),
        3 => (who(), rooms()).prop_map(|(who, rooms)| Op::Leave(who, rooms)),
        1 => target().prop_map(Op::LeaveAll),
        1 => room().prop_map(Op::LeaveAllOtherRooms),
        3 => (target(), rooms()).prop_map(|(from, into)| Op::AddRoomMembersToRooms(from, into)),
        2 => (target(), rooms()).prop_map(|(of, from)| Op::RemoveRoomMembersFromRooms(of, from)),
        5 => (target(), emit()).prop_map(|(rooms, emit)| Op::Broadcast(rooms, emit)),
        1 => emit().prop_map(Op::Blast),
    ]
}
