//! The crate and the model, side by side.

use std::mem::take;

use http::Request;
use roomcast::{Engine, MemoryLane, Message, OwnedSocket, Rooms, Socket, SocketId, Target, all};
use roomcast_sails::{Broadcast, Sockets, Who};

use crate::forms::{Emit, Name, Op, PEOPLE, RoomName, RoomsForm, TargetForm, WhoForm};
use crate::model::{Answer, Model, ROOMS_MAX, room_name};

pub(crate) struct Pair {
    model: Model,
    lane: MemoryLane,
    sockets: Sockets,
    people: Vec<Person>,
    sent: usize,
}

/// Somebody who may come and go; what was in hand of the latest connection stays so.
struct Person {
    connection: Option<OwnedSocket>,
    socket: Socket,
    text: String,
    request: Request<()>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let engine = Engine::builder().rooms_per_socket_max(ROOMS_MAX).build();
        let lane = MemoryLane::new(&engine);
        let people = (0..PEOPLE).map(|_| Person::connect(&lane)).collect();
        let mut pair = Self { model: Model::new(), lane, sockets: Sockets::new(&engine), people, sent: 0 };
        for person in 0..PEOPLE {
            pair.model.connect(person, &pair.people[person].text);
        }
        pair
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        self.sent += 1;
        let outcome = self.act(op);
        let texts: Vec<String> = self.people.iter().map(|person| person.text.clone()).collect();
        assert_eq!(outcome, self.model.apply(op, |person| texts[person].clone(), self.sent), "{op:?}");
        self.compare(op);
    }

    fn act(&mut self, op: &Op) -> Answer {
        match op {
            Op::Connect(person) => {
                self.people[*person] = Person::connect(&self.lane);
                self.model.connect(*person, &self.people[*person].text);
            }
            Op::Disconnect(person) => drop(take(&mut self.people[*person].connection)),
            Op::Join(who, rooms) => {
                return self.with_who(who, |who| self.with_rooms(rooms, |rooms| self.sockets.join(who, rooms)));
            }
            Op::Leave(who, rooms) => {
                return self.with_who(who, |who| self.with_rooms(rooms, |rooms| self.sockets.leave(who, rooms)));
            }
            Op::LeaveAll(target) => return Ok(self.sockets.leave_all(self.target(target)).memberships),
            Op::LeaveAllOtherRooms(room) => {
                return Ok(self.sockets.leave_all_other_rooms(&self.room(room)).memberships);
            }
            Op::AddRoomMembersToRooms(target, rooms) => {
                let add = |rooms: Rooms<'_>| self.sockets.add_room_members_to_rooms(self.target(target), rooms);
                return self.with_rooms(rooms, add).map(|changed| changed.memberships);
            }
            Op::RemoveRoomMembersFromRooms(target, rooms) => {
                let remove = |rooms: Rooms<'_>| self.sockets.remove_room_members_from_rooms(self.target(target), rooms);
                return Ok(self.with_rooms(rooms, remove).memberships);
            }
            Op::Broadcast(target, emit) => return self.broadcast(target, emit),
            Op::Blast(emit) => return self.blast(emit),
        }
        Ok(0)
    }

    fn broadcast(&self, target: &TargetForm, emit: &Emit) -> Answer {
        let (rooms, sockets) = (self.target(target), &self.sockets);
        let sent = match (self.view(emit), emit.as_message) {
            (None, false) => sockets.broadcast(rooms, emit.event, &self.sent),
            (None, true) => sockets.broadcast_message(rooms, &self.message(emit)),
            (Some(view), false) => view.broadcast(rooms, emit.event, &self.sent),
            (Some(view), true) => view.broadcast_message(rooms, &self.message(emit)),
        };
        sent.map(|sent| sent.matched)
    }

    fn blast(&self, emit: &Emit) -> Answer {
        let sent = match (self.view(emit), emit.as_message) {
            (None, false) => self.sockets.blast(emit.event, &self.sent),
            (None, true) => self.sockets.blast_message(&self.message(emit)),
            (Some(view), false) => view.blast(emit.event, &self.sent),
            (Some(view), true) => view.blast_message(&self.message(emit)),
        };
        sent.map(|sent| sent.matched)
    }

    fn message(&self, emit: &Emit) -> Message {
        Message::raw(emit.event.unwrap_or("message"), &self.sent.to_string())
    }

    /// Nothing omitted and a copy for each room needs no view.
    fn view(&self, emit: &Emit) -> Option<Broadcast<'_>> {
        let once = emit.once.then(|| self.sockets.once());
        emit.omit.iter().fold(once, |view, who| {
            Some(self.with_who(who, |who| match view {
                None => self.sockets.omit(who),
                Some(view) => view.omit(who),
            }))
        })
    }

    fn name(&self, name: &Name) -> Who<'_> {
        match name {
            Name::PlainHttp => Who::from(&Request::new(())),
            Name::Unknown => "a text that is no id".into(),
            Name::Request(person) => (&self.people[*person].request).into(),
            Name::Parts(person) => (&self.people[*person].request.clone().into_parts().0).into(),
            Name::Extensions(person) => self.people[*person].request.extensions().into(),
            Name::Handle(person) => (&self.people[*person].socket).into(),
            Name::OwnHandle(person) => self.people[*person].socket.clone().into(),
            Name::Id(person) => self.people[*person].socket.id().into(),
            Name::Text(person) => self.people[*person].text.as_str().into(),
            Name::StringRef(person) => (&self.people[*person].text).into(),
            Name::OwnString(person) => self.people[*person].text.clone().into(),
        }
    }

    fn with_who<T>(&self, form: &WhoForm, act: impl FnOnce(Who<'_>) -> T) -> T {
        let each = |people: &[usize]| people.iter().map(|person| &self.people[*person]).collect::<Vec<_>>();
        match form {
            WhoForm::One(name) => act(self.name(name)),
            WhoForm::Array(a, b) => act([self.name(a), self.name(b)].into()),
            WhoForm::Mixed(names) => act(names.iter().map(|name| self.name(name)).collect()),
            WhoForm::Requests(people) => act(each(people).iter().map(|p| &p.request).collect::<Vec<_>>().into()),
            WhoForm::Ids(people) => act(self.ids(people).into()),
            WhoForm::IdSlice(people) => act(self.ids(people).as_slice().into()),
            WhoForm::Texts(people) => act(each(people).iter().map(|p| p.text.as_str()).collect::<Vec<_>>().into()),
            WhoForm::StringSlice(people) => {
                act(each(people).iter().map(|p| p.text.clone()).collect::<Vec<_>>().as_slice().into())
            }
            WhoForm::Handles(people) => act((&each(people).iter().map(|p| &p.socket).collect::<Vec<_>>()).into()),
        }
    }

    fn ids(&self, people: &[usize]) -> Vec<SocketId> {
        people.iter().map(|person| self.people[*person].socket.id()).collect()
    }

    fn room(&self, room: &RoomName) -> String {
        room_name(room, |person| self.people[person].text.clone())
    }

    fn names(&self, rooms: &[RoomName]) -> Vec<String> {
        rooms.iter().map(|room| self.room(room)).collect()
    }

    fn with_rooms<T>(&self, form: &RoomsForm, act: impl FnOnce(Rooms<'_>) -> T) -> T {
        match form {
            RoomsForm::Text(room) => act(self.room(room).as_str().into()),
            RoomsForm::OwnString(room) => act(self.room(room).into()),
            RoomsForm::Array(a, b) => act([self.room(a).as_str(), self.room(b).as_str()].into()),
            RoomsForm::Strings(rooms) => act(self.names(rooms).into()),
            RoomsForm::StringSlice(rooms) => act(self.names(rooms).as_slice().into()),
        }
    }

    fn target(&self, form: &TargetForm) -> Target<'static> {
        match form {
            TargetForm::Text(room) => self.room(room).into(),
            TargetForm::Array(a, b) => [self.room(a), self.room(b)].into(),
            TargetForm::Strings(rooms) => self.names(rooms).into(),
            TargetForm::Id(person) => self.people[*person].socket.id().into(),
            TargetForm::Ids(people) => self.ids(people).into(),
            TargetForm::All(rooms) => all(self.names(rooms)),
        }
    }

    fn compare(&mut self, op: &Op) {
        for person in 0..PEOPLE {
            let socket = &self.people[person].socket;
            let mut rooms = socket.rooms();
            rooms.sort_unstable();
            assert_eq!(rooms, self.model.rooms_of(person), "rooms of {person} after {op:?}");
            let messages = self.lane.received(socket);
            let heard: Vec<_> = messages.iter().map(|m| format!("{}({})", m.event(), m.args_json())).collect();
            assert_eq!(heard, self.model.heard(person), "what {person} heard after {op:?}");
        }
        assert_eq!(self.sockets.engine().stats().rooms, self.model.room_count(), "rooms after {op:?}");
    }
}

impl Person {
    fn connect(lane: &MemoryLane) -> Self {
        let connection = lane.connect().unwrap();
        let socket = Socket::clone(&connection);
        let request = Request::builder().extension(socket.clone()).body(()).unwrap();
        Self { text: socket.id().to_string(), connection: Some(connection), socket, request }
    }
}
