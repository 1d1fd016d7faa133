//! The tasks that a scope remembers after their end: the last few, for reading.

use std::collections::VecDeque;

use super::{Core, RecordAt, RecordRef, Registry, Slot, raised_for};
use crate::sync::{Arc, lock};
use crate::task::Flags;
use crate::wake::drop_caught;

/// Slots of finished tasks, the one that ended first in front. Each holds a reference to its record.
#[derive(Default)]
pub(super) struct Kept {
    limit: usize,
    slots: VecDeque<Slot>,
}

impl Kept {
    /// Returns those that are too many now.
    fn set_limit(&mut self, limit: usize) -> Vec<Slot> {
        self.limit = limit;
        let too_many = self.slots.len().saturating_sub(limit);
        self.slots.drain(..too_many).collect()
    }

    /// Returns the one that has to go: the oldest, or this one where none is kept.
    fn push(&mut self, slot: Slot) -> Option<Slot> {
        self.slots.push_back(slot);
        if self.slots.len() > self.limit { self.slots.pop_front() } else { None }
    }
}

impl Registry {
    /// From now on the last `count` tasks are kept when they have ended.
    pub(crate) fn keep_finished(self: &Arc<Self>, count: usize) {
        // Over both steps, so that the limit and the flags are of one call, if two meet.
        let mut kept = lock(&self.kept);
        // A listed task does not take the short way out, which keeps nothing.
        let mut shards = self.lock_all();
        // Under the locks, under which who begins to listen raises it.
        let lowered = (Flags::LISTED | Flags::ATTENDED) & !raised_for(&*self.listener);
        for shard in shards.iter_mut() {
            if count > 0 {
                shard.raise_in_all(Flags::LISTED);
            } else {
                shard.raise_no_more(lowered);
            }
        }
        drop(shards);
        let leave = kept.set_limit(count);
        drop(kept);
        self.let_go(leave);
    }

    /// How many are kept at the most, for models.
    #[cfg(all(test, loom))]
    pub(super) fn kept_limit(&self) -> usize {
        lock(&self.kept).limit
    }

    /// The finished tasks that are kept, the one that ended first in front.
    pub(crate) fn finished(self: &Arc<Self>) -> Vec<RecordRef> {
        let kept = lock(&self.kept);
        // Under the lock, so that nobody gives a slot up before it has this reference too.
        let slots = kept.slots.iter().copied();
        let records = slots.map(|slot| RecordAt::new(self, slot).refer()).collect::<Vec<_>>();
        drop(kept);
        // One is kept a moment before its outcome stands.
        records.into_iter().filter(|record| record.flags().is_finished()).collect()
    }

    /// Forgets what is kept; tells how many that were.
    pub(crate) fn purge(self: &Arc<Self>) -> usize {
        let slots = std::mem::take(&mut lock(&self.kept).slots);
        let count = slots.len();
        self.let_go(slots);
        count
    }

    /// Keeps a task that is about to settle, if the scope keeps any.
    pub(super) fn keep(self: &Arc<Self>, task: RecordAt<'_>) {
        // As all are while any are kept; a snapshot lists tasks, too.
        if !task.flags().is_listed() || lock(&self.kept).limit == 0 {
            return;
        }
        task.word().refer();
        let leaves = lock(&self.kept).push(task.slot());
        self.let_go(leaves);
    }

    /// Gives up the references of slots that are no longer kept.
    fn let_go(self: &Arc<Self>, slots: impl IntoIterator<Item = Slot>) {
        slots.into_iter().for_each(|slot| drop(RecordRef::new(Arc::clone(self), slot)));
    }
}

impl Core {
    /// What is kept may hold errors whose destructors panic; whoever drops the registry is not to
    /// blame.
    pub(super) fn drop_kept(&mut self) {
        let slots = std::mem::take(&mut lock(&self.kept).slots);
        for slot in slots {
            let held = self.shards.at(slot.shard()).lock().release(slot.index());
            let _ = drop_caught(held);
        }
    }
}
