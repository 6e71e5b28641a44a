//! What the outboxes of all lanes together may hold.
//!
//! # Problem
//! Each outbox is bounded, but many slow readers at their bounds can still take more memory than there is. When that happens
//! the largest outboxes shall go first, on whatever lane they are; and a program without slow readers shall pay nothing.
//!
//! # Protocol
//! Each lane has an *account*, which it alone writes: the bytes in its outboxes, and a claim, the size of its largest one. A
//! claim may be too high, never too low: an outbox that grows raises it, one that shrinks leaves it as it is. A lane that has
//! put something into an outbox and finds the sum of the accounts above the budget compares claims. If another lane claims
//! more, that lane is asked, by an order in its inbox, one at a time; and does the same. Else the lane looks through its
//! connections, corrects its claim, compares once more, and cuts off its largest. Each step cuts a connection off or lowers a
//! claim, so lanes do not ask each other for ever.
//!
//! A lane that is asked may not hear it soon: a handler may hold it. So from an eighth above the budget on, a lane that puts
//! something into an outbox cuts off its own largest. That is the bound that holds whatever others do.
//!
//! # Orderings
//! All accesses are Relaxed: numbers that are a moment old cut off a connection that was the largest a moment ago. The
//! request itself goes through the inbox's lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::key::Key;
use crate::lane::Lane;
use crate::lane::flush::Slow;
use crate::lanes::order::Order;
use crate::lanes::shared::LaneShared;

/// The budget of all lanes, and where each stands.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    accounts: Box<[Arc<Account>]>,
    /// Whom to ask. Weak: each of them owns this.
    lanes: OnceLock<Box<[Weak<LaneShared>]>>,
}

/// What one lane's outboxes hold; written by that lane only.
#[derive(Debug, Default)]
pub(crate) struct Account {
    used: AtomicU64,
    claim: AtomicU64,
    /// An order to look at it is on its way.
    asked: AtomicBool,
}

impl Budget {
    /// `max` bytes for so many lanes.
    pub(crate) fn new(max: u64, lanes: usize) -> Self {
        let accounts = (0..lanes).map(|_| Arc::default()).collect();
        Self { max, accounts, lanes: OnceLock::new() }
    }

    /// Tells it the lanes, in the order of their accounts.
    pub(crate) fn introduce(&self, lanes: &[Arc<LaneShared>]) {
        self.lanes.get_or_init(|| lanes.iter().map(Arc::downgrade).collect());
    }

    pub(crate) fn account(&self, lane: usize) -> &Arc<Account> {
        &self.accounts[lane]
    }

    /// Bytes in all outboxes.
    pub(crate) fn used(&self) -> u64 {
        self.accounts.iter().map(|account| account.used()).sum()
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.used() > self.max
    }

    /// Whether it is time to stop waiting for other lanes.
    fn is_overrun(&self) -> bool {
        self.used() > self.max.saturating_add(self.max / 8)
    }

    /// The other lane that claims the largest outbox, if that is larger than `bytes`.
    fn larger_elsewhere(&self, lane: usize, bytes: u64) -> Option<usize> {
        let claims = self.accounts.iter().enumerate().map(|(other, account)| (account.claim(), other));
        let largest = claims.filter(|(_, other)| *other != lane).max();
        largest.filter(|(claim, _)| *claim > bytes).map(|(_, other)| other)
    }

    /// Asks a lane to see to its largest outbox, unless it is asked already.
    fn ask(&self, lane: usize) {
        let asked = &self.accounts[lane].asked;
        if asked.load(Ordering::Relaxed) || asked.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(lane) = self.lanes.get().and_then(|lanes| lanes.get(lane)?.upgrade()) {
            lane.push(Order::Relieve);
        }
    }
}

impl Account {
    /// An outbox changed its size. Only the lane writes, so no locked instruction is needed.
    pub(crate) fn settle(&self, before: usize, after: usize) {
        let used = self.used().wrapping_add(after as u64).wrapping_sub(before as u64);
        self.used.store(used, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The size of the largest outbox, or more; never more than there is.
    fn claim(&self) -> u64 {
        self.claim.load(Ordering::Relaxed).min(self.used())
    }

    fn set_claim(&self, bytes: usize) {
        self.claim.store(bytes as u64, Ordering::Relaxed);
    }

    fn raise_claim(&self, bytes: usize) {
        if self.claim.load(Ordering::Relaxed) < bytes as u64 {
            self.set_claim(bytes);
        }
    }
}

impl Lane {
    /// Something was put into an outbox, which holds `queued` bytes now.
    pub(crate) fn mind_budget(&mut self, queued: usize) {
        self.shared.account().raise_claim(queued);
        if self.shared.budget.is_exhausted() {
            self.seek_relief();
        }
    }

    /// Another lane found the budget exhausted, and the largest outbox here.
    pub(crate) fn relieve(&mut self) {
        self.shared.account().asked.store(false, Ordering::Relaxed);
        if self.shared.budget.is_exhausted() {
            self.seek_relief();
        }
    }

    fn seek_relief(&mut self) {
        if self.left_to_others(self.shared.account().claim()) {
            return;
        }
        let (largest, next) = self.largest_outboxes();
        let Some((queued, key)) = largest else { return };
        let account = Arc::clone(self.shared.account());
        account.set_claim(queued);
        if !self.left_to_others(queued as u64) {
            account.set_claim(next);
            self.cut_off(key, queued, Slow::OverBudget);
        }
    }

    /// The largest outbox in bytes, with its connection, and the size of the next one. Looks at all connections.
    pub(crate) fn largest_outboxes(&self) -> (Option<(usize, Key)>, usize) {
        let (mut largest, mut next) = (None::<(usize, Key)>, 0);
        for (index, connection) in &self.connections {
            let Some(outbox) = &connection.outbox else { continue };
            let bytes = outbox.bytes();
            match largest {
                Some((most, _)) if bytes <= most => next = next.max(bytes),
                before => {
                    next = before.map_or(0, |(most, _)| most);
                    largest = Some((bytes, Key { index: index as u32, generation: connection.generation }));
                }
            }
        }
        (largest, next)
    }

    /// Whether another lane, which claims a larger outbox than `bytes`, will see to it.
    fn left_to_others(&self, bytes: u64) -> bool {
        let budget = &self.shared.budget;
        let other = budget.larger_elsewhere(self.shared.index, bytes).filter(|_| !budget.is_overrun());
        other.inspect(|other| budget.ask(*other)).is_some()
    }
}
