//! The record of one task: its flags, who waits for its end, and how it ended.
//!
//! Invariants, cited below:
//! 1. Exactly one settles: whoever runs or drops the tracked future, once, after the body is gone.
//! 2. `FINISHED` is raised inside the lock that guards `outcome`; who sees it finds the outcome.
//! 3. Whoever raises `CANCELLED` then takes the loop's waker under the lock; the tracked future
//!    stores its waker under the lock and then reads the flags. So one of them sees the other.
//! 4. A failure is reported by exactly one of two: settling reports unless it sees `HANDLE`; the
//!    handle's drop reports if it sees `FINISHED`. Both are read-modify-writes of one word, so the
//!    later one sees the earlier.

use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::{Name, Outcome, TaskId};
use crate::event::{Reason, ShutdownEvent};
use crate::sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock};
use crate::waiters::{Head, NIL, Waiters, WakerId, WakerSlot};

/// What is known of a task when it is spawned.
pub(crate) struct Entry {
    pub(crate) id: TaskId,
    pub(crate) name: Option<Name>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) since: Instant,
    /// `None`: the scope's.
    pub(crate) grace: Option<Duration>,
}

/// The bits of a record's state, and the count of its protected blocks above them.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    /// The task itself was asked to stop. Set by anyone, stays.
    const STOPPED: u32 = 1;
    /// The body is to be dropped. Set by anyone, stays.
    const CANCELLED: u32 = 1 << 1;
    /// The body is to be dropped though it is protected. Set at the overall deadline, stays.
    const FORCED: u32 = 1 << 2;
    /// The outcome stands. Set once, by who settles (invariant 2).
    const FINISHED: u32 = 1 << 3;
    /// A `Task<T>` may still read the value. Set before the spawn, cleared by the handle.
    pub(crate) const HANDLE: u32 = 1 << 4;
    /// A closure on a thread of its own, which cannot be dropped once it runs. Set before the spawn.
    pub(crate) const BLOCKING: u32 = 1 << 5;
    /// On stop the task is cancelled at once, and that is clean. Set before the spawn.
    pub(crate) const CANCEL_ON_STOP: u32 = 1 << 6;
    /// A stop overran the task's grace. Set by the stopping scope.
    const OVERRUN: u32 = 1 << 7;
    /// One protected block; the higher bits count them.
    const PROTECT: u32 = 1 << 8;

    fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    pub(crate) fn is_stopped(self) -> bool {
        self.has(Self::STOPPED)
    }

    pub(crate) fn is_cancelled(self) -> bool {
        self.has(Self::CANCELLED)
    }

    pub(crate) fn is_finished(self) -> bool {
        self.has(Self::FINISHED)
    }

    pub(crate) fn is_blocking(self) -> bool {
        self.has(Self::BLOCKING)
    }

    pub(crate) fn cancels_on_stop(self) -> bool {
        self.has(Self::CANCEL_ON_STOP)
    }

    pub(crate) fn is_forced(self) -> bool {
        self.has(Self::FORCED)
    }

    pub(crate) fn overran(self) -> bool {
        self.has(Self::OVERRUN)
    }

    pub(crate) fn has_handle(self) -> bool {
        self.has(Self::HANDLE)
    }

    /// Whether the body must be dropped now.
    pub(crate) fn must_end(self) -> bool {
        self.has(Self::CANCELLED) && (self.0 < Self::PROTECT || self.has(Self::FORCED))
    }
}

pub(crate) struct Record {
    flags: AtomicU32,
    cold: Mutex<Cold>,
}

#[derive(Default)]
struct Cold {
    entry: Option<Entry>,
    /// How to have the tracked future polled.
    waker: WakerSlot,
    waiters: Waiters,
    finished: Head,
    /// The task's own view of the shutdown event, made when it is first asked for.
    event: Option<ShutdownEvent>,
    outcome: Option<Outcome>,
    ended: Option<Instant>,
}

/// What a waiter for the end remembers between polls.
pub(crate) struct Registration {
    key: u32,
    waker: WakerId,
}

impl Registration {
    pub(crate) const NONE: Self = Self { key: NIL, waker: WakerId::NONE };
}

/// What settling took out of the record: to be woken or dropped after the unlock.
pub(crate) struct Finish {
    pub(crate) waiters: Vec<Waker>,
    /// Nobody holds a handle that would hear of the outcome.
    pub(crate) unheard: bool,
    _loop_waker: Option<Waker>,
    _event: Option<ShutdownEvent>,
}

impl Record {
    pub(crate) fn empty() -> Self {
        Self { flags: AtomicU32::new(0), cold: Mutex::new(Cold::default()) }
    }

    /// Begins a new life of this record.
    pub(crate) fn open(&self, entry: Entry, flags: u32) {
        {
            let mut cold = lock(&self.cold);
            (cold.entry, cold.ended) = (Some(entry), None);
        }
        // Release: who sees these flags finds the entry.
        self.flags.store(flags, Ordering::Release);
    }

    /// Ends this life; what it held is for the caller to drop, after its own unlock.
    pub(crate) fn close(&self) -> impl Sized {
        let mut cold = lock(&self.cold);
        (cold.entry.take(), cold.outcome.take(), cold.event.take())
    }

    /// Acquire pairs with the Release of every writer: who sees a flag sees what led to it.
    pub(crate) fn flags(&self) -> Flags {
        Flags(self.flags.load(Ordering::Acquire))
    }

    /// AcqRel: see `flags`; a read-modify-write because two may meet on one word (invariant 4).
    fn raise(&self, bits: u32) -> Flags {
        Flags(self.flags.fetch_or(bits, Ordering::AcqRel))
    }

    /// Reads the entry; `read` runs under the lock and only copies.
    pub(crate) fn with_entry<R>(&self, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        lock(&self.cold).entry.as_ref().map(read)
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        lock(&self.cold).outcome.clone()
    }

    /// How long the task has lived, or lived.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        let cold = lock(&self.cold);
        let end = cold.ended.unwrap_or(now);
        cold.entry.as_ref().map_or(Duration::ZERO, |e| end.saturating_duration_since(e.since))
    }

    /// The event as this task sees it: below its scope's, and set by its own stop.
    pub(crate) fn event(&self, scope: &ShutdownEvent) -> ShutdownEvent {
        if let Some(event) = &lock(&self.cold).event {
            return event.clone();
        }
        let fresh = scope.child();
        let event = {
            let mut cold = lock(&self.cold);
            cold.event.get_or_insert_with(|| fresh.clone()).clone()
        };
        // A stop that came before found no event to set; one that comes later finds this one,
        // because it raises its flag before it looks.
        if self.flags().is_stopped() {
            let _ = event.trigger().set(Reason::Requested);
        }
        event
    }

    /// Asks the task to end by itself. Tells whether it was still live.
    pub(crate) fn stop(&self, reason: Reason) -> bool {
        let before = self.raise(Flags::STOPPED);
        let event = lock(&self.cold).event.clone();
        if let Some(event) = event {
            // Set before: the task knows.
            let _ = event.trigger().set(reason);
        }
        !before.is_finished()
    }

    /// Asks for the body to be dropped. Tells whether the task was still live.
    pub(crate) fn cancel(&self) -> bool {
        self.demand(Flags::CANCELLED)
    }

    /// Has the grace be longer, and tells by how much; `None` if the body is to be dropped.
    ///
    /// Under the lock under which [`overrun_if`](Self::overrun_if) looks: who was granted more is
    /// not cut before that is over. `extend` only computes.
    pub(crate) fn extend_grace(
        &self,
        extend: impl FnOnce(Option<Duration>) -> (Duration, Duration),
    ) -> Option<Duration> {
        let mut cold = lock(&self.cold);
        if self.flags().is_cancelled() {
            return None;
        }
        let entry = cold.entry.as_mut()?;
        let (grace, more) = extend(entry.grace);
        entry.grace = Some(grace);
        Some(more)
    }

    /// Tells whether the grace is over, and is longer in no case then: `cancel_overrun` follows.
    pub(crate) fn overrun_if(&self, is_over: impl FnOnce(Option<Duration>) -> bool) -> bool {
        let cold = lock(&self.cold);
        let is_over = is_over(cold.entry.as_ref().and_then(|entry| entry.grace));
        if is_over {
            self.raise(Flags::CANCELLED | Flags::OVERRUN);
        }
        is_over
    }

    /// As `cancel`, because the grace is over.
    pub(crate) fn cancel_overrun(&self) -> bool {
        self.demand(Flags::CANCELLED | Flags::OVERRUN)
    }

    /// As `cancel`, protected or not, because the overall deadline is over.
    pub(crate) fn force(&self) -> bool {
        self.demand(Flags::CANCELLED | Flags::OVERRUN | Flags::FORCED)
    }

    fn demand(&self, bits: u32) -> bool {
        let before = self.raise(bits);
        if before.is_finished() {
            return false;
        }
        if before.is_blocking() {
            self.stop(Reason::Requested); // all that a thread can be told
        }
        let waker = lock(&self.cold).waker.take(); // invariant 3
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Stores how to have the tracked future polled again (invariant 3).
    pub(crate) fn store_waker(&self, waker: Waker) {
        let old = lock(&self.cold).waker.replace(waker);
        drop(old);
    }

    pub(crate) fn protect(&self) {
        self.flags.fetch_add(Flags::PROTECT, Ordering::AcqRel);
    }

    pub(crate) fn unprotect(&self) {
        self.flags.fetch_sub(Flags::PROTECT, Ordering::AcqRel);
    }

    /// The handle is gone, or has read the outcome. Tells whether the outcome stood already.
    pub(crate) fn drop_handle(&self) -> bool {
        let before = Flags(self.flags.fetch_and(!Flags::HANDLE, Ordering::AcqRel));
        before.has(Flags::HANDLE) && before.is_finished()
    }

    /// Writes the outcome (invariants 1 and 2). Runs no foreign code: safe under the registry's lock.
    pub(crate) fn finish(&self, outcome: Outcome, now: Instant) -> Finish {
        let mut cold = lock(&self.cold);
        cold.outcome = Some(outcome);
        cold.ended = Some(now);
        let before = self.raise(Flags::FINISHED);
        let mut waiters = Vec::new();
        let Cold { waiters: list, finished, waker, event, .. } = &mut *cold;
        list.drain(finished, &mut waiters);
        Finish {
            waiters,
            unheard: !before.has(Flags::HANDLE),
            _loop_waker: waker.take(),
            _event: event.take(),
        }
    }

    /// Waits for the outcome.
    ///
    /// No wake-up is lost: settling raises `FINISHED` and takes the waiters in one locked section,
    /// and a waiter registers and looks in one.
    pub(crate) fn poll_finished(&self, me: &mut Registration, waker: &Waker) -> Poll<Outcome> {
        let id = WakerId::of(waker);
        if !self.flags().is_finished() && me.key != NIL && me.waker == id {
            return Poll::Pending;
        }
        let waker = waker.clone();
        let mut cold = lock(&self.cold);
        if let Some(outcome) = cold.outcome.clone() {
            drop(cold);
            me.key = NIL;
            return Poll::Ready(outcome);
        }
        let old = Self::register(&mut cold, me, waker);
        drop(cold);
        drop(old);
        me.waker = id;
        Poll::Pending
    }

    fn register(
        cold: &mut MutexGuard<'_, Cold>,
        me: &mut Registration,
        waker: Waker,
    ) -> Option<Waker> {
        let Cold { waiters, finished, .. } = &mut **cold;
        if me.key == NIL {
            me.key = waiters.insert(finished, waker);
            None
        } else {
            waiters.replace(me.key, waker)
        }
    }

    pub(crate) fn forget_waiter(&self, me: &mut Registration) {
        if me.key == NIL {
            return;
        }
        let mut cold = lock(&self.cold);
        // Once finished, every waiter was taken and the key is nobody's.
        let Cold { waiters, finished, outcome, .. } = &mut *cold;
        let waker = if outcome.is_none() { waiters.remove(finished, me.key) } else { None };
        drop(cold);
        drop(waker);
        me.key = NIL;
    }
}
