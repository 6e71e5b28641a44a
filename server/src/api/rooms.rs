//! The verbs of rooms.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use roomcast::{Message, Sent, Socket};
use roomcast_lane::Attachments;
use roomcast_sails::{Error, Sockets};
use roomcast_websocket::{BROADCAST_ROOMS_MAX, LIST_MAX};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::extract::{Body, Caller};
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
    /// A list has no name, more than so many, or an empty one.
    Names(usize),
}

impl<E: Into<Error>> std::convert::From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Sails(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Sails(error) => error.into_response(),
            Self::Names(max) => {
                let why = format!("a list has 1 to {max} names, none of them empty");
                (StatusCode::BAD_REQUEST, why).into_response()
            }
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

#[derive(Deserialize)]
struct Members {
    #[serde(default, deserialize_with = "said")]
    ids: Option<Vec<String>>,
}

/// A member that need not be there, and is not `null` if it is.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

async fn join(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(socket): Caller,
    Body(Members { ids }): Body<Members>,
) -> Outcome {
    match ids {
        None => sockets.join(&socket, &room)?,
        Some(ids) => sockets.join(names(&ids)?, &room)?,
    };
    done()
}

async fn leave(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(socket): Caller,
    Body(Members { ids }): Body<Members>,
) -> Outcome {
    match ids {
        None => sockets.leave(&socket, &room)?,
        Some(ids) => sockets.leave(names(&ids)?, &room)?,
    };
    done()
}

/// What is sent.
#[derive(Deserialize)]
struct Emit {
    #[serde(default, deserialize_with = "said")]
    rooms: Option<Vec<String>>,
    #[serde(default, deserialize_with = "said")]
    event: Option<String>,
    data: Option<Box<RawValue>>,
    #[serde(default)]
    omit: bool,
    #[serde(default)]
    once: bool,
}

impl Emit {
    /// The message: one argument, any JSON.
    fn message(&self, attachments: Option<Extension<Attachments>>) -> Message {
        let event = self.event.as_deref().unwrap_or("message");
        let data = self.data.as_ref().map_or("null", |data| data.get());
        let attachments = attachments.map(|Extension(Attachments(attachments))| attachments).unwrap_or_default();
        Message::from_parts(event, data, 1, attachments)
    }

    fn send(self, sockets: &Sockets, socket: &Socket, rooms: &[String], message: &Message) -> Result<Sent, Error> {
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
    Body(emit): Body<Emit>,
) -> Outcome {
    let message = emit.message(attachments);
    emit.send(&sockets, &socket, &[room], &message)?;
    done()
}

async fn broadcast_to_several(
    State(sockets): State<Sockets>,
    Caller(socket): Caller,
    attachments: Option<Extension<Attachments>>,
    Body(mut emit): Body<Emit>,
) -> Outcome {
    let rooms = emit.rooms.take().unwrap_or_default();
    let message = emit.message(attachments);
    emit.send(&sockets, &socket, at_most(BROADCAST_ROOMS_MAX, &rooms)?, &message)?;
    done()
}

async fn blast(
    State(sockets): State<Sockets>,
    Caller(socket): Caller,
    attachments: Option<Extension<Attachments>>,
    Body(emit): Body<Emit>,
) -> Outcome {
    let message = emit.message(attachments);
    match emit.omit {
        false => sockets.blast_message(&message)?,
        true => sockets.omit(&socket).blast_message(&message)?,
    };
    done()
}

async fn copy(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(_): Caller,
    Body(To { to }): Body<To>,
) -> Outcome {
    sockets.add_room_members_to_rooms(&room, names(&to)?)?;
    done()
}

#[derive(Deserialize)]
struct To {
    to: Vec<String>,
}

async fn remove(
    State(sockets): State<Sockets>,
    Path(room): Path<String>,
    Caller(_): Caller,
    Body(From { from }): Body<From>,
) -> Outcome {
    sockets.remove_room_members_from_rooms(&room, names(&from)?);
    done()
}

#[derive(Deserialize)]
struct From {
    from: Vec<String>,
}

async fn clear(State(sockets): State<Sockets>, Path(room): Path<String>, Caller(_): Caller) -> Outcome {
    sockets.leave_all(&room);
    done()
}

/// A list of names that are not empty.
fn names(list: &[String]) -> Result<&[String], Failure> {
    at_most(LIST_MAX, list)
}

fn at_most(max: usize, list: &[String]) -> Result<&[String], Failure> {
    if list.is_empty() || list.len() > max || list.iter().any(String::is_empty) {
        return Err(Failure::Names(max));
    }
    Ok(list)
}
