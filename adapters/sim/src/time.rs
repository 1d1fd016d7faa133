//! Virtual time: the clock of a loop, its timers, and the future that waits for one.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lifespan_core::{Closed, Waiting};

use crate::shared::Shared;

/// The time of one loop, which outlives it: reports are read when the loop is gone.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    /// Nanoseconds. Only the loop's thread writes.
    elapsed: AtomicU64,
    timers: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let (elapsed, timers) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { began: Instant::now(), elapsed, timers }
    }

    pub(crate) fn now(&self) -> Instant {
        self.began + self.elapsed()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    /// Acquire pairs with `set`: who sees a time sees what the loop did before that time came.
    pub(crate) fn nanos(&self) -> u64 {
        self.elapsed.load(Ordering::Acquire)
    }

    /// Release: see `nanos`.
    pub(crate) fn set(&self, nanos: u64) {
        self.elapsed.store(nanos, Ordering::Release);
    }

    /// As far as an `Instant` can tell.
    pub(crate) fn advance(&self, duration: Duration) {
        let by = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let to = self.nanos().saturating_add(by);
        if self.began.checked_add(Duration::from_nanos(to)).is_some() {
            self.set(to);
        }
    }

    /// When a timer of this duration is due; `None`: beyond the clock, so never.
    fn due(&self, duration: Duration) -> Option<u64> {
        let due = self.nanos().checked_add(u64::try_from(duration.as_nanos()).ok()?)?;
        self.began.checked_add(Duration::from_nanos(due)).map(|_| due)
    }

    /// Relaxed: only the order on one thread counts.
    fn next_timer(&self) -> u64 {
        self.timers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// When a timer is due, and its number: those of one instant fire in the order of their making.
pub(crate) type Key = (u64, u64);

/// The timers that somebody waits for.
#[derive(Default)]
pub(crate) struct Timers(BTreeMap<Key, Waker>);

impl Timers {
    /// When the first one is due.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.first_key_value().map(|(&(due, _), _)| due)
    }

    /// When the first one after this time is due.
    pub(crate) fn next_after(&self, now: u64) -> Option<u64> {
        self.0.range((now, u64::MAX)..).next().map(|(&(due, _), _)| due)
    }

    /// Takes all, in the order in which they were due.
    pub(crate) fn take_all(&mut self) -> BTreeMap<Key, Waker> {
        std::mem::take(&mut self.0)
    }

    /// Takes what is due, in order.
    pub(crate) fn take_due(&mut self, now: u64) -> BTreeMap<Key, Waker> {
        let later = self.0.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.0, later)
    }
}

/// Completes when its loop's time has come; made by [`Sim`](crate::Sim)'s `sleep`.
///
/// Also one of zero lets everything that is ready have its turn first. It never completes when its
/// time is beyond the clock (some 584 years).
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    shared: Weak<Shared>,
    /// `None`: never.
    key: Option<Key>,
    /// The loop was told of it, and removes it when it fires.
    is_set: bool,
}

impl Sleep {
    pub(crate) fn new(shared: Weak<Shared>, clock: &Clock, duration: Duration) -> Self {
        let key = clock.due(duration).map(|due| (due, clock.next_timer()));
        Self { shared, key, is_set: false }
    }
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(shared) = self.shared.upgrade() else { return Poll::Ready(Err(Closed::new(()))) };
        let Some(key) = self.key else {
            Waiting::answer(|| String::from("a sleep that never ends"));
            return Poll::Pending;
        };
        let waker = context.waker().clone();
        let mut state = shared.lock();
        if state.is_closed {
            return Poll::Ready(Err(Closed::new(())));
        }
        let now = shared.clock.nanos();
        let has_fired = self.is_set && !state.timers.0.contains_key(&key);
        if key.0 < now || has_fired {
            drop(state);
            return Poll::Ready(Ok(()));
        }
        let old = state.timers.0.insert(key, waker);
        drop(state);
        drop(old);
        if !std::mem::replace(&mut self.is_set, true) {
            shared.ring();
        }
        Waiting::answer(|| format!("a sleep until +{:?}", Duration::from_nanos(key.0)));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let (Some(key), true) = (self.key, self.is_set) else { return };
        let Some(shared) = self.shared.upgrade() else { return };
        let waker = shared.lock().timers.0.remove(&key);
        drop(waker); // after the unlock
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.key.map(|(due, _)| Duration::from_nanos(due));
        f.debug_struct("Sleep").field("due", &due).finish_non_exhaustive()
    }
}
