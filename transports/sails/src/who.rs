//! Who is meant: the ways in which a verb's sockets are named.

use std::borrow::Cow;

use roomcast::{Engine, OwnedSocket, Socket, SocketId, Target, any};

use crate::error::Error;

/// Sockets that a verb acts on: those of requests, handles, ids, or a list of these.
///
/// Made from `&http::Request`, `&http::request::Parts`, `&http::Extensions`, [`Socket`], [`SocketId`] and the text of an
/// id; lists are arrays, vectors and slices. `Who` in a list mixes them: `[Who::from(&request), Who::from("id")]`.
///
/// Ids that nobody has are nobody, and so is a text that only a room has as its name: rooms are named with
/// [`Sockets::add_room_members_to_rooms`](crate::Sockets::add_room_members_to_rooms). Sails takes such a text for the name
/// of a room, because the socket with that id could be on another server.
#[derive(Clone, Debug)]
pub struct Who<'a>(Named<'a>);

#[derive(Clone, Debug)]
enum Named<'a> {
    /// A request that came by plain HTTP.
    NoSocket,
    /// The socket of a request, or a handle: it was there a moment ago.
    Handle(SocketId),
    Id(SocketId),
    Text(Cow<'a, str>),
    List(Vec<Self>),
}

/// What comes from a socket: a request that was sent over it, a part of the request, the socket.
///
/// A request carries its [`Socket`] as an extension; one that came by plain HTTP has none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not come from a socket",
    label = "neither a request, nor its parts or extensions, nor a socket"
)]
pub trait Caller {
    /// The socket.
    fn socket(&self) -> Option<&Socket>;
}

/// The id of the socket that a request came from: it is the name of the socket's own room, and what its client sees.
///
/// # Errors
/// [`Error::NotASocket`] if the request came by plain HTTP (Sails returns `undefined`).
pub fn get_id(request: &(impl Caller + ?Sized)) -> Result<SocketId, Error> {
    Ok(request.socket().ok_or(Error::NotASocket)?.id())
}

impl Who<'_> {
    /// The connected sockets among them.
    ///
    /// # Errors
    /// [`Error::NotASocket`] if one of the requests came by plain HTTP.
    pub(crate) fn target(&self, engine: &Engine) -> Result<Target<'static>, Error> {
        self.0.target(engine)
    }

    /// As [`Self::target`], but a request that came by plain HTTP is nobody.
    pub(crate) fn target_if_any(&self, engine: &Engine) -> Target<'static> {
        self.0.target_if_any(engine)
    }

    /// Whether it is one socket that the caller had in hand.
    pub(crate) fn is_handle(&self) -> bool {
        matches!(self.0, Named::Handle(_))
    }
}

impl Named<'_> {
    fn target(&self, engine: &Engine) -> Result<Target<'static>, Error> {
        match self {
            Self::NoSocket => Err(Error::NotASocket),
            Self::Handle(id) | Self::Id(id) => Ok((*id).into()),
            Self::Text(id) => Ok(engine.socket(id).map_or_else(nobody, |socket| socket.id().into())),
            Self::List(list) => list.iter().map(|one| one.target(engine)).collect(),
        }
    }

    fn target_if_any(&self, engine: &Engine) -> Target<'static> {
        match self {
            Self::List(list) => list.iter().map(|one| one.target_if_any(engine)).collect(),
            one => one.target(engine).unwrap_or_else(|_| nobody()),
        }
    }
}

fn nobody() -> Target<'static> {
    any::<'static, [SocketId; 0]>([])
}

impl<B> Caller for http::Request<B> {
    fn socket(&self) -> Option<&Socket> {
        self.extensions().socket()
    }
}

impl Caller for http::request::Parts {
    fn socket(&self) -> Option<&Socket> {
        self.extensions.socket()
    }
}

impl Caller for http::Extensions {
    fn socket(&self) -> Option<&Socket> {
        self.get::<Socket>()
    }
}

impl Caller for Socket {
    fn socket(&self) -> Option<&Socket> {
        Some(self)
    }
}

impl Caller for OwnedSocket {
    fn socket(&self) -> Option<&Socket> {
        Some(self)
    }
}

impl<C: Caller> From<&C> for Who<'_> {
    fn from(caller: &C) -> Self {
        Self(caller.socket().map_or(Named::NoSocket, |socket| Named::Handle(socket.id())))
    }
}

impl From<Socket> for Who<'_> {
    fn from(socket: Socket) -> Self {
        Self::from(&socket)
    }
}

impl From<SocketId> for Who<'_> {
    fn from(id: SocketId) -> Self {
        Self(Named::Id(id))
    }
}

impl<'a> From<&'a str> for Who<'a> {
    fn from(id: &'a str) -> Self {
        Self(Named::Text(Cow::Borrowed(id)))
    }
}

impl<'a> From<&'a String> for Who<'a> {
    fn from(id: &'a String) -> Self {
        id.as_str().into()
    }
}

impl From<String> for Who<'_> {
    fn from(id: String) -> Self {
        Self(Named::Text(Cow::Owned(id)))
    }
}

impl<'a, T: Into<Self>> FromIterator<T> for Who<'a> {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self(Named::List(list.into_iter().map(|who| who.into().0).collect()))
    }
}

// Lists are spelled out for each element type, as those of `roomcast::Target` are.
macro_rules! lists {
    ($({ $($of:tt)* } $type:ty: |$lent:ident| $who:expr;)*) => { $(
        impl<'a, $($of)* const N: usize> From<[$type; N]> for Who<'a> {
            fn from(list: [$type; N]) -> Self {
                list.into_iter().collect()
            }
        }

        impl<'a, $($of)*> From<Vec<$type>> for Who<'a> {
            fn from(list: Vec<$type>) -> Self {
                list.into_iter().collect()
            }
        }

        impl<'a, $($of)*> From<&'a [$type]> for Who<'a> {
            fn from(list: &'a [$type]) -> Self {
                list.iter().map(|$lent| Who::from($who)).collect()
            }
        }

        impl<'a, $($of)*> From<&'a Vec<$type>> for Who<'a> {
            fn from(list: &'a Vec<$type>) -> Self {
                list.as_slice().into()
            }
        }
    )* };
}

lists! {
    {} &'a str: |id| *id;
    {} &'a String: |id| *id;
    {} String: |id| id;
    {} SocketId: |id| *id;
    {} Socket: |socket| socket;
    { C: Caller, } &'a C: |caller| *caller;
    {} Who<'a>: |who| who.clone();
}
