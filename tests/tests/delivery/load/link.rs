//! One connection of a member: a task that reads as slowly as it is told, and a writer.

use super::choices::{Manner, Pace};
use super::text::Text;
use super::world::World;
use crate::history::{End, Op, Seen};
use roomcast_tests::{DEADLINE, Frame, Incoming, open_rooms};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    rc::Rc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::{Mutex, Notify},
    task::{JoinHandle, spawn_local},
    time::timeout,
};

pub(crate) struct Link {
    pub(crate) socket: usize,
    world: Rc<World>,
    state: Rc<State>,
    /// `None` once it has ended.
    reader: Option<JoinHandle<()>>,
}

struct State {
    /// Whole frames go out one after the other, pongs too. `None` once it is closed.
    writer: Mutex<Option<OwnedWriteHalf>>,
    pace: Cell<Pace>,
    paced: Notify,
    /// Replies that are due.
    due: Cell<usize>,
    progress: Notify,
    /// Payloads of pings that are not answered yet.
    pings: RefCell<VecDeque<u64>>,
    /// It has read slowly.
    was_slow: Cell<bool>,
    /// The server's close frame came.
    closed: Cell<bool>,
    /// Nothing more comes.
    ended: Cell<bool>,
}

impl Link {
    /// Connects; `receive_buffer` as in [`open_rooms`].
    pub(crate) async fn open(world: &Rc<World>, receive_buffer: Option<u32>) -> io::Result<Self> {
        let connecting = world.now();
        let (incoming, writer, id) = open_rooms(world.address, receive_buffer).await?;
        let socket = world.add_socket(id, connecting);
        let state = Rc::new(State {
            writer: Mutex::new(Some(writer)),
            pace: Cell::new(Pace::Keen),
            paced: Notify::new(),
            due: Cell::new(0),
            progress: Notify::new(),
            pings: RefCell::default(),
            was_slow: Cell::new(false),
            closed: Cell::new(false),
            ended: Cell::new(false),
        });
        let reader = spawn_local(read(Rc::clone(world), Rc::clone(&state), socket, incoming));
        Ok(Self { socket, world: Rc::clone(world), state, reader: Some(reader) })
    }

    /// Reads in another way from now on.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.state.was_slow.set(self.state.was_slow.get() || pace != Pace::Keen);
        self.state.pace.set(pace);
        self.state.paced.notify_one();
    }

    /// Did the connection end, by whatever reason?
    pub(crate) fn is_ended(&self) -> bool {
        self.state.ended.get()
    }

    /// Writes requests in one go.
    pub(crate) async fn ask(&self, asked: Vec<(Op, Option<Text>)>) {
        let mut bytes = Vec::new();
        self.state.due.set(self.state.due.get() + asked.len());
        for (op, text) in asked {
            let request = self.world.begin_call(self.socket, op, text);
            bytes.extend(Frame::text_message(&request).bytes());
        }
        self.state.write(&bytes).await;
    }

    /// Pings, with a number that has to come back.
    pub(crate) async fn ping(&self) {
        let number = self.world.now();
        self.state.pings.borrow_mut().push_back(number);
        self.state.write(&Frame::ping(&number.to_be_bytes()).bytes()).await;
    }

    /// Waits until fewer replies than this are due, or the end.
    pub(crate) async fn due_below(&self, window: usize) {
        while self.state.due.get() >= window && !self.is_ended() {
            self.state.progress.notified().await;
        }
    }

    /// Has every ping been answered?
    pub(crate) fn has_pongs(&self) -> bool {
        self.state.pings.borrow().is_empty()
    }

    /// Has this message come?
    pub(crate) fn has_got(&self, message: u32) -> bool {
        self.world.history.borrow().sockets[self.socket].seen.contains(&Seen::Message(message))
    }

    /// Leaves, and waits until the server has forgotten the socket.
    pub(crate) async fn leave(mut self, manner: Manner) {
        let saying = self.world.now();
        if manner == Manner::GoodBye {
            return self.say_good_bye(End::Left(saying)).await;
        }
        self.stop_reading().await;
        match manner {
            Manner::GoodBye | Manner::HangUp => {}
            Manner::Reset | Manner::MidFrame => {
                if manner == Manner::MidFrame {
                    let bytes =
                        Frame::text_message(r#"{"id":"half of it is sent","op":"leaveAll","room":"r0"}"#).bytes();
                    self.state.write(&bytes[..bytes.len() / 2]).await;
                }
                if let Some(writer) = self.state.writer.lock().await.take() {
                    let _already_ended = writer.as_ref().set_zero_linger();
                    writer.forget();
                }
            }
        }
        // Nobody was there to see it.
        self.world.tally(&self.world.maybe_cut_off);
        self.forget(End::Cut).await;
    }

    /// At the end of a run: says good-bye, and is a socket that stayed.
    pub(crate) async fn finish(self) {
        self.say_good_bye(End::Stayed).await;
    }

    /// The server has ended the connection, which it may do with who does not read; `/stats` has to count it as that.
    pub(crate) async fn find_cut_off(self) {
        self.world.tally(&self.world.cut_off);
        if !self.state.was_slow.get() {
            self.world.tally(&self.world.keen_cut_off);
        }
        self.forget(End::Cut).await;
    }

    /// Says it and reads on, until the server has said it too and ended the connection.
    async fn say_good_bye(mut self, end: End) {
        self.state.pace.set(Pace::Keen);
        self.state.paced.notify_one();
        self.state.write(&Frame::close(1000, "bye").bytes()).await;
        if let Some(reader) = &mut self.reader {
            match timeout(DEADLINE, reader).await {
                Ok(_) => self.reader = None,
                Err(_) => self.world.fault(self.socket, &format!("no end {DEADLINE:?} after a close frame")),
            }
        }
        if self.state.closed.get() {
            return self.forget(end).await;
        }
        // It was cut off before, or what waited for it was too much for the time that a farewell may take.
        self.world.tally(&self.world.maybe_cut_off);
        if !self.state.was_slow.get() {
            self.world.tally(&self.world.keen_cut_off);
        }
        self.forget(End::Cut).await;
    }

    async fn stop_reading(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
            let _aborted = reader.await;
        }
    }

    async fn forget(mut self, end: End) {
        self.stop_reading().await;
        let Self { socket, world, state, .. } = self;
        // The last handle to the stream: it is closed here, whatever task still wanted to write a pong.
        drop(state.writer.lock().await.take());
        let id = world.id(socket);
        match timeout(DEADLINE, until_gone(&world, &id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => world.fault(socket, &format!("GET /rooms/{id}: {error}")),
            Err(_) => world.fault(socket, &format!("it left and is still there after {DEADLINE:?}")),
        }
        world.end_socket(socket, end);
    }
}

impl State {
    async fn write(&self, bytes: &[u8]) {
        if let Some(writer) = &mut *self.writer.lock().await {
            // A failure shows itself to the reader, who says whether it may be.
            let _ended = writer.write_all(bytes).await;
        }
    }
}

/// Reads until the end.
async fn read(world: Rc<World>, state: Rc<State>, socket: usize, mut incoming: Incoming) {
    loop {
        let at_most = match state.pace.get() {
            Pace::Keen => 64 * 1024,
            Pace::Sip(0) => {
                state.pace.set(Pace::Keen);
                continue;
            }
            Pace::Sip(left) => {
                state.pace.set(Pace::Sip(left - 1));
                1
            }
            Pace::Pause(time) => {
                if timeout(time, state.paced.notified()).await.is_err() {
                    state.pace.set(Pace::Keen);
                }
                continue;
            }
        };
        if !matches!(incoming.fill(at_most).await, Ok(1..)) {
            break;
        }
        if let Err(broken) = take_frames(&world, &state, socket, &mut incoming) {
            world.fault(socket, &broken);
            break;
        }
    }
    if state.closed.get() && incoming.left() > 0 {
        world.fault(socket, &format!("{} bytes came after the close frame", incoming.left()));
    }
    state.ended.set(true);
    state.progress.notify_one();
}

fn take_frames(world: &Rc<World>, state: &Rc<State>, socket: usize, incoming: &mut Incoming) -> Result<(), String> {
    while let Some((first, payload)) = incoming.frame()? {
        match first {
            _ if state.closed.get() => return Err(format!("a frame {first:02x} came after the close frame")),
            0x81 => {
                world.receive(socket, payload);
                if payload.starts_with(br#"{"reply""#) {
                    state.due.set(state.due.get().saturating_sub(1));
                    state.progress.notify_one();
                }
            }
            0x88 => state.closed.set(true),
            0x89 => {
                let (state, pong) = (Rc::clone(state), Frame::new(0x8a, payload).bytes());
                spawn_local(async move { state.write(&pong).await });
            }
            0x8a => {
                let due = state.pings.borrow_mut().pop_front().map(u64::to_be_bytes);
                if due.as_ref().map(<[u8; 8]>::as_slice) != Some(payload) {
                    return Err(format!("a pong {payload:02x?} came, due was {due:02x?}"));
                }
            }
            _ => return Err(format!("a frame that begins with {first:02x}")),
        }
    }
    Ok(())
}

/// Polls until the socket's own room has no member.
async fn until_gone(world: &World, id: &str) -> io::Result<()> {
    loop {
        let mut stream = TcpStream::connect(world.address).await?;
        let request = format!("GET /rooms/{id} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.contains(r#""members":0}"#) {
            return Ok(());
        }
        if !answer.contains(r#""members":1}"#) {
            return Err(io::Error::other(answer));
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
