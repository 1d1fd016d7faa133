//! A counted reference to a record: it is used again only when nobody refers to it.

use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::shard::{Locked, Shard};
use super::slab::shard_and_index;
use super::words::Word;
use super::{Registry, TaskRef};
use crate::clock::Stamp;
use crate::event::{Reason, ShutdownEvent};
use crate::polls::{PollKey, Polled};
use crate::sync::Arc;
use crate::task::{Flags, Grace, Life, Name, Outcome, Registration, TaskId, TaskState};
use crate::waiters::NIL;

/// Where a record lies: its word, which knows the shard, and the index in that.
#[derive(Clone, Copy)]
pub(crate) struct Slot(&'static Word);

impl Slot {
    #[inline]
    pub(super) fn new(word: &'static Word) -> Self {
        Self(word)
    }

    /// Tells it from the others of its registry.
    pub(super) fn number(self) -> u32 {
        self.0.number()
    }

    #[inline]
    pub(super) fn shard(self) -> usize {
        shard_and_index(self.0.number()).0
    }

    #[inline]
    pub(super) fn index(self) -> u32 {
        shard_and_index(self.0.number()).1
    }
}

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
        RecordAt::new(&self.registry, self.slot)
    }

    #[inline]
    pub(crate) fn flags(&self) -> Flags {
        self.at().flags()
    }

    /// Tells whether both refer to one task.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.slot.0, other.slot.0)
    }

    /// The registry of the scope that this is, while it lives.
    pub(crate) fn below(&self) -> Option<Arc<Registry>> {
        self.at().below()
    }

    /// Tells whether the grace is over, and is longer in no case then: `cancel_overrun` follows.
    pub(crate) fn overrun_if(&self, is_over: impl FnOnce(Option<Duration>) -> bool) -> bool {
        let mut locked = self.at().lock();
        let is_over = is_over(locked.record(self.slot.index()).grace.get());
        if is_over {
            self.slot.0.raise(Flags::CANCELLED | Flags::OVERRUN);
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
    #[inline]
    fn drop(&mut self) {
        let before = self.slot.0.release();
        if before.references() == 1 && before.keeps() {
            self.at().clear();
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
    #[inline]
    pub(crate) fn new(registry: &'a Arc<Registry>, slot: Slot) -> Self {
        Self { registry, slot }
    }

    #[inline]
    fn shard(self) -> &'a Shard {
        self.registry.shards.at(self.slot.shard())
    }

    #[inline]
    pub(super) fn index(self) -> u32 {
        self.slot.index()
    }

    pub(crate) fn slot(self) -> Slot {
        self.slot
    }

    #[inline]
    pub(super) fn word(self) -> &'static Word {
        self.slot.0
    }

    pub(super) fn registry(self) -> &'a Arc<Registry> {
        self.registry
    }

    #[inline]
    pub(super) fn lock(self) -> Locked<'a> {
        self.shard().lock()
    }

    /// Drops what the record kept, when the last reference is gone.
    #[cold]
    fn clear(self) {
        let held = self.lock().clear(self.index());
        // An error or a payload may have a destructor that panics; whoever drops the last
        // reference, a loop perhaps, is not to blame for it.
        let _ = crate::wake::drop_caught(held);
    }

    /// A reference of one's own.
    pub(crate) fn refer(self) -> RecordRef {
        self.word().refer();
        RecordRef::new(Arc::clone(self.registry), self.slot)
    }

    #[inline]
    pub(crate) fn flags(self) -> Flags {
        self.word().read()
    }

    pub(super) fn below(self) -> Option<Arc<Registry>> {
        self.registry.below.get(self.slot)
    }

    fn poll_key(self) -> PollKey {
        PollKey::of(self.word().address())
    }

    /// Marks the task as being polled on this thread, while what is returned lives.
    #[inline]
    pub(crate) fn begin_poll(self) -> Polled<'a> {
        self.registry.polls.begin(super::this_thread(), self.poll_key())
    }

    /// Tells whether the task is being polled at this moment.
    pub(crate) fn is_polled(self) -> bool {
        self.registry.polls.has(self.poll_key())
    }

    /// Has the task settle under the lock, which is held, if it lives (record, invariant 5). Tells
    /// whether it does.
    fn attend(self, _locked: &Locked<'_>) -> bool {
        self.word().raise(Flags::ATTENDED).is_live()
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
        let flags = self.flags();
        if flags.is_completed() {
            return Some(Outcome::Completed);
        }
        if flags.is_finished() { self.lock().outcome(self.index()) } else { None }
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
        let is_live = self.attend(&locked);
        let event = match &mut locked.record(self.index()).life {
            Life::Live { event, .. } if is_live => {
                event.get_or_insert_with(|| fresh.clone()).clone()
            }
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
        let before = self.word().raise(Flags::STOPPED);
        let event = locked.record(self.index()).event();
        // When its scope stops, the observers hear of all that live at once.
        let is_first = !before.is_stopped() && !before.is_finished() && !locked.is_stopping();
        drop(locked);
        if is_first && self.registry.listener.hears() {
            self.registry.listener.task_stopped(&TaskRef::new(self.refer()));
        }
        if let Some(event) = event {
            // Set before: the task knows.
            let _ = event.trigger().set(reason);
        }
        if before.is_scope() && !before.is_finished() {
            if let Some(inner) = self.below() {
                inner.close_tree();
            }
        }
        !before.is_finished()
    }

    fn demand(self, bits: u32) -> bool {
        let before = self.demand_alone(bits);
        if before.is_finished() {
            return false;
        }
        if before.is_scope() && !before.has_all(bits) {
            if let Some(inner) = self.below() {
                inner.demand_all(bits);
            }
        }
        true
    }

    /// As `demand`, without what lies in a scope; returns the flags before.
    pub(super) fn demand_alone(self, bits: u32) -> Flags {
        let mut locked = self.lock();
        let before = self.word().raise(bits);
        let waker = match &mut locked.record(self.index()).life {
            Life::Live { waker, .. } => waker.take(), // record, invariant 3
            _ => None,
        };
        drop(locked);
        if before.is_finished() {
            return before;
        }
        if before.is_blocking() {
            self.stop(Reason::Requested); // all that a thread can be told
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        before
    }

    /// Stores how to have the tracked future polled again (record, invariant 3), and when it was
    /// first known to go on living.
    pub(crate) fn store_waker(self, waker: Waker, first: FirstPoll) {
        // Foreign code: before the lock.
        let now = (first == FirstPoll::Yes).then(|| self.registry.clock().stamp());
        let mut locked = self.lock();
        let is_live = self.attend(&locked);
        let record = locked.record(self.index());
        if let Some(now) = now {
            record.since = record.since.or(now);
        }
        let old = match &mut record.life {
            Life::Live { waker: slot, .. } if is_live => slot.replace(waker),
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
        self.word().update(Flags::protected_once_more);
    }

    pub(crate) fn unprotect(self) {
        self.word().update(Flags::protected_once_less);
    }

    /// The handle is gone, or has read the outcome. Tells whether the outcome stood already.
    pub(crate) fn drop_handle(self) -> bool {
        let before = self.word().lower(Flags::HANDLE);
        before.has_handle() && before.is_finished()
    }

    /// Waits for the outcome.
    ///
    /// No wake-up is lost: settling raises `FINISHED` and takes the waiters in one locked section,
    /// and a waiter looks and registers in one (record, invariant 5).
    pub(crate) fn poll_finished(self, me: &mut Registration, waker: &Waker) -> Poll<Outcome> {
        if self.flags().is_completed() {
            me.key = NIL;
            return Poll::Ready(Outcome::Completed);
        }
        if me.is_registered() && self.is_registered(me, waker) {
            return Poll::Pending;
        }
        // Foreign code: before the lock.
        let waker = waker.clone();
        let mut locked = self.lock();
        if !self.attend(&locked) {
            let outcome = locked.outcome(self.index());
            drop(locked);
            me.key = NIL;
            // There is one: it is written in the section in which the task ends.
            return Poll::Ready(outcome.unwrap_or(Outcome::Completed));
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
        Poll::Pending
    }

    /// Whether the task lives, and wakes this waker at its end.
    fn is_registered(self, me: &Registration, waker: &Waker) -> bool {
        let mut locked = self.lock();
        let (waiters, _) = locked.waiters(self.index());
        waiters.will_wake(me.key, waker) && !self.flags().is_finished()
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
        let is_finished = self.flags().is_finished();
        let (waiters, record) = locked.waiters(self.index());
        let waker = if is_finished { None } else { waiters.remove(&mut record.finished, me.key) };
        drop(locked);
        drop(waker);
        me.key = NIL;
    }

    pub(crate) fn settle(self, outcome: Outcome) {
        if matches!(outcome, Outcome::Completed) {
            self.complete();
        } else {
            self.registry.settle(self, outcome);
        }
    }

    /// As `settle`, of a body that has returned a value.
    #[inline]
    pub(crate) fn complete(self) {
        // In one step, if nobody attends to the task (record, invariant 5).
        match self.word().complete_unattended() {
            Some(before) if before.references() == 1 && before.keeps() => self.clear(),
            Some(_) => {}
            None => self.registry.complete(self),
        }
    }
}

/// Whether a task has just been polled for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    Yes,
    No,
}
