//! Code of users that runs in the middle of the engine's: observers, and `Drop` of values that they attached or shared.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::indivisible::Indivisible;

/// Calls code of a user. A panic ends this call and nothing else, wherever the engine was called from: a socket that is freed
/// on its lane, a bulk verb of somebody else. The panic hook has told of it.
pub(crate) fn contain(call: impl FnOnce()) {
    Indivisible::assert_none();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        // It is the user's too, and may panic again when it is dropped.
        mem::forget(panic);
    }
}

/// Drops values of users, one by one.
pub(crate) fn drop_each<T>(values: impl IntoIterator<Item = T>) {
    values.into_iter().for_each(|value| contain(|| drop(value)));
}
