//! The only place that chooses between the real primitives, loom's and shuttle's.
//!
//! Under `--cfg loom` the crate's unit tests are the models of `tests/models`. [`broken`] and [`order`] are their switches:
//! a model must fail when the line that it watches is broken. Outside of models both are constants.
//!
//! Under `--cfg shuttle` the crate is the real one on shuttle's threads, for `tests/histories.rs`.

/// Whether constants are small, so that a model or a random schedule meets what is rare.
pub(crate) const SMALL: bool = cfg!(any(loom, shuttle, fuzzing));

#[cfg(any(loom, shuttle))]
pub(crate) mod model_epoch;

#[cfg(not(loom))]
mod real {
    use std::sync::atomic::Ordering;

    #[cfg(shuttle)]
    pub(crate) use super::model_epoch as epoch;
    #[cfg(not(shuttle))]
    pub(crate) use crossbeam_epoch as epoch;
    #[cfg(not(shuttle))]
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    #[cfg(shuttle)]
    pub(crate) use shuttle::sync::MutexGuard;
    #[cfg(shuttle)]
    pub(crate) use shuttle::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, fence};
    #[cfg(not(shuttle))]
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, fence};

    /// Whether a model asks for this line to be left out: never.
    #[inline(always)]
    pub(crate) const fn broken(_line: &str) -> bool {
        false
    }

    /// The ordering of an access that a model may weaken to Relaxed: as it is.
    #[inline(always)]
    pub(crate) const fn order(ordering: Ordering, _line: &str) -> Ordering {
        ordering
    }

    /// A hasher whose seeds nobody knows.
    pub(crate) fn random_state() -> ahash::RandomState {
        ahash::RandomState::new()
    }

    /// A cell with loom's interface.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(loom)]
mod model {
    use std::sync::OnceLock;
    use std::sync::atomic::Ordering;

    pub(crate) use super::model_epoch as epoch;
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, fence};

    /// Whether the model at hand runs with this line left out.
    pub(crate) fn broken(line: &str) -> bool {
        static LINE: OnceLock<Option<String>> = OnceLock::new();
        LINE.get_or_init(|| std::env::var("ROOMCAST_BREAK").ok()).as_deref() == Some(line)
    }

    /// The ordering, or Relaxed if the model at hand runs without it.
    pub(crate) fn order(ordering: Ordering, line: &str) -> Ordering {
        if broken(line) { Ordering::Relaxed } else { ordering }
    }

    /// The same in every execution, so that schedules can be repeated.
    pub(crate) fn random_state() -> ahash::RandomState {
        ahash::RandomState::with_seeds(1, 2, 3, 4)
    }
}

/// parking_lot's interface over a mutex as std's.
#[cfg(any(loom, shuttle))]
mod mutex {
    #[cfg(loom)]
    use loom::sync as checked;
    #[cfg(shuttle)]
    use shuttle::sync as checked;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(checked::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(checked::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> checked::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(any(loom, shuttle))]
pub(crate) use mutex::Mutex;
#[cfg(not(loom))]
pub(crate) use real::*;
