//! Where a record lies, and references to it: it is used again only when nobody refers to it.

mod demand;
mod ending;

pub(crate) use demand::FirstPoll;

use std::panic::Location;
use std::time::{Duration, Instant};

use super::Registry;
use super::shard::{Locked, Shard};
use super::slab::shard_and_index;
use super::words::Word;
use crate::clock::Stamp;
use crate::event::{Reason, ShutdownEvent};
use crate::polls::{PollKey, Polled};
use crate::sync::Arc;
use crate::task::{Flags, Life, Name, Outcome, TaskId, TaskState};

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

    /// Tells whether the grace is over, and is longer in no case then: `cancel_overrun` follows. Of
    /// several that find so at one moment, one is told.
    pub(crate) fn overrun_if(&self, is_over: impl FnOnce(Option<Duration>) -> bool) -> bool {
        let mut locked = self.at().lock();
        is_over(locked.record(self.slot.index()).grace.get())
            && !self.slot.0.raise(Flags::CANCELLED | Flags::OVERRUN).overran()
    }

    /// How long the task has lived, or lived; see [`TaskRef::age`](super::TaskRef::age).
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.age_at(self.registry.clock().stamp_of(now))
    }

    pub(super) fn age_at(&self, now: Stamp) -> Duration {
        let mut locked = self.at().lock();
        let record = locked.record(self.slot.index());
        if self.flags().is_completed() {
            record.note_end(now); // settling has taken what it held
        }
        record.age(now)
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
        if self.slot.0.release().is_last_of_kept() {
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

    /// As [`begin_poll`](Self::begin_poll), of a tracked future.
    #[inline]
    pub(crate) fn begin_poll_tracked(self) -> Polled<'a> {
        self.registry.polls.begin_tracked(super::this_thread(), self.poll_key())
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
                event.get_or_insert_with(|| Box::new(fresh.clone())).as_ref().clone()
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
}
