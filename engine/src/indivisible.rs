//! Changes that must not be left half done.

use std::mem;

/// Stands for a change of two indexes that are always changed together. A panic in between would leave them apart, and
/// messages would go to who is not meant; locks do not poison. So it ends the process instead.
#[must_use = "dropping it ends the process"]
pub(crate) struct Indivisible(());

impl Indivisible {
    /// Begins the change. Costs nothing.
    pub(crate) fn begin() -> Self {
        Self(())
    }

    /// Both indexes agree.
    pub(crate) fn end(self) {
        mem::forget(self);
    }
}

impl Drop for Indivisible {
    fn drop(&mut self) {
        eprintln!(
            "roomcast: a panic in the middle of a change of memberships; please report it with what stands above"
        );
        std::process::abort();
    }
}
