//! One of the parts of a registry: records, and all that is told of them, behind one lock.

use std::task::Waker;

use super::Slot;
use super::names::{Found, Names, Vacancy};
use super::slab::{Held, Slab};
use super::words::{Reference, Word};
use crate::clock::Stamp;
use crate::event::ShutdownEvent;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::{Entry, Flags, Life, Name, Outcome, Record, TaskId};
use crate::waiters::{Head, Taken, Waiters};

/// Aligned, so that threads that use two shards do not share a line of the cache.
#[repr(align(128))]
pub(super) struct Shard(Mutex<Inner>);

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
    /// Raised in whoever comes: `LISTED` while finished tasks are kept, `ATTENDED` where there are
    /// observers.
    raised: u32,
    /// Tasks that wait for their names, in the order in which they came.
    successors: Vec<u32>,
}

/// A shard while its lock is held.
pub(super) struct Locked<'a>(MutexGuard<'a, Inner>);

impl Shard {
    pub(super) fn new(slab: Slab, raised: u32) -> Self {
        Self(Mutex::new(Inner {
            slab,
            names: Names::default(),
            waiters: Waiters::default(),
            live: 0,
            opened: 0,
            telling: 0,
            closed: false,
            stopping: false,
            watched: false,
            raised,
            successors: Vec::new(),
        }))
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked(lock(&self.0))
    }
}

impl Locked<'_> {
    pub(super) fn record(&mut self, index: u32) -> &mut Record {
        self.0.slab.get_mut(index)
    }

    /// Tells whether a record is still that of this task.
    pub(super) fn is_record_of(&self, index: u32, id: TaskId) -> bool {
        let slab = &self.0.slab;
        slab.get(index).id == id && !slab.word(index).read().is_free()
    }

    pub(super) fn waiters(&mut self, index: u32) -> (&mut Waiters, &mut Record) {
        let Inner { slab, waiters, .. } = &mut *self.0;
        (waiters, slab.get_mut(index))
    }

    /// How a task ended, if it has.
    pub(super) fn outcome(&mut self, index: u32) -> Option<Outcome> {
        let flags = self.0.slab.word(index).read();
        let kept = self.record(index).kept_outcome();
        kept.or_else(|| flags.is_completed().then_some(Outcome::Completed))
    }

    /// Finds the live task of a name, raises flags in it, and counts a reference for the caller.
    pub(super) fn find(&self, tag: u32, name: &[u8], bits: u32) -> Option<Slot> {
        let Inner { slab, names, successors, .. } = &*self.0;
        let index = names.find(tag, |index| what_is(slab, successors, index, tag, name))?;
        // It may end at this moment: then it is not found.
        let word = slab.word(index);
        word.change_if_live(bits, Reference::Counted)?;
        Some(Slot::new(word))
    }

    /// Finds out where the index has room for a name, unless a live task has it.
    #[inline]
    pub(super) fn vacancy(&mut self, tag: u32, name: &[u8]) -> Option<Vacancy> {
        let Inner { slab, names, successors, .. } = &mut *self.0;
        let what_is = |index| what_is(slab, successors, index, tag, name);
        names.vacancy(tag, what_is, |index, tag| is_live(slab, index, tag))
    }

    /// Adds a live task that two refer to: the tracked future and the handle.
    #[inline]
    pub(super) fn open(&mut self, entry: &mut Entry, since: Stamp, flags: u32) -> Came {
        self.open_tagged(entry, 0, since, flags)
    }

    /// As `open`, of a task with a name, for which there is room in the index.
    #[inline]
    pub(super) fn open_named(
        &mut self,
        entry: &mut Entry,
        vacancy: Vacancy,
        since: Stamp,
        mut flags: u32,
    ) -> Came {
        if entry.name.as_ref().is_some_and(Name::is_on_the_heap) {
            flags |= Flags::KEEPS;
        }
        let came = self.open_tagged(entry, vacancy.tag(), since, flags);
        self.0.names.fill(vacancy, came.slot.index());
        came
    }

    #[inline]
    fn open_tagged(&mut self, entry: &mut Entry, tag: u32, since: Stamp, mut flags: u32) -> Came {
        let Inner { slab, live, opened, watched, raised, stopping, .. } = &mut *self.0;
        *opened += 1;
        flags |= *raised;
        if *watched {
            flags |= Flags::ATTENDED;
            *live += 1;
        }
        let (word, record) = slab.allocate();
        record.open(TaskId::unique(), entry, tag, since);
        word.open(flags, 2);
        let is_attended = *raised & Flags::ATTENDED != 0;
        Came { slot: Slot::new(word), is_stopping: *stopping, is_attended }
    }

    /// As `open`, of a task whose name another one has.
    pub(super) fn open_successor(&mut self, entry: &mut Entry, tag: u32, flags: u32) -> Came {
        let flags = flags | Flags::QUEUED | Flags::ATTENDED | Flags::KEEPS;
        let came = self.open_tagged(entry, tag, Stamp::NONE, flags);
        self.0.successors.push(came.slot.index());
        came
    }

    /// Who waits for the name of a task, in the order in which they came.
    fn successors_of(&self, index: u32) -> Vec<u32> {
        let Inner { slab, successors, .. } = &*self.0;
        let name = &slab.get(index).name;
        successors.iter().copied().filter(|&other| slab.get(other).name == *name).collect()
    }

    /// As `successors_of`, each with a reference more.
    pub(super) fn refer_successors_of(&self, index: u32) -> Vec<Slot> {
        let words = self.successors_of(index).into_iter().map(|index| self.0.slab.word(index));
        words.inspect(|word| word.refer()).map(Slot::new).collect()
    }

    /// Gives the name of a task that ends to the first that waits for it, and takes its waker.
    #[cold]
    fn pass_name_on(&mut self, index: u32) -> Option<Waker> {
        let next = self.successors_of(index);
        let Inner { slab, names, successors, .. } = &mut *self.0;
        if let Some(place) = successors.iter().position(|&other| other == index) {
            successors.remove(place); // it never had the name
            return None;
        }
        let is_cancelled = |other: u32| slab.word(other).read().is_cancelled();
        let heir = next.into_iter().find(|&other| !is_cancelled(other))?;
        successors.retain(|&other| other != heir);
        let tag = slab.get(heir).tag;
        let what_is = |it| if is_live(slab, it, tag) { Found::Another } else { Found::Stale };
        if let Some(vacancy) = names.vacancy(tag, what_is, |it, tag| is_live(slab, it, tag)) {
            names.fill(vacancy, heir);
        }
        slab.word(heir).lower(Flags::QUEUED);
        match &mut slab.get_mut(heir).life {
            Life::Live { waker, .. } => waker.take(),
            _ => None,
        }
    }

    /// Has a task begin that waits for its turn, and takes its waker, which it may not have stored
    /// yet. `None`: it is cancelled, and never begins.
    pub(super) fn begin_turn(&mut self, index: u32) -> Option<Option<Waker>> {
        let word = self.0.slab.word(index);
        if word.read().is_cancelled() {
            return None;
        }
        word.lower(Flags::QUEUED);
        match &mut self.0.slab.get_mut(index).life {
            Life::Live { waker, .. } => Some(waker.take()),
            _ => Some(None),
        }
    }

    /// Adds a task that cannot run, for its handle alone.
    pub(super) fn open_dead(&mut self, entry: &mut Entry, outcome: Outcome) -> Slot {
        let (word, record) = self.0.slab.allocate();
        record.open(TaskId::unique(), entry, 0, Stamp::NONE);
        record.life = Life::Ended { outcome, at: Stamp::NONE };
        word.open(Flags::HANDLE | Flags::FINISHED | Flags::KEEPS, 1);
        Slot::new(word)
    }

    /// Writes the outcome (record, invariants 1 and 2), by which the name is free, and gives up the
    /// tracked future's reference.
    pub(super) fn finish(&mut self, index: u32, outcome: Outcome, at: Stamp, left: &mut Left) {
        let is_completed = matches!(outcome, Outcome::Completed);
        let keeps = !is_completed || at != Stamp::NONE;
        let completed = if is_completed { Flags::COMPLETED } else { 0 };
        let kept = if keeps { Flags::KEEPS } else { 0 };
        let before = self.0.slab.word(index).raise(Flags::FINISHED | completed | kept);
        left.unheard = !before.has_handle();
        let Inner { slab, waiters, live, watched, successors, .. } = &mut *self.0;
        let record = slab.get_mut(index);
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
        let Inner { slab, waiters, live, watched, successors, raised, .. } = &mut *self.0;
        let is_to_be_noted = word.read().is_listed() || *raised & Flags::ATTENDED != 0;
        if is_to_be_noted || !successors.is_empty() {
            return Completed::NotYet;
        }
        let record = slab.get_mut(index);
        if *watched {
            *live -= 1;
        }
        if record.holds_nothing() && !word.read().keeps() {
            let waiter = waiters.take_single(&mut record.finished);
            if record.finished == Head::default() {
                word.complete();
                return Completed::AndWakes(waiter);
            }
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
        Completed::AndLeft(left)
    }

    /// Gives up a reference; what a record held that is free now comes back to be dropped after the
    /// unlock.
    pub(super) fn release(&mut self, index: u32) -> Option<Held> {
        let before = self.0.slab.word(index).release();
        let is_last = before.references() == 1 && before.keeps();
        is_last.then(|| self.clear(index))
    }

    /// Takes out what a record kept to which nobody refers any more, to be dropped after the unlock;
    /// from now on it is free.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let held = self.0.slab.clear(index);
        self.0.slab.word(index).open(0, 0);
        held
    }

    /// Every live task with its place, and a reference more; from now on they are attended to, and
    /// listed.
    pub(super) fn list_live(&mut self, mut each: impl FnMut(Slot, &mut Record)) {
        for index in self.0.slab.indices() {
            let word = self.0.slab.word(index);
            let listed = Flags::ATTENDED | Flags::LISTED;
            if word.change_if_live(listed, Reference::Counted).is_some() {
                each(Slot::new(word), self.record(index));
            }
        }
    }

    /// Raises flags in every live task, each of which is attended to, and in all that come.
    pub(super) fn raise_in_all(&mut self, bits: u32) {
        self.0.raised |= bits | Flags::ATTENDED;
        for index in self.0.slab.indices() {
            self.attend_if_live(index, bits);
        }
    }

    /// No longer raises these in who comes.
    pub(super) fn raise_no_more(&mut self, bits: u32) {
        self.0.raised &= !bits;
    }

    /// Has the task settle under this lock from now on, if it lives. A task lives from its
    /// registration until it has settled.
    fn attend_if_live(&self, index: u32, bits: u32) -> bool {
        let word = self.0.slab.word(index);
        word.change_if_live(Flags::ATTENDED | bits, Reference::NotCounted).is_some()
    }

    pub(super) fn live(&self) -> usize {
        if self.0.watched {
            return self.0.live;
        }
        let is_live = |index: &u32| self.0.slab.word(*index).read().is_live();
        self.0.slab.indices().filter(is_live).count()
    }

    pub(super) fn opened(&self) -> u64 {
        self.0.opened
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.closed
    }

    pub(super) fn close(&mut self) {
        self.0.closed = true;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.0.stopping
    }

    /// Tells whether the stop begins now.
    pub(super) fn begin_stop(&mut self) -> bool {
        !std::mem::replace(&mut self.0.stopping, true)
    }

    /// The live tasks that were not asked to stop, each with a reference more.
    pub(super) fn refer_unstopped(&mut self) -> Vec<Slot> {
        let words = self.0.slab.indices().map(|index| self.0.slab.word(index));
        let is_unstopped = |word: &&Word| {
            !word.read().is_stopped()
                && word.change_if_live(Flags::ATTENDED, Reference::Counted).is_some()
        };
        words.filter(is_unstopped).map(Slot::new).collect()
    }

    /// Has the scope be busy until the observers have heard of an end.
    pub(super) fn begin_telling(&mut self) {
        self.0.telling += 1;
    }

    pub(super) fn end_telling(&mut self) {
        self.0.telling -= 1;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.0.telling > 0 || self.live() > 0
    }

    pub(super) fn is_watched(&self) -> bool {
        self.0.watched
    }

    /// Counts from now on.
    pub(super) fn watch(&mut self) {
        if !self.0.watched {
            let live = self.0.slab.indices().filter(|index| self.attend_if_live(*index, 0));
            self.0.live = live.count();
            self.0.watched = true;
        }
    }

    pub(super) fn unwatch(&mut self) {
        self.0.watched = false;
    }
}

/// Whether a live task with this tag has a record. Its word is looked at first: it is nearer.
#[inline]
fn is_live(slab: &Slab, index: u32, tag: u32) -> bool {
    slab.word(index).read().is_live() && slab.get(index).tag == tag
}

/// What an entry with this tag is to who looks for a name.
#[inline]
fn what_is(slab: &Slab, successors: &[u32], index: u32, tag: u32, name: &[u8]) -> Found {
    if !is_live(slab, index, tag) {
        return Found::Stale;
    }
    let has_name = slab.get(index).name.as_ref().is_some_and(|own| own.as_bytes() == name);
    // One that waits for its name does not have it. It may be in the index all the same: in an entry
    // that another task with this tag has left.
    if has_name && !successors.contains(&index) { Found::It } else { Found::Another }
}

/// A task that has come.
pub(super) struct Came {
    pub(super) slot: Slot,
    /// Its scope is being stopped.
    pub(super) is_stopping: bool,
    /// So is every task of the scope: perhaps somebody hears of them.
    pub(super) is_attended: bool,
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
    /// Nothing but one who waited, or nobody.
    AndWakes(Option<Waker>),
    AndLeft(Left),
    /// There is something to be noted.
    NotYet,
}
