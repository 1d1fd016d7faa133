//! One of the parts of a registry: records, and all that is told of them, behind one lock.

use std::task::Waker;

use super::flag_table::{FlagTable, Word};
use super::names::{Names, Vacancy};
use super::slab::{Held, Slab};
use crate::clock::Stamp;
use crate::event::ShutdownEvent;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::{Entry, Flags, Life, Name, Outcome, Record, TaskId};
use crate::waiters::{Taken, Waiters};

/// Aligned, so that threads that use two shards do not share a line of the cache.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard {
    words: FlagTable,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    slab: Slab,
    names: Names,
    /// Who waits for the end of a task.
    waiters: Waiters,
    /// How many live; known while the shard is watched.
    live: usize,
    /// How many tasks there ever were.
    opened: u64,
    /// How many have ended of which the observers are still being told.
    telling: usize,
    closed: bool,
    /// Raised when the scope stops: who stops it must hear of tasks that come meanwhile.
    stopping: bool,
    /// Somebody waits for the registry to be empty: every live task is attended to, and counted.
    watched: bool,
    /// Raised in whoever comes: `LISTED` while finished tasks are kept.
    listing: u32,
    /// Tasks that wait for their names, in the order in which they came.
    successors: Vec<u32>,
}

/// A shard while its lock is held.
pub(super) struct Locked<'a> {
    words: &'a FlagTable,
    inner: MutexGuard<'a, Inner>,
}

impl Shard {
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { words: &self.words, inner: lock(&self.inner) }
    }

    #[inline]
    pub(super) fn word(&self, index: u32) -> &Word {
        self.words.word(index)
    }
}

impl Locked<'_> {
    pub(super) fn record(&mut self, index: u32) -> &mut Record {
        self.inner.slab.get_mut(index)
    }

    /// Tells whether a record is still that of this task.
    pub(super) fn is_record_of(&self, index: u32, id: TaskId) -> bool {
        let record = self.inner.slab.get(index);
        record.id == id && !self.words.word(index).read().is_free()
    }

    pub(super) fn waiters(&mut self, index: u32) -> (&mut Waiters, &mut Record) {
        let Inner { slab, waiters, .. } = &mut *self.inner;
        (waiters, slab.get_mut(index))
    }

    /// Raises flags, and returns those before.
    pub(super) fn raise(&mut self, index: u32, bits: u32) -> Flags {
        self.words.word(index).raise(bits)
    }

    /// Has the task settle under this lock, if it lives (record, invariant 5). Tells whether it does.
    pub(super) fn attend(&mut self, index: u32) -> Attended {
        let is_live = self.words.word(index).raise(Flags::ATTENDED).is_live();
        if is_live { Attended::Live } else { Attended::Ended }
    }

    pub(super) fn refer(&mut self, index: u32) {
        self.words.word(index).refer();
    }

    /// How a task ended, if it has.
    pub(super) fn outcome(&mut self, index: u32) -> Option<Outcome> {
        let flags = self.words.word(index).read();
        let kept = self.record(index).kept_outcome();
        kept.or_else(|| flags.is_completed().then_some(Outcome::Completed))
    }

    pub(super) fn find(&self, tag: u32, name: &[u8]) -> Option<u32> {
        let Inner { slab, names, .. } = &*self.inner;
        let has_name = |index| slab.get(index).name.as_ref().is_some_and(|n| n.as_bytes() == name);
        names.find(tag, has_name)
    }

    /// Finds out where the index has room for a name, unless a live task has it.
    #[inline]
    pub(super) fn vacancy(&mut self, tag: u32, name: &[u8]) -> Option<Vacancy> {
        let Inner { slab, names, .. } = &mut *self.inner;
        let has_name = |index| slab.get(index).name.as_ref().is_some_and(|n| n.as_bytes() == name);
        names.vacancy(tag, has_name)
    }

    /// Adds a live task that two refer to: the tracked future and the handle.
    #[inline]
    pub(super) fn open(&mut self, id: TaskId, entry: &mut Entry, since: Stamp, flags: u32) -> u32 {
        let index = self.inner.slab.allocate(self.words);
        self.open_at(index, id, entry, 0, since, flags);
        index
    }

    /// As `open`, of a task with a name, for which there is room in the index.
    #[inline]
    pub(super) fn open_named(
        &mut self,
        id: TaskId,
        entry: &mut Entry,
        vacancy: Vacancy,
        since: Stamp,
        mut flags: u32,
    ) -> u32 {
        let index = self.inner.slab.allocate(self.words);
        let tag = vacancy.tag();
        self.inner.names.fill(vacancy, index);
        flags |= Flags::ATTENDED;
        if entry.name.as_ref().is_some_and(Name::is_on_the_heap) {
            flags |= Flags::KEEPS;
        }
        self.open_at(index, id, entry, tag, since, flags);
        index
    }

    #[inline]
    fn open_at(
        &mut self,
        index: u32,
        id: TaskId,
        entry: &mut Entry,
        tag: u32,
        since: Stamp,
        mut flags: u32,
    ) {
        let Inner { slab, live, opened, watched, listing, .. } = &mut *self.inner;
        *opened += 1;
        flags |= *listing;
        if *watched {
            flags |= Flags::ATTENDED;
            *live += 1;
        }
        slab.get_mut(index).open(id, entry, tag, since);
        self.words.word(index).open(flags, 2);
    }

    /// As `open`, of a task whose name another one has.
    pub(super) fn open_successor(
        &mut self,
        id: TaskId,
        entry: &mut Entry,
        tag: u32,
        flags: u32,
    ) -> u32 {
        let index = self.inner.slab.allocate(self.words);
        self.inner.successors.push(index);
        let flags = flags | Flags::QUEUED | Flags::ATTENDED | Flags::KEEPS;
        self.open_at(index, id, entry, tag, Stamp::NONE, flags);
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
        let is_cancelled = |other: u32| self.words.word(other).read().is_cancelled();
        let heir = next.into_iter().find(|&other| !is_cancelled(other))?;
        successors.retain(|&other| other != heir);
        let record = slab.get_mut(heir);
        names.insert(record.tag, heir);
        self.words.word(heir).lower(Flags::QUEUED);
        match &mut record.life {
            Life::Live { waker, .. } => waker.take(),
            _ => None,
        }
    }

    /// Has a task begin that waits for its turn, and takes its waker, which it may not have stored
    /// yet. `None`: it is cancelled, and never begins.
    pub(super) fn begin_turn(&mut self, index: u32) -> Option<Option<Waker>> {
        if self.words.word(index).read().is_cancelled() {
            return None;
        }
        self.words.word(index).lower(Flags::QUEUED);
        match &mut self.inner.slab.get_mut(index).life {
            Life::Live { waker, .. } => Some(waker.take()),
            _ => Some(None),
        }
    }

    /// Adds a task that cannot run, for its handle alone.
    pub(super) fn open_dead(&mut self, id: TaskId, entry: &mut Entry, outcome: Outcome) -> u32 {
        let slab = &mut self.inner.slab;
        let index = slab.allocate(self.words);
        let record = slab.get_mut(index);
        record.open(id, entry, 0, Stamp::NONE);
        record.life = Life::Ended { outcome, at: Stamp::NONE };
        self.words.word(index).open(Flags::HANDLE | Flags::FINISHED | Flags::KEEPS, 1);
        index
    }

    /// Writes the outcome (record, invariants 1 and 2), frees the name, and gives up the tracked
    /// future's reference.
    pub(super) fn finish(&mut self, index: u32, outcome: Outcome, at: Stamp, left: &mut Left) {
        let is_completed = matches!(outcome, Outcome::Completed);
        let keeps = !is_completed || at != Stamp::NONE;
        let completed = if is_completed { Flags::COMPLETED } else { 0 };
        let kept = if keeps { Flags::KEEPS } else { 0 };
        let word = self.words.word(index);
        let before = word.raise(Flags::FINISHED | completed | kept);
        left.unheard = !before.has_handle();
        let Inner { slab, names, waiters, live, watched, successors, .. } = &mut *self.inner;
        let record = slab.get_mut(index);
        if record.name.is_some() {
            names.remove(record.tag, index);
        }
        waiters.drain(&mut record.finished, &mut left.waiters);
        if let Life::Live { waker, event } = &mut record.life {
            (left.waker, left.event) = (waker.take(), event.take());
        }
        if keeps {
            record.life = Life::Ended { outcome, at };
        }
        if *watched {
            *live -= 1;
        }
        if record.name.is_some() && !successors.is_empty() {
            left.waiters.extend(self.pass_name_on(index));
        }
        left.held = self.release(index);
    }

    /// As `finish`, of a task that completed, if nothing has to be noted of that.
    #[inline]
    pub(super) fn complete(&mut self, index: u32, word: &Word) -> Completed {
        let Inner { slab, names, waiters, live, watched, successors, .. } = &mut *self.inner;
        if word.read().is_listed() || !successors.is_empty() {
            return Completed::NotYet;
        }
        let record = slab.get_mut(index);
        if record.name.is_some() {
            names.remove(record.tag, index);
        }
        if *watched {
            *live -= 1;
        }
        if record.holds_nothing() && !word.read().keeps() {
            word.complete();
            return Completed::AndLeft(None);
        }
        let mut left = Left::default();
        waiters.drain(&mut record.finished, &mut left.waiters);
        if let Life::Live { waker, event } = &mut record.life {
            (left.waker, left.event) = (waker.take(), event.take());
        }
        let before = word.complete();
        if before.references() == 1 && before.keeps() {
            left.held = Some(self.clear(index));
        }
        Completed::AndLeft(Some(left))
    }

    /// Gives up a reference; what a record held that is free now comes back to be dropped after the
    /// unlock.
    pub(super) fn release(&mut self, index: u32) -> Option<Held> {
        let before = self.words.word(index).release();
        let is_last = before.references() == 1 && before.keeps();
        is_last.then(|| self.clear(index))
    }

    /// Takes out what a record kept to which nobody refers any more, to be dropped after the unlock;
    /// from now on it is free.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let held = self.inner.slab.clear(index);
        self.words.word(index).open(0, 0);
        held
    }

    /// Every live task with its index, and a reference more; from now on they are attended to, and
    /// listed.
    pub(super) fn list_live(&mut self, mut each: impl FnMut(u32, &mut Record)) {
        for index in self.inner.slab.indices() {
            if self.attend_if_live(index, Flags::LISTED) {
                self.refer(index);
                each(index, self.record(index));
            }
        }
    }

    /// As `list_live`, of which nothing is wanted.
    pub(super) fn list_all(&mut self) {
        for index in self.inner.slab.indices() {
            self.attend_if_live(index, Flags::LISTED);
        }
    }

    /// Has the task settle under this lock from now on, if it lives. A task lives from its
    /// registration until it has settled.
    fn attend_if_live(&self, index: u32, bits: u32) -> bool {
        let word = self.words.word(index);
        word.read().is_live() && word.raise(Flags::ATTENDED | bits).is_live()
    }

    pub(super) fn live(&self) -> usize {
        if self.inner.watched {
            return self.inner.live;
        }
        let is_live = |index: &u32| self.words.word(*index).read().is_live();
        self.inner.slab.indices().filter(is_live).count()
    }

    pub(super) fn opened(&self) -> u64 {
        self.inner.opened
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
        let is_unstopped = |index: &u32| {
            self.attend_if_live(*index, 0) && !self.words.word(*index).read().is_stopped()
        };
        let unstopped = self.inner.slab.indices().filter(is_unstopped).collect::<Vec<_>>();
        unstopped.iter().for_each(|index| self.words.word(*index).refer());
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
        self.inner.telling > 0 || self.live() > 0
    }

    /// From now on, whoever comes has these flags too.
    pub(super) fn list_who_comes(&mut self, listing: u32) {
        self.inner.listing = listing;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.inner.watched
    }

    /// Counts from now on.
    pub(super) fn watch(&mut self) {
        if !self.inner.watched {
            let live = self.inner.slab.indices().filter(|index| self.attend_if_live(*index, 0));
            self.inner.live = live.count();
            self.inner.watched = true;
        }
    }

    pub(super) fn unwatch(&mut self) {
        self.inner.watched = false;
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

/// Whether a task has completed under the lock, and what it left then.
pub(super) enum Completed {
    AndLeft(Option<Left>),
    /// There is something to be noted.
    NotYet,
}

/// Whether a task that is to be attended to lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attended {
    Live,
    Ended,
}
