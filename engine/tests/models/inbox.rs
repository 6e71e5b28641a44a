//! Pushes, and a lane that sleeps (`inbox.rs`).

use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::thread;

use super::preempted;
use crate::Inbox;
use crate::sync::broken;

struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// Everything arrives, in the order of its publisher; a lane that sleeps through a push would deadlock.
#[test]
fn inbox() {
    preempted(3, || {
        let (inbox, bell) = (Arc::new(Inbox::default()), Arc::new(Bell(Notify::new())));
        let push = |items: &'static [u32]| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || items.iter().for_each(|item| inbox.push(*item, 1).unwrap()))
        };
        let threads = [push(&[10, 11]), push(&[20])];
        let waker = Waker::from(Arc::clone(&bell));
        let mut got = Vec::new();
        while got.len() < 3 {
            let before = got.len();
            inbox.take(&mut got);
            inbox.done(got.len() - before);
            if got.len() < 3 && inbox.park(&waker) {
                bell.0.wait();
                if broken("inbox: drained before the look") {
                    // A wake-up for what came after the look is thrown away.
                    inbox.take(&mut got);
                    if got.len() < 3 && inbox.park(&waker) {
                        bell.0.wait();
                        bell.0.wait();
                    }
                }
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let at = |item| got.iter().position(|other| *other == item).unwrap();
        assert!(at(10) < at(11));
        assert_eq!(inbox.bytes(), 0);
    });
}
