//! One of the parts of a registry: records, and all that is told of them, behind one lock.

use std::task::Waker;

use super::flag_table::FlagTable;
use super::names::Names;
use super::slab::{Held, Slab};
use crate::clock::Stamp;
use crate::event::ShutdownEvent;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::{Entry, Flags, Life, Outcome, Record, TaskId};
use crate::waiters::{Taken, Waiters};

/// Aligned, so that threads that use two shards do not share a line of the cache.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard {
    /// Written by who holds the lock.
    flags: FlagTable,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    slab: Slab,
    names: Names,
    /// Who waits for the end of a task.
    waiters: Waiters,
    live: usize,
    /// How many have ended of which the observers are still being told.
    telling: usize,
    closed: bool,
    /// Raised when the scope stops: who stops it must hear of tasks that come meanwhile.
    stopping: bool,
    /// Somebody waits for the registry to be empty.
    watched: bool,
    /// Raised in whoever comes: `LISTED` while finished tasks are kept.
    listing: u32,
    /// Tasks that wait for their names, in the order in which they came.
    successors: Vec<u32>,
}

/// A shard while its lock is held.
pub(super) struct Locked<'a> {
    flags: &'a FlagTable,
    inner: MutexGuard<'a, Inner>,
}

impl Shard {
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { flags: &self.flags, inner: lock(&self.inner) }
    }

    #[inline]
    pub(super) fn flags(&self, index: u32) -> Flags {
        self.flags.read(index)
    }
}

impl Locked<'_> {
    pub(super) fn record(&mut self, index: u32) -> &mut Record {
        self.inner.slab.get_mut(index)
    }

    pub(super) fn waiters(&mut self, index: u32) -> (&mut Waiters, &mut Record) {
        let Inner { slab, waiters, .. } = &mut *self.inner;
        (waiters, slab.get_mut(index))
    }

    /// Raises flags, and returns those before.
    pub(super) fn raise(&mut self, index: u32, bits: u32) -> Flags {
        self.update(index, |flags| flags.with(bits))
    }

    #[inline]
    pub(super) fn update(&mut self, index: u32, change: impl FnOnce(Flags) -> Flags) -> Flags {
        self.flags.update(index, change)
    }

    pub(super) fn find(&self, tag: u32, name: &[u8]) -> Option<u32> {
        let Inner { slab, names, .. } = &*self.inner;
        let has_name = |index| slab.get(index).name.as_ref().is_some_and(|n| n.as_bytes() == name);
        names.find(tag, has_name)
    }

    /// Adds a live task that two refer to: the tracked future and the handle.
    #[inline]
    pub(super) fn open(
        &mut self,
        id: TaskId,
        entry: Entry,
        tag: u32,
        since: Stamp,
        flags: u32,
    ) -> u32 {
        let Inner { slab, names, live, listing, .. } = &mut *self.inner;
        let index = slab.allocate();
        if entry.name.is_some() {
            names.insert(tag, index);
        }
        *slab.get_mut(index) = Record::new(id, entry, tag, 2, since);
        *live += 1;
        self.flags.update(index, |_| Flags::from_bits(flags | *listing));
        index
    }

    /// As `open`, of a task whose name another one has.
    pub(super) fn open_successor(&mut self, id: TaskId, entry: Entry, tag: u32, flags: u32) -> u32 {
        let Inner { slab, live, listing, successors, .. } = &mut *self.inner;
        let index = slab.allocate();
        *slab.get_mut(index) = Record::new(id, entry, tag, 2, Stamp::NONE);
        *live += 1;
        successors.push(index);
        let flags = Flags::QUEUED | flags | *listing;
        self.flags.update(index, |_| Flags::from_bits(flags));
        index
    }

    /// Who waits for the name of a task, in the order in which they came.
    pub(super) fn successors_of(&self, index: u32) -> Vec<u32> {
        let Inner { slab, successors, .. } = &*self.inner;
        let name = &slab.get(index).name;
        successors.iter().copied().filter(|&other| slab.get(other).name == *name).collect()
    }

    /// Gives the name of a task that ends to the first that waits for it, and takes its waker.
    #[cold]
    fn pass_name_on(&mut self, index: u32) -> Option<Waker> {
        let next = self.successors_of(index);
        let Inner { slab, names, successors, .. } = &mut *self.inner;
        if let Some(place) = successors.iter().position(|&other| other == index) {
            successors.remove(place); // it never had the name
            return None;
        }
        let heir = next.into_iter().find(|&other| !self.flags.read(other).is_cancelled())?;
        successors.retain(|&other| other != heir);
        let record = slab.get_mut(heir);
        names.insert(record.tag, heir);
        self.flags.update(heir, |flags| flags.without(Flags::QUEUED));
        match &mut record.life {
            Life::Live { waker, .. } => waker.take(),
            _ => None,
        }
    }

    /// Adds a task that cannot run, for its handle alone.
    pub(super) fn open_dead(&mut self, id: TaskId, entry: Entry, outcome: Outcome) -> u32 {
        let slab = &mut self.inner.slab;
        let index = slab.allocate();
        let record = slab.get_mut(index);
        *record = Record::new(id, entry, 0, 1, Stamp::NONE);
        record.life = Life::Ended { outcome, at: Stamp::NONE };
        self.flags.update(index, |_| Flags::from_bits(Flags::HANDLE | Flags::FINISHED));
        index
    }

    /// Writes the outcome (record, invariants 1 and 2), frees the name, and gives up the tracked
    /// future's reference.
    #[inline]
    pub(super) fn finish(&mut self, index: u32, outcome: Outcome, at: Stamp, left: &mut Left) {
        let completed = if matches!(outcome, Outcome::Completed) { Flags::COMPLETED } else { 0 };
        let before = self.raise(index, Flags::FINISHED | completed);
        left.unheard = !before.has_handle();
        let Inner { slab, names, waiters, live, successors, .. } = &mut *self.inner;
        let record = slab.get_mut(index);
        if record.name.is_some() {
            names.remove(record.tag, index);
        }
        waiters.drain(&mut record.finished, &mut left.waiters);
        if let Life::Live { waker, event } = &mut record.life {
            (left.waker, left.event) = (waker.take(), event.take());
        }
        record.life = Life::Ended { outcome, at };
        *live -= 1;
        if record.name.is_some() && !successors.is_empty() {
            left.waiters.extend(self.pass_name_on(index));
        }
        left.held = self.release(index);
    }

    /// Gives up a reference; with the last one the record is free, and what it held comes back to
    /// be dropped after the unlock.
    #[inline]
    pub(super) fn release(&mut self, index: u32) -> Option<Held> {
        let slab = &mut self.inner.slab;
        let record = slab.get_mut(index);
        record.references -= 1;
        if record.references > 0 { None } else { Some(slab.free(index)) }
    }

    /// Every live task with its index.
    pub(super) fn each_live(&mut self, mut each: impl FnMut(u32, &mut Record)) {
        let Inner { slab, .. } = &mut *self.inner;
        for (index, record) in slab.live() {
            self.flags.update(index, |flags| flags.with(Flags::LISTED));
            each(index, record);
        }
    }

    pub(super) fn live(&self) -> usize {
        self.inner.live
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inner.closed
    }

    pub(super) fn close(&mut self) {
        self.inner.closed = true;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stopping
    }

    /// Tells whether the stop begins now.
    pub(super) fn begin_stop(&mut self) -> bool {
        !std::mem::replace(&mut self.inner.stopping, true)
    }

    /// The live tasks that were not asked to stop, each with a reference more.
    pub(super) fn refer_unstopped(&mut self) -> Vec<u32> {
        let Inner { slab, .. } = &mut *self.inner;
        let mut unstopped = Vec::new();
        for (index, record) in slab.live() {
            if !self.flags.read(index).is_stopped() {
                record.references += 1;
                unstopped.push(index);
            }
        }
        unstopped
    }

    /// Has the scope be busy until the observers have heard of an end.
    pub(super) fn begin_telling(&mut self) {
        self.inner.telling += 1;
    }

    pub(super) fn end_telling(&mut self) {
        self.inner.telling -= 1;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.inner.live + self.inner.telling > 0
    }

    /// From now on, whoever comes has these flags too.
    pub(super) fn list_who_comes(&mut self, listing: u32) {
        self.inner.listing = listing;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.inner.watched
    }

    pub(super) fn set_watched(&mut self, watched: Watched) {
        self.inner.watched = watched == Watched::Yes;
    }
}

/// What settling took out of a record: to be woken or dropped after the unlock.
#[derive(Default)]
pub(super) struct Left {
    pub(super) waiters: Taken,
    /// Nobody holds a handle that would hear of the outcome.
    pub(super) unheard: bool,
    pub(super) waker: Option<Waker>,
    pub(super) event: Option<ShutdownEvent>,
    /// The last reference is gone.
    pub(super) held: Option<Held>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Yes,
    No,
}
