//! From an expression to tiles: who is meant, read without a lock.
//!
//! # The contract (order and visibility)
//! - A selection starts with a SeqCst fence, then loads the clock. The fence pairs with the fence of every other verb: two
//!   threads that each join and then broadcast to the other's room cannot both miss each other.
//! - It reads each room once, in listed order, includes before excludes; a name and its table are resolved only at its
//!   turn. So who joins X before A is kept out of "A except X", and who moves from an earlier-listed to a later-listed room,
//!   join first, is not missed. Loading all tables first, or excludes first, breaks these two.
//! - Someone who is a member throughout is met; someone who is not throughout is not.
//!
//! # Algorithm
//! A room is ORed into a scratch set of words, one for each group; `except` removes, `all` keeps. A lone room needs no set:
//! its tiles are the answer.
//!
//! What an expression meant is kept as a [`Plan`]: the same expression with numbers for names. Bulk verbs look a second
//! time, under a group's lock, whether a socket is still meant: a word that was read before the lock brought sockets back
//! that had left meanwhile, and said so.

use std::sync::atomic::Ordering::SeqCst;

use crate::sync::epoch::Guard;

use crate::engine::Engine;
use crate::id::SocketId;
use crate::lane::Tile;
use crate::roster::Roster;
use crate::scratch::Scratch;
use crate::sync::{broken, fence};
use crate::target::{Expr, Name};
use crate::tile_list::TileList;
use crate::tile_set::TileSet;

/// One reading of an expression.
pub(crate) struct Select<'a> {
    engine: &'a Engine,
    guard: &'a Guard,
    /// Sockets born later are not meant.
    pub(crate) clock: u64,
}

/// An expression whose names were looked up. Numbers are good for the guard under which they were found.
pub(crate) enum Plan {
    Nobody,
    Everyone,
    Room(u32),
    Socket(SocketId),
    Any(Vec<Self>),
    All(Vec<Self>),
    Except(Box<Self>, Box<Self>),
}

impl<'a> Select<'a> {
    /// Begins: what happened before this is seen.
    pub(crate) fn new(engine: &'a Engine, guard: &'a Guard) -> Self {
        if !broken("two rooms: fence") {
            // SeqCst: pairs with the same fence in every other verb; see the module. A pin that is not nested has one too, but
            // only by the way it is made; a second one in a row costs nothing that could be measured.
            fence(SeqCst);
        }
        Self { engine, guard, clock: engine.core.slots.clock() }
    }

    /// Gives the tiles of the expression to `each`, every socket once. Returns what it meant.
    pub(crate) fn tiles(&self, expr: &Expr<'_>, mut each: impl FnMut(Tile)) -> Plan {
        match self.leaf(expr) {
            Some(plan) => {
                self.leaf_tiles(&plan, each);
                plan
            }
            None => {
                let mut set = Scratch::<TileSet>::take();
                let plan = self.add(expr, &mut set);
                set.drain().for_each(&mut each);
                plan
            }
        }
    }

    /// The tiles of the expression, every socket once, and what it meant.
    pub(crate) fn collect(&self, expr: &Expr<'_>) -> (Scratch<TileList>, Plan) {
        let mut tiles = Scratch::<TileList>::take();
        let plan = match self.leaf(expr) {
            Some(plan) => {
                match self.roster(&plan) {
                    Some(roster) => roster.collect(&mut tiles, self.guard),
                    None => self.leaf_tiles(&plan, |tile| tiles.push(tile)),
                }
                plan
            }
            None => self.tiles(expr, |tile| tiles.push(tile)),
        };
        (tiles, plan)
    }

    /// The ids of a tile's sockets, as far as they were not let go of meanwhile. Reads each.
    pub(crate) fn ids(&self, tile: Tile) -> impl Iterator<Item = SocketId> {
        let (slots, namespace) = (&self.engine.core.slots, self.engine.namespace.number());
        tile.slots().filter_map(move |slot| slots.id(slot, namespace, self.clock))
    }

    /// How many sockets the expression means.
    pub(crate) fn count(&self, expr: &Expr<'_>) -> usize {
        if let Some(plan) = self.leaf(expr)
            && let Some(roster) = self.roster(&plan)
        {
            return roster.count(self.guard);
        }
        let mut count = 0;
        self.tiles(expr, |tile| count += tile.bits.count_ones() as usize);
        count
    }

    /// The members of a plan in one group, now. Exact under the group's lock.
    pub(crate) fn bits(&self, plan: &Plan, group: u32) -> u32 {
        match plan {
            Plan::Nobody => 0,
            Plan::Everyone => self.engine.namespace.everyone().bits(group, self.guard),
            Plan::Room(number) => self.engine.core.interner.roster(*number).bits(group, self.guard),
            Plan::Socket(id) if id.group() == group && self.engine.core.slots.is_alive(*id) => id.bit(),
            Plan::Socket(_) => 0,
            Plan::Any(plans) => plans.iter().fold(0, |bits, plan| bits | self.bits(plan, group)),
            Plan::All(plans) => {
                let all = plans.iter().map(|plan| self.bits(plan, group)).reduce(|a, b| a & b);
                all.unwrap_or(0)
            }
            Plan::Except(include, exclude) => {
                let bits = self.bits(include, group);
                if bits == 0 { 0 } else { bits & !self.bits(exclude, group) }
            }
        }
    }

    /// Looks up what is no expression of others.
    fn leaf(&self, expr: &Expr<'_>) -> Option<Plan> {
        match expr {
            Expr::Everyone => Some(Plan::Everyone),
            Expr::Socket(id) => Some(self.socket(*id)),
            Expr::Name(name) => Some(self.name(name)),
            Expr::Any(list) if list.len() == 1 => self.leaf(&list[0]),
            Expr::Any(_) | Expr::All(_) | Expr::Except(..) => None,
        }
    }

    fn socket(&self, id: SocketId) -> Plan {
        let slots = &self.engine.core.slots;
        let here = slots.id(id.slot, self.engine.namespace.number(), self.clock) == Some(id) && slots.is_alive(id);
        if here { Plan::Socket(id) } else { Plan::Nobody }
    }

    fn name(&self, name: &Name<'_>) -> Plan {
        let (core, namespace) = (&self.engine.core, self.engine.namespace.number());
        if let Name::Pinned(room) = name
            && let Some(number) = room.number_in(self.engine)
        {
            return Plan::Room(number);
        }
        match core.find_id(namespace, name.text(), self.guard) {
            Some(id) if id.born <= self.clock => Plan::Socket(id),
            Some(_) => Plan::Nobody,
            None => core.interner.find(namespace, name.text(), self.guard).map_or(Plan::Nobody, Plan::Room),
        }
    }

    /// Whose members a plan means, if it is a room.
    fn roster(&self, plan: &Plan) -> Option<&'a Roster> {
        match plan {
            Plan::Everyone => Some(self.engine.namespace.everyone()),
            Plan::Room(number) => Some(self.engine.core.interner.roster(*number)),
            Plan::Nobody | Plan::Socket(_) | Plan::Any(_) | Plan::All(_) | Plan::Except(..) => None,
        }
    }

    fn leaf_tiles(&self, plan: &Plan, each: impl FnMut(Tile)) {
        match (self.roster(plan), plan) {
            (Some(roster), _) => roster.tiles(self.guard).for_each(each),
            (None, Plan::Socket(id)) => Some(Tile::of_slot(id.slot)).into_iter().for_each(each),
            (None, _) => {}
        }
    }

    /// Adds the members of an expression to a set.
    fn add(&self, expr: &Expr<'_>, into: &mut TileSet) -> Plan {
        if let Some(plan) = self.leaf(expr) {
            self.leaf_tiles(&plan, |tile| into.add(tile));
            return plan;
        }
        match expr {
            Expr::Any(list) => Plan::Any(list.iter().map(|expr| self.add(expr, into)).collect()),
            composed if into.is_empty() => self.compose(composed, into),
            composed => {
                let mut set = Scratch::<TileSet>::take();
                let plan = self.compose(composed, &mut set);
                set.drain().for_each(|tile| into.add(tile));
                plan
            }
        }
    }

    /// Computes an intersection or a difference in an empty set.
    fn compose(&self, expr: &Expr<'_>, into: &mut TileSet) -> Plan {
        match expr {
            Expr::All(list) => Plan::All(self.intersect(list, into)),
            Expr::Except(include, exclude) => {
                #[cfg(loom)]
                if let Some(plan) = self.except_in_a_wrong_order(include, exclude, into) {
                    return plan;
                }
                let include = self.add(include, into);
                Plan::Except(Box::new(include), Box::new(self.remove(exclude, into)))
            }
            other => self.add(other, into),
        }
    }

    /// What the contract rules out, for the models to catch.
    #[cfg(loom)]
    fn except_in_a_wrong_order(&self, include: &Expr<'_>, exclude: &Expr<'_>, into: &mut TileSet) -> Option<Plan> {
        let mut excluded = Scratch::<TileSet>::take();
        let plan = if broken("except: excludes first") {
            self.add(exclude, &mut excluded)
        } else if broken("except: names up front") {
            let plan = self.leaf(exclude)?;
            self.add(include, into);
            self.leaf_tiles(&plan, |tile| excluded.add(tile));
            plan
        } else {
            return None;
        };
        let include = self.add(include, into);
        excluded.drain().for_each(|tile| into.remove(tile));
        Some(Plan::Except(Box::new(include), Box::new(plan)))
    }

    fn intersect(&self, list: &[Expr<'_>], into: &mut TileSet) -> Vec<Plan> {
        let Some((first, rest)) = list.split_first() else { return Vec::new() };
        let mut plans = vec![self.add(first, into)];
        plans.extend(rest.iter().map(|expr| self.retain(expr, into)));
        plans
    }

    /// Keeps those who are members of an expression as well.
    fn retain(&self, expr: &Expr<'_>, set: &mut TileSet) -> Plan {
        if let Some(plan) = self.leaf(expr) {
            set.retain(|group| self.bits(&plan, group));
            return plan;
        }
        let mut other = Scratch::<TileSet>::take();
        let plan = self.add(expr, &mut other);
        set.retain(|group| other.bits(group));
        plan
    }

    /// Removes the members of an expression from a set.
    fn remove(&self, expr: &Expr<'_>, set: &mut TileSet) -> Plan {
        if let Some(plan) = self.leaf(expr) {
            self.leaf_tiles(&plan, |tile| set.remove(tile));
            return plan;
        }
        if let Expr::Any(list) = expr {
            return Plan::Any(list.iter().map(|expr| self.remove(expr, set)).collect());
        }
        let mut other = Scratch::<TileSet>::take();
        let plan = self.add(expr, &mut other);
        other.drain().for_each(|tile| set.remove(tile));
        plan
    }
}
