//! The store beside a naive one, and at its limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::value::to_raw_value;

use super::super::store::Changes;
use super::*;

#[derive(Clone, Debug)]
enum Op {
    Save { id: u8, changes: Vec<(u8, Option<u8>)>, seconds: u8, begin: bool },
    Rename { id: u8, fresh: u8 },
    Load(u8),
    Destroy(u8),
    Wait(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let changes = prop::collection::vec((0..4u8, prop::option::of(any::<u8>())), 0..4);
    prop_oneof![
        4 => (0..6u8, changes, 0..20u8, any::<bool>())
            .prop_map(|(id, changes, seconds, begin)| Op::Save { id, changes, seconds, begin }),
        1 => (0..6u8, 6..8u8).prop_map(|(id, fresh)| Op::Rename { id, fresh }),
        2 => (0..8u8).prop_map(Op::Load),
        1 => (0..6u8).prop_map(Op::Destroy),
        2 => (0..10u8).prop_map(Op::Wait),
    ]
}

struct Clocked {
    store: MemoryStore,
    seconds: Arc<AtomicU64>,
}

impl Clocked {
    fn new(settings: impl FnOnce(MemoryStoreBuilder) -> MemoryStoreBuilder) -> Self {
        let (start, seconds) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let read = Arc::clone(&seconds);
        let clock = move || start + Duration::from_secs(read.load(Ordering::Relaxed));
        Self { store: settings(MemoryStore::builder().clock(clock)).build(), seconds }
    }

    fn now(&self) -> u64 {
        self.seconds.load(Ordering::Relaxed)
    }

    fn load(&self, id: u8) -> Option<BTreeMap<u8, u8>> {
        let stored = self.store.load(&name(id)).now_or_never().unwrap().unwrap()?;
        assert!(stored.expires_in > Duration::ZERO);
        let entries = stored.entries.iter();
        Some(entries.map(|(key, json)| (key.parse().unwrap(), serde_json::from_str(json.get()).unwrap())).collect())
    }

    fn save(&self, id: u8, changes: &[(u8, Option<u8>)], seconds: u8, begin: bool) -> bool {
        let json = |value: &u8| to_raw_value(value).unwrap();
        let changes: Changes = changes.iter().map(|(key, value)| (key.to_string(), value.as_ref().map(json))).collect();
        let save = Save { changes, time_to_live: Duration::from_secs(seconds.into()), begin };
        self.store.save(&name(id), save).now_or_never().unwrap().unwrap()
    }

    fn rename(&self, id: u8, fresh: u8, seconds: u8) -> bool {
        let save = Save::new(Changes::new(), Duration::from_secs(seconds.into()));
        self.store.rename(&name(id), &name(fresh), save).now_or_never().unwrap().unwrap()
    }
}

fn name(id: u8) -> SessionId {
    SessionId::new(&id.to_string()).unwrap()
}

/// Sums up what the table claims to hold.
fn check(store: &MemoryStore) {
    let table = store.table();
    assert_eq!(table.sessions.len(), table.by_expiry.len());
    let sizes = table.sessions.iter().map(|(id, held)| size(id, &held.entries));
    assert_eq!(sizes.sum::<usize>(), table.bytes);
    assert!(table.by_expiry.iter().all(|(expiry, id)| table.sessions[id].expiry == *expiry));
    assert_eq!(table.sessions.len(), table.by_use.len());
    assert!(table.by_use.iter().all(|(used, id)| table.sessions[id].used == *used));
}

proptest! {
    #[test]
    fn it_does_what_a_naive_store_does(ops in prop::collection::vec(op(), 1..60)) {
        let clocked = Clocked::new(|builder| builder);
        let mut naive: HashMap<u8, (BTreeMap<u8, u8>, u64)> = HashMap::new();
        for op in ops {
            let now = clocked.now();
            naive.retain(|_, (_, at)| *at > now);
            match op {
                Op::Save { id, changes, seconds, begin } => {
                    let expected = begin || naive.contains_key(&id);
                    prop_assert_eq!(clocked.save(id, &changes, seconds, begin), expected);
                    if expected {
                        // Of several changes to one key in a list the last one is the one.
                        let (entries, at) = naive.entry(id).or_default();
                        for (key, value) in changes.into_iter().collect::<BTreeMap<_, _>>() {
                            match value {
                                Some(value) => drop(entries.insert(key, value)),
                                None => drop(entries.remove(&key)),
                            }
                        }
                        *at = now + u64::from(seconds);
                    }
                }
                Op::Rename { id, fresh } => {
                    let former = naive.remove(&id);
                    prop_assert_eq!(clocked.rename(id, fresh, 10), former.is_some());
                    if let Some((entries, _)) = former {
                        naive.insert(fresh, (entries, now + 10));
                    }
                }
                Op::Load(id) => prop_assert_eq!(clocked.load(id), naive.get(&id).map(|(entries, _)| entries.clone())),
                Op::Destroy(id) => {
                    clocked.store.destroy(&name(id)).now_or_never().unwrap().unwrap();
                    naive.remove(&id);
                }
                Op::Wait(seconds) => drop(clocked.seconds.fetch_add(seconds.into(), Ordering::Relaxed)),
            }
            check(&clocked.store);
        }
        prop_assert_eq!(clocked.store.dropped(), 0);
    }

    #[test]
    fn it_stays_within_its_limits(ops in prop::collection::vec(op(), 1..60)) {
        const BYTES_MAX: usize = 3 * (SESSION_BYTES + 3 * ENTRY_BYTES);
        let clocked = Clocked::new(|builder| builder.sessions_max(4).bytes_max(BYTES_MAX));
        for op in ops {
            match op {
                Op::Save { id, changes, seconds, begin } => {
                    let saved = clocked.save(id, &changes, seconds, begin);
                    // Whatever had to go, it was not the one that was saved.
                    prop_assert_eq!(clocked.load(id).is_some(), saved && seconds > 0);
                }
                Op::Rename { id, fresh } => {
                    let renamed = clocked.rename(id, fresh, 10);
                    prop_assert!(!renamed || clocked.load(fresh).is_some() && clocked.load(id).is_none());
                }
                Op::Load(id) => drop(clocked.load(id)),
                Op::Destroy(id) => drop(clocked.store.destroy(&name(id))),
                Op::Wait(seconds) => drop(clocked.seconds.fetch_add(seconds.into(), Ordering::Relaxed)),
            }
            prop_assert!(clocked.store.sessions() <= 4 && clocked.store.bytes() <= BYTES_MAX);
            check(&clocked.store);
        }
    }
}

#[test]
fn many_that_expire_are_cleared_a_bounded_number_at_a_time() {
    let clocked = Clocked::new(|builder| builder);
    for id in 0..=255 {
        clocked.save(id, &[], 1, true);
    }
    clocked.seconds.store(1, Ordering::Relaxed);
    assert_eq!(clocked.load(255), None);
    assert_eq!(clocked.store.sessions(), 256 - CLEARED_AT_ONCE);
    for _ in 0..4 {
        clocked.load(0);
    }
    assert_eq!((clocked.store.sessions(), clocked.store.bytes()), (0, 0));
}

#[test]
fn the_one_that_was_neither_read_nor_saved_for_longest_is_dropped() {
    let clocked = Clocked::new(|builder| builder.sessions_max(2));
    // The first one expires first: that says nothing about when it was used.
    clocked.save(0, &[], 10, true);
    clocked.save(1, &[], 20, true);
    clocked.load(0);
    clocked.save(2, &[], 20, true);
    assert_eq!([0, 1, 2].map(|id| clocked.load(id).is_some()), [true, false, true]);
    assert_eq!(clocked.store.dropped(), 1);
}

#[test]
fn what_has_expired_goes_before_what_lives() {
    let clocked = Clocked::new(|builder| builder.sessions_max(2 + CLEARED_AT_ONCE));
    clocked.save(0, &[], 20, true);
    // More than one call clears away.
    for id in 1..=CLEARED_AT_ONCE as u8 + 1 {
        clocked.save(id, &[], 1, true);
    }
    clocked.seconds.store(1, Ordering::Relaxed);
    for id in 100..100 + CLEARED_AT_ONCE as u8 {
        clocked.save(id, &[], 20, true);
    }
    clocked.save(200, &[], 20, true);
    assert!(clocked.load(0).is_some());
    assert_eq!(clocked.store.dropped(), 0);
}

#[test]
fn who_saves_at_the_same_time_undoes_nothing() {
    const THREADS: u8 = 4;
    let clocked = Clocked::new(|builder| builder);
    clocked.save(0, &[], 20, true);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let clocked = &clocked;
            scope.spawn(move || {
                for n in 0..50 {
                    assert!(clocked.save(0, &[(thread * 50 + n, Some(n))], 20, false));
                }
            });
        }
    });
    assert_eq!(clocked.load(0).unwrap().len(), usize::from(THREADS) * 50);
    check(&clocked.store);
}
