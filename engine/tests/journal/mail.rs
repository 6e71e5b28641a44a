//! A lane that keeps what is sent, with its offset.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use roomcast::{
    Backlog, Closed, ConnectError, Delivery, Engine, FormerMember, Lane, LanePort, LaneTable, Message, Offset,
    OwnedSocket, ResumeError, Resumed, Socket,
};

pub(crate) struct Mail {
    port: LanePort,
    boxes: Arc<Boxes>,
}

#[derive(Default)]
struct Boxes {
    table: Mutex<LaneTable<Vec<Letter>>>,
    full: AtomicBool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) message: Message,
    pub(crate) offset: Option<Offset>,
    pub(crate) ack: Option<u64>,
}

impl Mail {
    pub(crate) fn new(engine: &Engine) -> Self {
        let boxes = Arc::new(Boxes::default());
        Self { port: engine.attach(Arc::clone(&boxes) as Arc<dyn Lane>), boxes }
    }

    /// A socket whose id is the letter twenty times.
    pub(crate) fn connect(&self, letter: char) -> Result<OwnedSocket, ConnectError> {
        let mut table = self.boxes.table.lock().unwrap();
        let socket = self.port.connect(&id(letter))?;
        table.bind(socket.id(), Vec::new());
        Ok(socket)
    }

    pub(crate) fn resume(&self, letter: char, rooms: &[&str], after: Offset) -> Result<Resumed, ResumeError> {
        let who = FormerMember { id: id(letter), rooms: rooms.iter().copied().map(String::from).collect() };
        let journal = self.port.engine().journal().expect("the namespace keeps a journal");
        journal.resume(&who, after, || self.connect(letter))
    }

    pub(crate) fn take(&self, socket: &Socket) -> Vec<Letter> {
        self.boxes.table.lock().unwrap().get_mut(socket.id()).map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.boxes.full.store(full, SeqCst);
    }
}

pub(crate) fn id(letter: char) -> String {
    letter.to_string().repeat(20)
}

impl Lane for Boxes {
    fn backlog(&self) -> Backlog {
        Backlog { bytes: 0, full: self.full.load(SeqCst) }
    }

    fn deliver(&self, delivery: Delivery) {
        let Delivery { message, offset, ack, clock, tiles, .. } = delivery;
        let mut table = self.table.lock().unwrap();
        for tile in &tiles {
            let letter = Letter { message: message.clone(), offset, ack };
            table.recipients_mut(*tile, clock, |to| to.push(letter.clone()));
        }
    }

    fn close(&self, closed: Closed) {
        self.table.lock().unwrap().unbind(closed.id);
    }
}
