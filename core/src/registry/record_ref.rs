//! A counted reference to a record: it is used again only when nobody refers to it.

use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::shard::{Locked, Shard};
use super::{Registry, TaskRef};
use crate::clock::Stamp;
use crate::event::{Reason, ShutdownEvent};
use crate::sync::Arc;
use crate::task::{Flags, Grace, Life, Name, Outcome, Registration, TaskId, TaskState};
use crate::waiters::{NIL, WakerId};

/// Where a record lies: a shard, and an index in that.
#[derive(Clone, Copy)]
pub(crate) struct Slot(u32);

impl Slot {
    pub(super) fn new(shard: usize, index: u32) -> Self {
        Self(index * SHARDS as u32 + shard as u32)
    }

    #[inline]
    pub(super) fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    #[inline]
    pub(super) fn index(self) -> u32 {
        self.0 / SHARDS as u32
    }
}

/// How many parts a registry has: so many threads do not meet.
pub(super) const SHARDS: usize = 4;

pub(crate) struct RecordRef {
    registry: Arc<Registry>,
    slot: Slot,
}

impl RecordRef {
    /// Takes over a reference that was counted when the record was opened or found.
    pub(crate) fn new(registry: Arc<Registry>, slot: Slot) -> Self {
        Self { registry, slot }
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    #[inline]
    pub(crate) fn at(&self) -> RecordAt<'_> {
        RecordAt { registry: &self.registry, slot: self.slot }
    }

    #[inline]
    pub(crate) fn flags(&self) -> Flags {
        self.at().flags()
    }

    /// Tells whether the grace is over, and is longer in no case then: `cancel_overrun` follows.
    pub(crate) fn overrun_if(&self, is_over: impl FnOnce(Option<Duration>) -> bool) -> bool {
        let index = self.at().index();
        let mut locked = self.at().lock();
        let is_over = is_over(locked.record(index).grace.get());
        if is_over {
            locked.raise(index, Flags::CANCELLED | Flags::OVERRUN);
        }
        is_over
    }

    /// How long the task has lived, or lived: since it first waited, or was first listed.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.age_at(self.registry.clock().stamp_of(now))
    }

    pub(super) fn age_at(&self, now: Stamp) -> Duration {
        self.at().lock().record(self.at().index()).age(now)
    }

    /// Asks for the body to be dropped. Tells whether the task was still live.
    pub(crate) fn cancel(&self) -> bool {
        self.at().demand(Flags::CANCELLED)
    }

    /// As `cancel`, because the grace is over.
    pub(crate) fn cancel_overrun(&self) -> bool {
        self.at().demand(Flags::CANCELLED | Flags::OVERRUN)
    }

    /// As `cancel`, protected or not, because the overall deadline is over.
    pub(crate) fn force(&self) -> bool {
        self.at().demand(Flags::CANCELLED | Flags::OVERRUN | Flags::FORCED)
    }
}

impl Clone for RecordRef {
    fn clone(&self) -> Self {
        self.at().refer()
    }
}

impl Drop for RecordRef {
    fn drop(&mut self) {
        let at = self.at();
        let left = at.lock().release(at.index());
        if left.is_some() {
            // An error or a payload may have a destructor that panics; whoever drops the last
            // reference, a loop perhaps, is not to blame for it.
            let _ = crate::wake::drop_caught(left);
        }
    }
}

/// A record that somebody else has counted a reference to.
#[derive(Clone, Copy)]
pub(crate) struct RecordAt<'a> {
    registry: &'a Arc<Registry>,
    slot: Slot,
}

impl<'a> RecordAt<'a> {
    pub(crate) fn new(registry: &'a Arc<Registry>, slot: Slot) -> Self {
        Self { registry, slot }
    }

    #[inline]
    fn shard(self) -> &'a Shard {
        &self.registry.shards[self.slot.shard()]
    }

    #[inline]
    pub(super) fn index(self) -> u32 {
        self.slot.index()
    }

    pub(super) fn slot(self) -> Slot {
        self.slot
    }

    pub(super) fn registry(self) -> &'a Arc<Registry> {
        self.registry
    }

    #[inline]
    pub(super) fn lock(self) -> Locked<'a> {
        self.shard().lock()
    }

    /// A reference of one's own.
    pub(crate) fn refer(self) -> RecordRef {
        self.lock().record(self.index()).references += 1;
        RecordRef::new(Arc::clone(self.registry), self.slot)
    }

    #[inline]
    pub(crate) fn flags(self) -> Flags {
        self.shard().flags(self.index())
    }

    pub(crate) fn id(self) -> TaskId {
        self.lock().record(self.index()).id
    }

    pub(crate) fn name(self) -> Option<Name> {
        self.lock().record(self.index()).name.clone()
    }

    pub(crate) fn spawned_at(self) -> &'static Location<'static> {
        // A record that somebody refers to has its place: the fallback is never taken.
        let spawned_at = self.lock().record(self.index()).spawned_at;
        spawned_at.unwrap_or_else(|| Location::caller())
    }

    /// Its own, if it has one.
    pub(crate) fn grace(self) -> Option<Duration> {
        self.lock().record(self.index()).grace.get()
    }

    pub(crate) fn outcome(self) -> Option<Outcome> {
        self.lock().record(self.index()).outcome()
    }

    pub(crate) fn state(self) -> TaskState {
        let mut locked = self.lock();
        let (flags, is_stopping) = (self.flags(), locked.is_stopping());
        let event = locked.record(self.index()).event();
        drop(locked);
        if flags.is_finished() {
            TaskState::Finished
        } else if flags.is_cancelled() {
            TaskState::Cancelling
        } else if flags.is_queued() {
            TaskState::Queued
        } else if is_stopping || flags.is_stopped() || event.is_some_and(|event| event.is_set()) {
            TaskState::Stopping
        } else {
            TaskState::Running
        }
    }

    /// The event as this task sees it: below its scope's, and set by its own stop.
    pub(crate) fn event(self, scope: &ShutdownEvent) -> ShutdownEvent {
        let made = self.lock().record(self.index()).event();
        if let Some(event) = made {
            return event;
        }
        let fresh = scope.child();
        let mut locked = self.lock();
        let event = match &mut locked.record(self.index()).life {
            Life::Live { event, .. } => event.get_or_insert_with(|| fresh.clone()).clone(),
            _ => fresh.clone(),
        };
        drop(locked);
        // A stop that came before found no event to set; one that comes later finds this one,
        // because it raises its flag before it looks.
        if self.flags().is_stopped() {
            let _ = event.trigger().set(Reason::Requested);
        }
        event
    }

    /// Asks the task to end by itself. Tells whether it was still live.
    pub(crate) fn stop(self, reason: Reason) -> bool {
        let mut locked = self.lock();
        let before = locked.raise(self.index(), Flags::STOPPED);
        let event = locked.record(self.index()).event();
        // When its scope stops, the observers hear of all that live at once.
        let is_first = !before.is_stopped() && !before.is_finished() && !locked.is_stopping();
        drop(locked);
        if is_first && !self.registry.observers.is_empty() {
            self.registry.observers.task_stopped(&TaskRef::new(self.refer()));
        }
        if let Some(event) = event {
            // Set before: the task knows.
            let _ = event.trigger().set(reason);
        }
        !before.is_finished()
    }

    fn demand(self, bits: u32) -> bool {
        let mut locked = self.lock();
        let before = locked.raise(self.index(), bits);
        let waker = match &mut locked.record(self.index()).life {
            Life::Live { waker, .. } => waker.take(), // record, invariant 3
            _ => None,
        };
        drop(locked);
        if before.is_finished() {
            return false;
        }
        if before.is_blocking() {
            self.stop(Reason::Requested); // all that a thread can be told
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Stores how to have the tracked future polled again (record, invariant 3), and when it was
    /// first known to go on living.
    pub(crate) fn store_waker(self, waker: Waker, first: FirstPoll) {
        // Foreign code: before the lock.
        let now = (first == FirstPoll::Yes).then(|| self.registry.clock().stamp());
        let mut locked = self.lock();
        let record = locked.record(self.index());
        if let Some(now) = now {
            record.since = record.since.or(now);
        }
        let old = match &mut record.life {
            Life::Live { waker: slot, .. } => slot.replace(waker),
            _ => Some(waker),
        };
        drop(locked);
        drop(old);
    }

    /// Has the grace be longer, and tells by how much; `None` if the body is to be dropped.
    ///
    /// Under the lock under which [`overrun_if`](RecordRef::overrun_if) looks: who was granted more
    /// is not cut before that is over. `extend` only computes.
    pub(crate) fn extend_grace(
        self,
        extend: impl FnOnce(Option<Duration>) -> (Duration, Duration),
    ) -> Option<Duration> {
        let mut locked = self.lock();
        if self.flags().is_cancelled() {
            return None;
        }
        let record = locked.record(self.index());
        let (grace, more) = extend(record.grace.get());
        record.grace = Grace::of(grace);
        Some(more)
    }

    pub(crate) fn protect(self) {
        self.lock().update(self.index(), Flags::protected_once_more);
    }

    pub(crate) fn unprotect(self) {
        self.lock().update(self.index(), Flags::protected_once_less);
    }

    /// The handle is gone, or has read the outcome. Tells whether the outcome stood already.
    pub(crate) fn drop_handle(self) -> bool {
        let before = self.lock().update(self.index(), |flags| flags.without(Flags::HANDLE));
        before.has_handle() && before.is_finished()
    }

    /// Waits for the outcome.
    ///
    /// No wake-up is lost: settling raises `FINISHED` and takes the waiters in one locked section,
    /// and a waiter registers and looks in one.
    pub(crate) fn poll_finished(self, me: &mut Registration, waker: &Waker) -> Poll<Outcome> {
        let flags = self.flags();
        if flags.is_completed() {
            me.key = NIL;
            return Poll::Ready(Outcome::Completed);
        }
        let id = WakerId::of(waker);
        if !flags.is_finished() && me.key != NIL && me.waker == id {
            return Poll::Pending;
        }
        let waker = waker.clone();
        let mut locked = self.lock();
        if let Some(outcome) = locked.record(self.index()).outcome() {
            drop(locked);
            me.key = NIL;
            return Poll::Ready(outcome);
        }
        let (waiters, record) = locked.waiters(self.index());
        let old = if me.key == NIL {
            me.key = waiters.insert(&mut record.finished, waker);
            None
        } else {
            waiters.replace(me.key, waker)
        };
        drop(locked);
        drop(old);
        me.waker = id;
        Poll::Pending
    }

    #[inline]
    pub(crate) fn forget_waiter(self, me: &mut Registration) {
        if me.key != NIL {
            self.remove_waiter(me);
        }
    }

    fn remove_waiter(self, me: &mut Registration) {
        let mut locked = self.lock();
        // Once finished, every waiter was taken and the key is nobody's.
        let (waiters, record) = locked.waiters(self.index());
        let waker = match record.life {
            Life::Live { .. } => waiters.remove(&mut record.finished, me.key),
            _ => None,
        };
        drop(locked);
        drop(waker);
        me.key = NIL;
    }

    #[inline]
    pub(crate) fn settle(self, outcome: Outcome) {
        self.registry.settle(self, outcome);
    }
}

/// Whether a task has just been polled for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    Yes,
    No,
}
