//! Threads that stay on a CPU each: the scheduler would else put both on one for a while.

use std::thread::{Scope, ScopedJoinHandle};

/// Starts a thread on a CPU. Where that cannot be had (another system, a single core) it runs anywhere, and says so.
pub(crate) fn spawn_on<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    cpu: usize,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    scope.spawn(move || {
        if !pin(cpu) {
            eprintln!("threads: not pinned to CPU {cpu}: the figures are not comparable");
        }
        work()
    })
}

#[cfg(target_os = "linux")]
fn pin(cpu: usize) -> bool {
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(cpu);
    rustix::thread::sched_setaffinity(None, &cpus).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn pin(_: usize) -> bool {
    false
}
