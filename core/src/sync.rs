//! The only place that names locks and atomics: std's, or loom's under `cfg(loom)`.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};

// loom's `Arc` has no `Weak`; reference counts are not what its models are about.
pub(crate) use std::sync::{Arc, OnceLock, Weak, atomic::Ordering};
// Ids, marks that nothing depends on, and what is kept for the next one stand outside of the models.
pub(crate) use std::sync::atomic::{AtomicU32 as Numbers, AtomicU64 as Ids, AtomicU64 as Marks};
pub(crate) use std::sync::{Mutex as PlainMutex, PoisonError};

/// A number that nobody can guess; under loom always the same, since it repeats what it runs.
#[cfg(not(loom))]
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}
#[cfg(loom)]
pub(crate) fn seed() -> u64 {
    7
}

/// How many records a chunk has: under loom few, since the word of each is an object there.
#[cfg(not(loom))]
pub(crate) const CHUNK: u32 = 32;
#[cfg(loom)]
pub(crate) const CHUNK: u32 = 2;

/// Locks, whatever a panic elsewhere left behind.
///
/// No foreign code (wakers, destructors, user closures) ever runs under a lock of this crate, so a
/// poisoned lock guards consistent data; a user must never meet the poison.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification, or wakes up for none.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// As `wait`, until this time at the latest.
pub(crate) fn wait_until<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    until: std::time::Instant,
) -> MutexGuard<'a, T> {
    let left = until.saturating_duration_since(std::time::Instant::now());
    let waited = changed.wait_timeout(guard, left);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// A process-wide source of identity. Relaxed: only uniqueness matters, no data is published by it.
pub(crate) struct IdSource(Ids);

impl IdSource {
    pub(crate) const fn new() -> Self {
        Self(Ids::new(1))
    }

    pub(crate) fn next(&self) -> u64 {
        self.next_block(1)
    }

    /// The first of so many, which are all the caller's.
    pub(crate) fn next_block(&self, len: u64) -> u64 {
        self.0.fetch_add(len, Ordering::Relaxed)
    }
}
