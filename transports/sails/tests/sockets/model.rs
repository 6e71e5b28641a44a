//! What the verbs mean: maps and sets, and a loop where Sails has a loop.

use std::collections::{BTreeMap, BTreeSet};

use roomcast::JoinError;
use roomcast_sails::Error;

use crate::forms::{Emit, Name, Op, PEOPLE, RoomName, RoomsForm, TargetForm, WhoForm};

/// Rooms that a socket may be in; few, so that sequences meet the limit.
pub(crate) const ROOMS_MAX: usize = 3;

type People = BTreeSet<usize>;

/// What a verb answers: sockets and memberships, or copies.
pub(crate) type Answer = Result<usize, Error>;

pub(crate) struct Model {
    /// The id of each who is connected.
    pub(crate) ids: [Option<String>; PEOPLE],
    rooms: BTreeMap<String, People>,
    heard: [Vec<String>; PEOPLE],
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { ids: Default::default(), rooms: BTreeMap::new(), heard: Default::default() }
    }

    pub(crate) fn connect(&mut self, person: usize, id: &str) {
        self.disconnect(person);
        self.ids[person] = Some(id.to_owned());
        self.heard[person].clear();
    }

    pub(crate) fn rooms_of(&self, person: usize) -> Vec<String> {
        self.rooms.iter().filter(|(_, members)| members.contains(&person)).map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn room_count(&self) -> usize {
        self.rooms.values().filter(|members| !members.is_empty()).count()
    }

    /// What somebody got since the last look.
    pub(crate) fn heard(&mut self, person: usize) -> Vec<String> {
        std::mem::take(&mut self.heard[person])
    }

    /// `text` gives the id of somebody, also of one who is gone; `data` is what is sent.
    pub(crate) fn apply(&mut self, op: &Op, text: impl Fn(usize) -> String, data: usize) -> Answer {
        let names = |rooms: &[&RoomName]| rooms.iter().map(|room| room_name(room, &text)).collect::<Vec<_>>();
        match op {
            Op::Connect(_) => {}
            Op::Disconnect(person) => self.disconnect(*person),
            Op::Join(who, rooms) => return self.join(who, &names(&rooms.list())),
            Op::Leave(who, rooms) => {
                let who = self.resolve(who)?;
                return Ok(self.leave(&who, &names(&rooms.list())));
            }
            Op::LeaveAll(target) => {
                let (who, all) = (self.members(target, &text), self.rooms.keys().cloned().collect::<Vec<_>>());
                return Ok(self.leave(&who, &all));
            }
            Op::LeaveAllOtherRooms(room) => {
                let room = room_name(room, &text);
                let others: Vec<_> = self.rooms.keys().filter(|other| **other != room).cloned().collect();
                return Ok(self.leave(&self.in_room(&room), &others));
            }
            Op::AddRoomMembersToRooms(target, rooms) => {
                let who = self.members(target, &text);
                return self.enter(&who, &names(&rooms.list()));
            }
            Op::RemoveRoomMembersFromRooms(target, rooms) => {
                let who = self.members(target, &text);
                return Ok(self.leave(&who, &names(&rooms.list())));
            }
            Op::Broadcast(target, emit) => return self.send(&self.copies(target, &text), emit, data),
            Op::Blast(emit) => return self.send(&[self.connected()], emit, data),
        }
        Ok(0)
    }

    fn disconnect(&mut self, person: usize) {
        self.ids[person] = None;
        self.rooms.values_mut().for_each(|members| {
            members.remove(&person);
        });
    }

    fn join(&mut self, who: &WhoForm, rooms: &[String]) -> Answer {
        let sockets = self.resolve(who)?;
        let joined = self.enter(&sockets, rooms)?;
        if sockets.is_empty() && who.is_handle() {
            return Err(Error::Join(JoinError::Gone));
        }
        Ok(joined)
    }

    fn enter(&mut self, who: &People, rooms: &[String]) -> Answer {
        if rooms.iter().any(String::is_empty) {
            return Err(Error::Join(JoinError::NameEmpty));
        }
        let owner = |room: &String| self.ids.iter().position(|id| id.as_ref() == Some(room));
        let foreign = |owner| !who.is_subset(&People::from([owner]));
        if rooms.iter().filter_map(owner).any(foreign) {
            return Err(Error::Join(JoinError::Private));
        }
        let (mut joined, mut refused) = (0, 0);
        for room in rooms.iter().filter(|room| owner(room).is_none()).cloned().collect::<Vec<_>>() {
            for person in who {
                if self.rooms.get(&room).is_some_and(|members| members.contains(person)) {
                    continue;
                }
                if self.rooms_of(*person).len() == ROOMS_MAX {
                    refused += 1;
                } else {
                    self.rooms.entry(room.clone()).or_default().insert(*person);
                    joined += 1;
                }
            }
        }
        if refused == 0 { Ok(joined) } else { Err(Error::Full { memberships: refused }) }
    }

    fn leave(&mut self, who: &People, rooms: &[String]) -> usize {
        let mut left = 0;
        for room in rooms {
            if let Some(members) = self.rooms.get_mut(room) {
                left += who.iter().filter(|person| members.remove(person)).count();
            }
        }
        left
    }

    fn send(&mut self, copies: &[People], emit: &Emit, data: usize) -> Answer {
        let event = emit.event.unwrap_or("message");
        if ["", "connect", "disconnecting"].contains(&event) {
            return Err(Error::EventName(event.to_owned()));
        }
        let omitted: People = emit.omit.iter().flat_map(|who| self.resolve_leniently(who)).collect();
        let once = [copies.iter().flatten().copied().collect()];
        let copies: &[People] = if emit.once { &once } else { copies };
        let mut sent = 0;
        for person in copies.iter().flatten().filter(|person| !omitted.contains(person)) {
            self.heard[*person].push(format!("{event}({data})"));
            sent += 1;
        }
        Ok(sent)
    }

    fn connected(&self) -> People {
        (0..PEOPLE).filter(|person| self.ids[*person].is_some()).collect()
    }

    fn resolve(&self, who: &WhoForm) -> Result<People, Error> {
        if who.names().iter().any(|name| matches!(name, Name::PlainHttp)) {
            return Err(Error::NotASocket);
        }
        Ok(self.resolve_leniently(who))
    }

    fn resolve_leniently(&self, who: &WhoForm) -> People {
        who.names().iter().filter_map(Name::person).filter(|person| self.ids[*person].is_some()).collect()
    }

    /// A typed id is never the name of a room, as its text is once its owner is gone.
    fn alone(&self, person: usize) -> People {
        People::from([person]).intersection(&self.connected()).copied().collect()
    }

    fn in_room(&self, room: &str) -> People {
        match self.ids.iter().position(|id| id.as_deref() == Some(room)) {
            Some(owner) => People::from([owner]),
            None => self.rooms.get(room).cloned().unwrap_or_default(),
        }
    }

    fn copies(&self, target: &TargetForm, text: &impl Fn(usize) -> String) -> Vec<People> {
        let each = |rooms: &[RoomName]| rooms.iter().map(|room| self.in_room(&room_name(room, text))).collect();
        match target {
            TargetForm::Text(room) => each(std::slice::from_ref(room)),
            TargetForm::Array(a, b) => each(&[a.clone(), b.clone()]),
            TargetForm::Strings(rooms) => each(rooms),
            TargetForm::Id(person) => vec![self.alone(*person)],
            TargetForm::Ids(people) => people.iter().map(|person| self.alone(*person)).collect(),
            TargetForm::All(rooms) => {
                let sets: Vec<People> = each(rooms);
                let (first, rest) = sets.split_first().map_or((People::new(), &[][..]), |(a, b)| (a.clone(), b));
                vec![rest.iter().fold(first, |all, set| &all & set)]
            }
        }
    }

    fn members(&self, target: &TargetForm, text: &impl Fn(usize) -> String) -> People {
        self.copies(target, text).into_iter().flatten().collect()
    }
}

pub(crate) fn room_name(room: &RoomName, text: impl Fn(usize) -> String) -> String {
    match room {
        RoomName::Named(name) => (*name).to_owned(),
        RoomName::Empty => String::new(),
        RoomName::Own(person) => text(*person),
    }
}

impl Name {
    fn person(&self) -> Option<usize> {
        match self {
            Self::PlainHttp | Self::Unknown => None,
            Self::Request(person)
            | Self::Parts(person)
            | Self::Extensions(person)
            | Self::Handle(person)
            | Self::OwnHandle(person)
            | Self::Id(person)
            | Self::Text(person)
            | Self::StringRef(person)
            | Self::OwnString(person) => Some(*person),
        }
    }
}

impl WhoForm {
    fn names(&self) -> Vec<Name> {
        match self {
            Self::One(name) => vec![name.clone()],
            Self::Array(a, b) => vec![a.clone(), b.clone()],
            Self::Mixed(names) => names.clone(),
            Self::Requests(people)
            | Self::Ids(people)
            | Self::IdSlice(people)
            | Self::Texts(people)
            | Self::StringSlice(people)
            | Self::Handles(people) => people.iter().copied().map(Name::Id).collect(),
        }
    }

    /// Whether somebody is named whom the caller had in hand.
    fn is_handle(&self) -> bool {
        let Self::One(name) = self else { return false };
        !matches!(name, Name::Id(_) | Name::Text(_) | Name::StringRef(_) | Name::OwnString(_) | Name::Unknown)
    }
}

impl RoomsForm {
    pub(crate) fn list(&self) -> Vec<&RoomName> {
        match self {
            Self::Text(room) | Self::OwnString(room) => vec![room],
            Self::Array(a, b) => vec![a, b],
            Self::Strings(rooms) | Self::StringSlice(rooms) => rooms.iter().collect(),
        }
    }
}
