//! A transport and its codec, whole: lines of `EVENT JSON`, both ways, over plain TCP.
//!
//! ```text
//! $ cargo run -p roomcast-lane --example lines
//! $ nc 127.0.0.1 4000
//! join "chess"
//! say "hello"
//! said "hello"
//! ```

use bytes::{BufMut, BytesMut};
use memchr::memchr;
use roomcast::{Codec, EncodeError, Engine, Outgoing};
use roomcast_lane::{Close, Context, Data, Event, Events, Handshake, Lanes, Progress, Protocol, Result};
use tokio::net::TcpListener;

/// Both the codec and the protocol: neither has any state.
pub(crate) struct Lines;

impl Codec for Lines {
    // Once per message, not per member.
    fn encode(&self, out: &Outgoing<'_>, to: &mut BytesMut) -> std::result::Result<(), EncodeError> {
        to.put_slice(out.message.event().as_bytes());
        to.put_u8(b' ');
        to.put_slice(out.message.as_json()?); // binary: an error, counted, others unharmed
        to.put_u8(b'\n');
        Ok(())
    }
}

impl Protocol for Lines {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        cx.connect(Handshake::new("tcp-lines"));
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> std::result::Result<Progress, Close> {
        let mut used = 0;
        while let Some(end) = memchr(b'\n', &input[used..]) {
            let line = str::from_utf8(&input[used..used + end]).map_err(|_| Close::protocol("not UTF-8"))?;
            let (event, json) = line.split_once(' ').ok_or(Close::protocol("want: EVENT JSON"))?;
            cx.event(Event::json(event, json), None);
            used += end + 1;
        }
        if input.len() - used > 65_536 { Err(Close::too_large()) } else { Ok(Progress::used(used)) }
    }
}

/// Rooms to join and leave, and a line to all in them.
pub(crate) fn chat() -> Events {
    Events::new()
        .on_sync("join", |socket, Data(room): Data<String>| -> Result {
            socket.join(&room)?;
            Ok(())
        })
        .on_sync("leave", |socket, Data(room): Data<String>| {
            socket.leave(&room);
        })
        .on_sync("say", |socket, Data(text): Data<String>| -> Result {
            socket.engine().to(socket.rooms()).emit("said", &text)?;
            Ok(())
        })
}

/// Serves until the lanes drain.
pub(crate) async fn run(lanes: &Lanes, listener: TcpListener, events: Events) -> std::io::Result<()> {
    lanes.serve(listener, Lines, || Lines, events).await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let lanes = Lanes::start(&Engine::new())?;
    let listener = TcpListener::bind("127.0.0.1:4000").await?;
    println!("lines on {}", listener.local_addr()?);
    run(&lanes, listener, chat()).await
}
