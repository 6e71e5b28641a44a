//! Whom a message was meant for, kept longer than names and numbers are good for.

use std::collections::HashSet;

use ahash::RandomState;

use crate::id::PublicId;
use crate::journal::FormerMember;
use crate::select::Plan;
use crate::target::{Expr, Name};

/// An expression as a broadcast understood it, in texts.
pub(super) enum Meant {
    Everyone,
    /// A room that was named by a handle.
    Room(Box<str>),
    /// A room, or the socket with this id: no connected one had it.
    Name(Box<str>),
    Id(PublicId),
    Any(Box<[Self]>),
    All(Box<[Self]>),
    Except(Box<(Self, Self)>),
}

/// A former member, so that names are found fast.
pub(super) struct Who<'a> {
    id: &'a str,
    rooms: HashSet<&'a str, RandomState>,
}

impl Meant {
    /// `plan` is what the expression meant when it was read.
    pub(super) fn new(expr: &Expr<'_>, plan: &Plan) -> Self {
        let all = |list: &[Expr<'_>], plans: &[Plan]| {
            list.iter().zip(plans).map(|(expr, plan)| Self::new(expr, plan)).collect()
        };
        match (expr, plan) {
            (Expr::Everyone, _) => Self::Everyone,
            (Expr::Socket(id), _) => Self::Id(id.text),
            (Expr::Name(_), Plan::Socket(id)) => Self::Id(id.text),
            (Expr::Name(Name::Pinned(room)), Plan::Room(_)) => Self::Room(room.name().into()),
            (Expr::Name(name), _) => Self::Name(name.text().into()),
            (Expr::Any(list), Plan::Any(plans)) => Self::Any(all(list, plans)),
            (Expr::All(list), Plan::All(plans)) => Self::All(all(list, plans)),
            (Expr::Except(include, exclude), Plan::Except(included, excluded)) => {
                Self::Except(Box::new((Self::new(include, included), Self::new(exclude, excluded))))
            }
            // A list of one is read as the one.
            (Expr::Any(list), one) => Self::Any(all(list, std::slice::from_ref(one))),
            // Plans are made as their expressions are, so these do not meet.
            (Expr::All(_) | Expr::Except(..), _) => Self::Any(Box::default()),
        }
    }

    /// Whether a connected socket with this id and these rooms is meant.
    pub(super) fn selects(&self, who: &Who<'_>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Room(name) => who.rooms.contains(&**name),
            Self::Name(name) => who.id == &**name || who.rooms.contains(&**name),
            Self::Id(id) => who.id == id.as_str(),
            Self::Any(list) => list.iter().any(|meant| meant.selects(who)),
            Self::All(list) => !list.is_empty() && list.iter().all(|meant| meant.selects(who)),
            Self::Except(both) => both.0.selects(who) && !both.1.selects(who),
        }
    }

    /// Bytes that it holds beside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        let of_list = |list: &[Self]| list.iter().map(|meant| size_of::<Self>() + meant.heap_bytes()).sum();
        match self {
            Self::Everyone | Self::Id(_) => 0,
            Self::Room(name) | Self::Name(name) => name.len(),
            Self::Any(list) | Self::All(list) => of_list(list),
            Self::Except(both) => size_of::<(Self, Self)>() + both.0.heap_bytes() + both.1.heap_bytes(),
        }
    }
}

impl<'a> Who<'a> {
    pub(super) fn new(former: &'a FormerMember) -> Self {
        Self { id: &former.id, rooms: former.rooms.iter().map(String::as_str).collect() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn selects(meant: &Meant, rooms: &[&str]) -> bool {
        let rooms = rooms.iter().copied().map(String::from).collect();
        meant.selects(&Who::new(&FormerMember { id: "id".into(), rooms }))
    }

    #[test]
    fn a_list_of_one_is_the_one() {
        let list = Expr::Any(vec![Expr::Any(vec![Expr::Name(Name::Text("eu".into()))])]);
        let meant = Meant::new(&list, &Plan::Nobody);
        assert!(selects(&meant, &["us", "eu"]) && !selects(&meant, &["us"]));
    }

    #[test]
    fn what_it_holds_is_counted() {
        let name = |name: &'static str| Expr::Name(Name::Text(name.into()));
        let list = Expr::Any(vec![name("12345"), Expr::Except(Box::new(name("678")), Box::new(Expr::Everyone))]);
        let except = Plan::Except(Box::new(Plan::Nobody), Box::new(Plan::Everyone));
        let meant = Meant::new(&list, &Plan::Any(vec![Plan::Room(1), except]));
        assert_eq!(meant.heap_bytes(), 4 * size_of::<Meant>() + 8);
        assert!(!selects(&meant, &["678"]));
    }
}
