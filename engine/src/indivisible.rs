//! Changes that must not be left half done.

use std::mem;

/// Stands for a change of two indexes that are always changed together. A panic in between would leave them apart, and
/// messages would go to who is not meant; locks do not poison. So it ends the process instead.
#[must_use = "dropping it ends the process"]
pub(crate) struct Indivisible(());

impl Indivisible {
    /// Begins the change. Costs nothing, but in debug builds.
    pub(crate) fn begin() -> Self {
        #[cfg(debug_assertions)]
        UNDER_WAY.set(true);
        Self(())
    }

    /// Both indexes agree.
    pub(crate) fn end(self) {
        #[cfg(debug_assertions)]
        UNDER_WAY.set(false);
        mem::forget(self);
    }

    /// Panics in debug builds if this thread is in the middle of such a change: it is about to call what may panic.
    pub(crate) fn assert_none() {
        // Threads of models share one of the system.
        #[cfg(all(debug_assertions, not(any(loom, shuttle))))]
        assert!(!UNDER_WAY.get(), "users' code in the middle of a change of memberships");
    }
}

#[cfg(debug_assertions)]
thread_local! {
    static UNDER_WAY: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Drop for Indivisible {
    fn drop(&mut self) {
        eprintln!(
            "roomcast: a panic in the middle of a change of memberships; please report it with what stands above"
        );
        std::process::abort();
    }
}
