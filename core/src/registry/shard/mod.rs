//! One of the parts of a registry: records, and all that is told of them, behind one lock.

mod census;
mod successors;

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
        word.change_if_live(bits, Reference::Counted).then(|| Slot::new(word))
    }

    /// Finds out where the index has room for a name, unless a live task has it.
    #[inline]
    pub(super) fn vacancy(&mut self, tag: u32, name: &[u8]) -> Option<Vacancy> {
        let Inner { slab, names, successors, .. } = &mut *self.0;
        let what_is = |index| what_is(slab, successors, index, tag, name);
        names.vacancy(tag, what_is, |index, tag| is_live(slab, index, tag))
    }

    /// Where the index has room for a name that no live task has.
    pub(super) fn room_for(&mut self, tag: u32) -> Vacancy {
        let Inner { slab, names, .. } = &mut *self.0;
        names.room_for(tag, |index, tag| is_live(slab, index, tag))
    }

    /// Adds a live task that two refer to: the tracked future and the handle.
    #[inline]
    pub(super) fn open(&mut self, entry: &mut Entry, since: Stamp, flags: u32) -> Came {
        self.open_tagged(entry, 0, since, flags)
    }

    /// As `open`, of a task with a name, for which there is room in the index.
    #[inline(always)] // as `open_tagged`
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

    // In both callers: what it saves and restores for a call is a third of what it does.
    #[inline(always)]
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

    /// Has a task begin that waits for its turn, and takes its waker, which it may not have stored
    /// yet. `None`: it is cancelled, and never begins.
    pub(super) fn begin_turn(&mut self, index: u32) -> Option<Option<Waker>> {
        let word = self.0.slab.word(index);
        if word.read().is_cancelled() {
            return None;
        }
        word.lower(Flags::QUEUED);
        Some(self.record(index).take_waker())
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
        let is_noted = !is_completed || at != Stamp::NONE;
        let completed = if is_completed { Flags::COMPLETED } else { 0 };
        // An error or a payload has a destructor; no other end has (record, invariant 6).
        let kept = if outcome.is_failure() { Flags::KEEPS } else { 0 };
        let before = self.0.slab.word(index).raise(Flags::FINISHED | completed | kept);
        left.unheard = !before.has_handle();
        let Inner { slab, waiters, live, watched, successors, .. } = &mut *self.0;
        let record = slab.get_mut(index);
        left.take_from(record, waiters);
        if is_noted {
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
        let flags = word.read();
        let is_to_be_noted = flags.may_be_asked_for() || *raised & Flags::ATTENDED != 0;
        if is_to_be_noted || !successors.is_empty() {
            return Completed::NotYet;
        }
        let record = slab.get_mut(index);
        if *watched {
            *live -= 1;
        }
        if record.holds_nothing() && !flags.keeps() {
            let waiter = waiters.take_single(&mut record.finished);
            if record.finished == Head::default() {
                word.complete();
                return Completed::AndWakes(waiter);
            }
        }
        let mut left = Left::default();
        left.take_from(record, waiters);
        if word.complete().is_last_of_kept() {
            left.held = Some(self.clear(index));
        }
        Completed::AndLeft(left)
    }

    /// Gives up a reference; what a record held that is free now comes back to be dropped after the
    /// unlock.
    pub(super) fn release(&mut self, index: u32) -> Option<Held> {
        let before = self.0.slab.word(index).release();
        before.is_last_of_kept().then(|| self.clear(index))
    }

    /// Takes out what a record kept to which nobody refers any more, to be dropped after the unlock;
    /// from now on it is free.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let held = self.0.slab.clear(index);
        self.0.slab.word(index).open(0, 0);
        held
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
    pub(super) event: Option<Box<ShutdownEvent>>,
    /// The last reference is gone.
    pub(super) held: Option<Held>,
}

impl Left {
    /// Takes who waits for the end of a task, and what its record holds while it lives.
    fn take_from(&mut self, record: &mut Record, waiters: &mut Waiters) {
        waiters.drain(&mut record.finished, &mut self.waiters);
        if let Life::Live { waker, event } = &mut record.life {
            (self.waker, self.event) = (waker.take(), event.take());
        }
    }
}

/// Whether a task has completed under the lock, and what it left then.
pub(super) enum Completed {
    /// Nothing but one who waited, or nobody.
    AndWakes(Option<Waker>),
    AndLeft(Left),
    /// There is something to be noted.
    NotYet,
}
