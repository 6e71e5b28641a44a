//! The verbs of rooms.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use roomcast::{Message, Sent, Socket};
use roomcast_lane::Attachments;
use roomcast_sails::{Error, Sockets};
use serde::Serialize;

use super::extract::Caller;
use super::fields::{Fields, Invalid};
use super::with_options;

pub(super) fn router() -> Router<Sockets> {
    Router::new()
        .route("/me", with_options(get(me)))
        .route("/me/rooms", with_options(get(my_rooms)))
        .route("/rooms/{room}", with_options(get(room)))
        .route("/rooms/{room}/members", with_options(put(join).delete(leave)))
        .route("/rooms/{room}/messages", with_options(post(broadcast_to_one)))
        .route("/rooms/{room}/copy", with_options(post(copy)))
        .route("/rooms/{room}/remove", with_options(post(remove)))
        .route("/rooms/{room}/clear", with_options(post(clear)))
        .route("/messages", with_options(post(broadcast_to_several)))
        .route("/blast", with_options(post(blast)))
}

/// What every verb says when it is done.
#[derive(Serialize)]
struct Done {
    ok: bool,
}

type Outcome = Result<Json<Done>, Failure>;

fn done() -> Outcome {
    Ok(Json(Done { ok: true }))
}

/// Why a verb was not carried out.
enum Failure {
    Sails(Error),
    Body(Invalid),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Sails(error.into())
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Body(invalid)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Sails(error) => error.into_response(),
            Self::Body(invalid) => invalid.into_response(),
        }
    }
}

async fn me(Caller(socket): Caller) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Me {
        id: String,
    }
    Json(Me { id: socket.id().to_string() })
}

async fn my_rooms(Caller(socket): Caller) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Rooms {
        rooms: Vec<String>,
    }
    let mut rooms = socket.rooms();
    rooms.push(socket.id().to_string());
    rooms.sort_unstable();
    Json(Rooms { rooms })
}

async fn room(State(sockets): State<Sockets>, Path(room): Path<String>) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Room {
        room: String,
        members: usize,
    }
    let members = sockets.engine().to(&room).count();
    Json(Room { room, members })
}

async fn join(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(socket): Caller,
    fields: Fields,
) -> Outcome {
    match fields.ids()? {
        None => sockets.join(&socket, &room)?,
        Some(ids) => sockets.join(&*ids, &room)?,
    };
    done()
}

async fn leave(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(socket): Caller,
    fields: Fields,
) -> Outcome {
    match fields.ids()? {
        None => sockets.leave(&socket, &room)?,
        Some(ids) => sockets.leave(&*ids, &room)?,
    };
    done()
}

/// What is sent, and how.
struct Emit {
    message: Message,
    omit: bool,
    once: bool,
}

impl Emit {
    /// The message has one argument, any JSON.
    fn read(fields: &Fields, attachments: Option<Extension<Attachments>>) -> Result<Self, Invalid> {
        let event = fields.event()?;
        let attachments = attachments.map(|Extension(Attachments(attachments))| attachments).unwrap_or_default();
        let message = Message::from_parts(event.as_deref().unwrap_or("message"), fields.data(), 1, attachments);
        Ok(Self { message, omit: fields.flag("omit")?, once: fields.flag("once")? })
    }

    fn send(&self, sockets: &Sockets, socket: &Socket, rooms: &[String]) -> Result<Sent, Error> {
        let message = &self.message;
        match (self.omit, self.once) {
            (false, false) => sockets.broadcast_message(rooms, message),
            (true, false) => sockets.omit(socket).broadcast_message(rooms, message),
            (false, true) => sockets.once().broadcast_message(rooms, message),
            (true, true) => sockets.omit(socket).once().broadcast_message(rooms, message),
        }
    }
}

async fn broadcast_to_one(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(socket): Caller,
    attachments: Option<Extension<Attachments>>,
    fields: Fields,
) -> Outcome {
    Emit::read(&fields, attachments)?.send(&sockets, &socket, &[room])?;
    done()
}

async fn broadcast_to_several(
    State(sockets): State<Sockets>,
    Caller(socket): Caller,
    attachments: Option<Extension<Attachments>>,
    fields: Fields,
) -> Outcome {
    Emit::read(&fields, attachments)?.send(&sockets, &socket, &fields.rooms()?)?;
    done()
}

async fn blast(
    State(sockets): State<Sockets>,
    Caller(socket): Caller,
    attachments: Option<Extension<Attachments>>,
    fields: Fields,
) -> Outcome {
    let Emit { message, omit, .. } = Emit::read(&fields, attachments)?;
    match omit {
        false => sockets.blast_message(&message)?,
        true => sockets.omit(&socket).blast_message(&message)?,
    };
    done()
}

async fn copy(State(sockets): State<Sockets>, Path(room): Path<String>, Caller(_): Caller, fields: Fields) -> Outcome {
    sockets.add_room_members_to_rooms(&room, &*fields.names("to")?)?;
    done()
}

async fn remove(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(_): Caller,
    fields: Fields,
) -> Outcome {
    sockets.remove_room_members_from_rooms(&room, &*fields.names("from")?);
    done()
}

async fn clear(State(sockets): State<Sockets>, Path(room): Path<String>, Caller(_): Caller) -> Outcome {
    sockets.leave_all(&room);
    done()
}
