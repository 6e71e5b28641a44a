//! What handlers share, found by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

/// One value for each type.
#[derive(Clone, Default)]
pub(crate) struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    pub(crate) fn insert<T: Clone + Send + Sync + 'static>(&mut self, state: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(state));
    }

    pub(crate) fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }
}

/// What handlers cannot do without, collected while they are added and checked when a transport takes them.
#[derive(Clone, Default)]
pub struct Requirements {
    handler: String,
    wanted: Vec<(String, TypeId, &'static str)>,
}

impl Requirements {
    /// Says that a handler takes `T` from the state.
    pub fn state<T: Clone + Send + Sync + 'static>(&mut self) {
        self.wanted.push((self.handler.clone(), TypeId::of::<T>(), type_name::<T>()));
    }

    /// Collects for one handler.
    pub(crate) fn of(&mut self, handler: &str, collect: fn(&mut Self)) {
        self.handler = handler.into();
        collect(self);
    }

    /// # Panics
    /// If something is missing: a mistake of the program, found when it starts.
    pub(crate) fn check(&self, states: &States) {
        for (handler, id, name) in &self.wanted {
            let name = short(name);
            let variable = if name.contains(['<', '(', '&', '[']) { "..".into() } else { name.to_lowercase() };
            assert!(states.0.contains_key(id), "handler {handler} wants State<{name}>: add .with_state({variable})");
        }
    }
}

/// A type's name without the paths of modules.
fn short(name: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut out = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        let (path, tail) = rest.split_at(end);
        out.push_str(path.rsplit("::").next().unwrap_or(path));
        let end = tail.find(is_path).unwrap_or(tail.len());
        out.push_str(&tail[..end]);
        rest = &tail[end..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_paths() {
        assert_eq!(short("a::b::Db"), "Db");
        assert_eq!(short("alloc::sync::Arc<a::Map<u8, (core::X, y::Z)>>"), "Arc<Map<u8, (X, Z)>>");
    }

    #[test]
    fn one_value_for_each_type() {
        let mut states = States::default();
        states.insert(1_u8);
        states.insert("text");
        states.insert(2_u8);
        assert_eq!((states.get::<u8>(), states.get::<&str>(), states.get::<u16>()), (Some(2), Some("text"), None));
    }
}
