//! The load: members on one thread, driven by a seed, and the record of what they ask and get.

mod choices;
mod link;
mod member;
mod run;
mod text;
mod world;

pub(crate) use run::{Counts, run};
