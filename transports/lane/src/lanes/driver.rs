//! A lane on tokio: one thread, one task.
//!
//! The task is `unconstrained`: the lane bounds its work itself, and tokio's budget would make streams look empty that are
//! not. Between turns it yields with `yield_now`, which looks at the reactor; waking itself would do so only every 61st time.
//! It looks before each turn, whether there is something to do or not: a turn looks at deadlines, and what came before they
//! passed must be known by then, also when a handler held the lane meanwhile.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, LocalOptions};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::lane::Lane;
use crate::lanes::shared::LaneShared;

/// What a turn may take until more may have come than one look at the reactor shows.
const LONG: Duration = Duration::from_millis(10);
/// Streams that the reactor shows at most in one look.
const SHOWN_MAX: usize = 1024;

/// Starts the thread of a lane, which `make` makes there. When the lane has ended it tells how many connections it cut off.
///
/// # Errors
/// What the system says to a new thread, or to a new reactor.
pub(crate) fn start(
    shared: &Arc<LaneShared>,
    make: impl FnOnce() -> Lane + Send + 'static,
) -> io::Result<oneshot::Receiver<usize>> {
    let (ended, end) = oneshot::channel();
    let (started, start) = std::sync::mpsc::sync_channel(1);
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name(format!("roomcast-lane-{}", shared.index)).spawn(move || {
        // A local runtime stays on the thread on which it was built.
        let runtime = match Builder::new_current_thread()
            .enable_io()
            .max_io_events_per_tick(SHOWN_MAX)
            .enable_time()
            .build_local(LocalOptions::default())
        {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        let _ = started.send(Ok(()));
        let driver = async move { drive(make()).await };
        let forced = runtime.block_on(async { tokio::task::spawn_local(tokio::task::unconstrained(driver)).await });
        // An error would be a panic outside of turns; what is in its inbox is of no use then either.
        drop(shared.end());
        let forced = forced.unwrap_or_else(|error| {
            tracing::error!("lane {} ended: {error}", shared.index);
            0
        });
        let _ = ended.send(forced);
    })?;
    start.recv().map_err(|_| io::Error::other("a lane's thread ended while it started"))??;
    Ok(end)
}

/// Turns until the lane has ended; returns how many connections were cut off.
async fn drive(mut lane: Lane) -> usize {
    let (tasks, shared) = (lane.tasks.clone(), Arc::clone(&lane.shared));
    lane.reactor = Some(Handle::current());
    let mut sleep = pin!(tokio::time::sleep_until(Instant::now().into()));
    loop {
        let began = Instant::now();
        let more = {
            let _entered = tasks.enter(&shared);
            lane.turn_and_survive(began)
        };
        if lane.is_ended() {
            return lane.drain.as_ref().map_or(0, |drain| drain.forced);
        }
        if began.elapsed() > LONG {
            for _ in 0..lane.connections.len() / SHOWN_MAX {
                tokio::task::yield_now().await;
            }
        }
        if more || !wait_for_work(&lane, sleep.as_mut()).await {
            tokio::task::yield_now().await;
        }
    }
}

/// Waits until there is something to do. False if there was.
async fn wait_for_work(lane: &Lane, mut sleep: Pin<&mut Sleep>) -> bool {
    let deadline = lane.deadline();
    if let Some(deadline) = deadline
        && sleep.deadline().into_std() != deadline
    {
        sleep.as_mut().reset(deadline.into());
    }
    let mut waited = false;
    poll_fn(|cx| {
        let parked = park(&lane.shared, deadline.map(|_| sleep.as_mut()), cx);
        waited |= parked.is_pending();
        parked
    })
    .await;
    waited
}

/// Pending only if nothing is there.
fn park(shared: &LaneShared, sleep: Option<Pin<&mut Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(sleep) = sleep
        && sleep.poll(cx).is_ready()
    {
        return Poll::Ready(());
    }
    let parked = shared.inbox.park(cx.waker()) && shared.ready.park(cx.waker());
    if parked { Poll::Pending } else { Poll::Ready(()) }
}
