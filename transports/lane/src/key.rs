//! Names of connections on a lane.

/// A place in the lane's slab, and which of its successive tenants is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}
