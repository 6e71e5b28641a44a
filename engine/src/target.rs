//! What may be chosen: rooms, sockets, everyone, and expressions of these.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::id::SocketId;
use crate::room::Room;
use crate::socket::{OwnedSocket, Socket};

/// A set of sockets, described. Made from a name, an id, a handle, a list of these, or with [`any`], [`all`],
/// [`everyone`] and [`Self::except`].
///
/// Text that is the id of a connected socket means that socket; any other text is the name of a room. Unknown rooms and
/// stale ids are empty sets.
#[derive(Clone, Debug)]
pub struct Target<'a>(pub(crate) Expr<'a>);

#[derive(Clone, Debug)]
pub(crate) enum Expr<'a> {
    Everyone,
    Name(Name<'a>),
    Socket(SocketId),
    Any(Vec<Self>),
    All(Vec<Self>),
    Except(Box<Self>, Box<Self>),
}

/// The name of a room.
#[derive(Clone, Debug)]
pub(crate) enum Name<'a> {
    Text(Cow<'a, str>),
    Pinned(&'a Room),
}

/// Names of rooms to join or to leave: one, or a list.
#[derive(Clone, Debug)]
pub struct Rooms<'a>(pub(crate) SmallVec<[Name<'a>; 1]>);

/// Every socket of the namespace.
pub fn everyone() -> Target<'static> {
    Target(Expr::Everyone)
}

/// Sockets that are in any of these.
pub fn any<'a, I>(targets: I) -> Target<'a>
where
    I: IntoIterator,
    I::Item: Into<Target<'a>>,
{
    let mut list = targets.into_iter().map(|target| target.into().0);
    // A list of one is common, and costs nothing more than the one.
    let (first, second) = (list.next(), list.next());
    match (first, second) {
        (Some(one @ (Expr::Everyone | Expr::Name(_) | Expr::Socket(_))), None) => Target(one),
        (first, second) => Target(Expr::Any(first.into_iter().chain(second).chain(list).collect())),
    }
}

/// Sockets that are in all of these; nobody if the list is empty.
pub fn all<'a, I>(targets: I) -> Target<'a>
where
    I: IntoIterator,
    I::Item: Into<Target<'a>>,
{
    Target(Expr::All(targets.into_iter().map(|target| target.into().0).collect()))
}

impl<'a> Target<'a> {
    /// Those who are not in `other`.
    #[must_use]
    pub fn except(self, other: impl Into<Self>) -> Self {
        Self(Expr::Except(Box::new(self.0), Box::new(other.into().0)))
    }

    /// Those, and the ones in `other`.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        let other = other.into().0;
        Self(match self.0 {
            Expr::Any(mut list) => {
                list.push(other);
                Expr::Any(list)
            }
            one => Expr::Any(vec![one, other]),
        })
    }
}

impl Name<'_> {
    pub(crate) fn text(&self) -> &str {
        match self {
            Name::Text(text) => text,
            Name::Pinned(room) => room.name(),
        }
    }
}

macro_rules! names {
    ($($type:ty: |$value:ident| $name:expr;)*) => { $(
        impl<'a> From<$type> for Target<'a> {
            fn from($value: $type) -> Self {
                Self(Expr::Name($name))
            }
        }

        impl<'a> From<$type> for Rooms<'a> {
            fn from($value: $type) -> Self {
                Self(SmallVec::from_buf([$name]))
            }
        }
    )* };
}

names! {
    &'a str: |name| Name::Text(Cow::Borrowed(name));
    &'a String: |name| Name::Text(Cow::Borrowed(name));
    String: |name| Name::Text(Cow::Owned(name));
    Cow<'a, str>: |name| Name::Text(name);
    &'a Room: |room| Name::Pinned(room);
}

impl From<SocketId> for Target<'_> {
    fn from(id: SocketId) -> Self {
        Self(Expr::Socket(id))
    }
}

impl From<&Socket> for Target<'_> {
    fn from(socket: &Socket) -> Self {
        Self(Expr::Socket(socket.id()))
    }
}

impl From<&OwnedSocket> for Target<'_> {
    fn from(socket: &OwnedSocket) -> Self {
        Self(Expr::Socket(socket.id()))
    }
}

// Lists are spelled out for each element type: a blanket `&[T]` where `T: Into<Target>` makes rustc recurse (E0275).
macro_rules! lists {
    ($of:ident: $($type:ty),*) => { $(
        impl<'a, const N: usize> From<[$type; N]> for $of<'a> {
            fn from(list: [$type; N]) -> Self {
                list.into_iter().collect()
            }
        }

        impl<'a> From<Vec<$type>> for $of<'a> {
            fn from(list: Vec<$type>) -> Self {
                list.into_iter().collect()
            }
        }

        impl<'a> From<&'a [$type]> for $of<'a> {
            fn from(list: &'a [$type]) -> Self {
                list.iter().map(lists!(@lend $of $type)).collect()
            }
        }

        impl<'a> From<&'a Vec<$type>> for $of<'a> {
            fn from(list: &'a Vec<$type>) -> Self {
                list.as_slice().into()
            }
        }
    )* };
    (@lend $of:ident String) => { |item| $of::from(item.as_str()) };
    (@lend $of:ident $type:ty) => { |item: &$type| $of::from(item.clone()) };
}

lists!(Target: &'a str, &'a String, String, &'a Room, &'a Socket, SocketId);
lists!(Rooms: &'a str, &'a String, String, &'a Room);

impl<'a, T: Into<Self>> FromIterator<T> for Target<'a> {
    fn from_iter<I: IntoIterator<Item = T>>(targets: I) -> Self {
        any(targets)
    }
}

impl<'a, T: Into<Self>> FromIterator<T> for Rooms<'a> {
    fn from_iter<I: IntoIterator<Item = T>>(rooms: I) -> Self {
        Self(rooms.into_iter().flat_map(|room| room.into().0).collect())
    }
}
