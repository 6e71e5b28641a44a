//! What the server does with events of Socket.IO, in the namespaces `/` and `/custom`: it sends them back, in the ways in which
//! a client can be answered. Clients and their authors try themselves on it. In `/` requests are answered too.

use std::sync::Arc;

use roomcast::{Message, Socket};
use roomcast_lane::{Event, Events, Handshake, Refusal, Reply};
use roomcast_sails::Sails;
use roomcast_socketio::{EmitWithAck, SocketIo};
use serde_json::value::RawValue;

/// Mounts both namespaces.
pub(crate) fn endpoint(io: SocketIo, requests: Sails) -> SocketIo {
    io.namespace("/", events().fallback(requests));
    io.namespace("/custom", events());
    io
}

fn events() -> Events {
    Events::new()
        .on_connect(greet)
        // Only one of them acknowledges, whatever is asked for.
        .on_sync("message", |socket, (event, _no_answer): (Event<'static>, Reply)| {
            socket.send(&message("message-back", &event));
        })
        .on_sync("message-with-ack", |_, (event, reply): (Event<'static>, Reply)| {
            reply.send_message(message("", &event));
        })
        .on_sync("ask-me", |socket, (event, _no_answer): (Event<'static>, Reply)| ask(socket, &event))
        .on_sync("disconnect-me", |socket, _no_answer: Reply| {
            socket.disconnect();
        })
}

/// Tells the client what it authenticated with.
async fn greet(socket: Socket, handshake: Arc<Handshake>) -> Result<(), Refusal> {
    let auth: Box<RawValue> = handshake.auth()?;
    match socket.emit("auth", &auth) {
        Ok(_sent) => Ok(()),
        Err(error) => Err(Refusal::new(error.to_string()).status(500)),
    }
}

/// Asks back, and tells what was answered.
fn ask(socket: &Socket, event: &Event<'_>) {
    let asked = socket.clone();
    socket.send_and_then(&message("question", event), move |_, answer| {
        if let Ok(answer) = answer {
            asked.send(&message("answer", &answer));
        }
    });
}

/// The arguments of an event, under another name.
fn message(name: &str, event: &Event<'_>) -> Message {
    let count = u32::try_from(event.args_len()).unwrap_or(u32::MAX);
    Message::from_parts(name, event.args_json(), count, event.attachments().to_vec())
}
