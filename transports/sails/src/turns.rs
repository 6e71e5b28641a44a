//! Requests of one connection begin in their order, also where they begin on any thread.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use roomcast::Socket;
use tokio::sync::Mutex;

/// Whose turn it is to begin, of the requests of a socket: the lock lets them through in the order in which they asked for it.
#[derive(Default)]
struct Turns(Arc<Mutex<()>>);

/// Puts a request into the row, at once. When it is polled it waits until all before it have begun: they are through, or wait
/// for something themselves. Is called on the socket's lane, or by the task that has its events one by one
/// (`Events::serial`): so one request after the other.
pub(crate) fn in_turn<R: Future<Output = ()>>(socket: &Socket, request: R) -> impl Future<Output = ()> + use<R> {
    let turns = socket.get::<Turns>().unwrap_or_else(|| {
        socket.insert(Turns::default());
        socket.get().unwrap_or_default()
    });
    let mut turn = Box::pin(Arc::clone(&turns.0).lock_owned());
    // Whoever has asked for the lock once has a place among those who wait.
    let at_once = turn.as_mut().now_or_never();
    async move {
        let turn = match at_once {
            Some(turn) => turn,
            None => turn.await,
        };
        let mut request = pin!(request);
        let begun = poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx))).await;
        drop(turn);
        if begun.is_pending() {
            request.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use roomcast::{Engine, MemoryLane};

    use super::*;

    #[test]
    fn who_is_polled_first_waits_for_who_came_first() {
        let lane = MemoryLane::new(&Engine::new());
        let (ann, ben) = (lane.connect().unwrap(), lane.connect().unwrap());
        let begun = Mutex::new(Vec::new());
        let request = |number| {
            let begun = &begun;
            async move {
                begun.lock().unwrap().push(number);
                std::future::pending::<()>().await;
            }
        };
        let mut anns = [1, 2, 3].map(|number| Box::pin(in_turn(&ann, request(number))));
        let mut bens = Box::pin(in_turn(&ben, request(10)));
        let mut poll = |at: usize| assert!(anns[at].as_mut().now_or_never().is_none());
        poll(2);
        poll(1);
        assert!(bens.as_mut().now_or_never().is_none());
        assert_eq!(*begun.lock().unwrap(), [10], "another socket's is in no row with them");
        [0, 2, 1, 2].into_iter().for_each(poll);
        assert_eq!(*begun.lock().unwrap(), [10, 1, 2, 3], "they are pending, and have begun");
    }
}
