//! The record of one task: what is known of it, who waits for its end, and how it ended.
//!
//! A record lies in a shard of its scope's registry, and all of it is written under the lock of that
//! shard, but for one word: its flags, and how many refer to it, which change in single atomic steps.
//! A task that nobody attends to (no waker stored, no waiter, not listed) ends in one such step: its
//! name is free by that, since only a live task has one. Invariants, cited below and in `registry`:
//! 1. Exactly one settles: whoever runs or drops the tracked future, once, after the body is gone.
//! 2. `FINISHED` is raised in the locked section that writes the outcome, or in one step with
//!    `COMPLETED`, which is all of the outcome then; who sees it finds the outcome.
//! 3. Whoever raises `CANCELLED` takes the loop's waker in the same locked section, or in a later one;
//!    the tracked future stores its waker in one and then reads the flags. So one of them sees the
//!    other.
//! 4. A failure is reported by exactly one of two: settling reports unless it sees `HANDLE`; the
//!    handle's drop reports if it sees `FINISHED`. Each looks and writes in one step on one word, so
//!    the later one sees the earlier.
//! 5. Whoever puts something into a record that settling must take out or note (a waker, a waiter, an
//!    event, a look at the age, somebody who waits for the name) raises `ATTENDED` first, under the
//!    lock, and goes on only if the task is live by then. Settling without the lock is one step that
//!    fails once that is raised.
//! 6. A record is used again when nobody refers to it and it does not keep anything (`KEEPS`): then
//!    no field has a destructor left to run.
//! 7. Who does not refer to a record changes its word only under the lock: in one step that fails unless
//!    a task lives there, or of a task that is attended to and in a list of those who wait, which settles
//!    under that lock. So the last who refers to a task that has ended is alone with it.

use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use super::{Name, Outcome, TaskId};
use crate::clock::Stamp;
use crate::event::ShutdownEvent;
use crate::waiters::{Head, NIL, WakerSlot};

/// What is known of a task when it is spawned.
pub(crate) struct Entry {
    pub(crate) name: Option<Name>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) grace: Grace,
}

/// How long a task may take from a stop to its end, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Grace(u64);

impl Grace {
    /// That of its scope.
    pub(crate) const DEFAULT: Self = Self(u64::MAX);

    /// Beyond five centuries, all are the same.
    pub(crate) fn of(grace: Duration) -> Self {
        Self(u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX - 1))
    }

    pub(crate) fn get(self) -> Option<Duration> {
        (self.0 != u64::MAX).then_some(Duration::from_nanos(self.0))
    }
}

/// The word of a record: bits of its state, the count of its protected blocks above them, and how many
/// refer to it in the upper half: the tracked future, handles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u64);

impl Flags {
    /// The task itself was asked to stop. Set by anyone, stays.
    pub(crate) const STOPPED: u32 = 1;
    /// The body is to be dropped. Set by anyone, stays.
    pub(crate) const CANCELLED: u32 = 1 << 1;
    /// The body is to be dropped though it is protected. Set at the overall deadline, stays.
    pub(crate) const FORCED: u32 = 1 << 2;
    /// The outcome stands. Set once, by who settles (invariant 2).
    pub(crate) const FINISHED: u32 = 1 << 3;
    /// A `Task<T>` may still read the value. Set before the spawn, cleared by the handle.
    pub(crate) const HANDLE: u32 = 1 << 4;
    /// A closure on a thread of its own, which cannot be dropped once it runs. Set before the spawn.
    pub(crate) const BLOCKING: u32 = 1 << 5;
    /// On stop the task is cancelled at once, and that is clean. Set before the spawn.
    pub(crate) const CANCEL_ON_STOP: u32 = 1 << 6;
    /// A stop overran the task's grace. Set by the stopping scope.
    pub(crate) const OVERRUN: u32 = 1 << 7;
    /// The outcome is `Completed`. Set with `FINISHED`.
    pub(crate) const COMPLETED: u32 = 1 << 8;
    /// Somebody lists the task and may ask for its age when it has ended. Set by snapshots.
    pub(crate) const LISTED: u32 = 1 << 9;
    /// It waits for its turn, and its body has not begun. Set at the spawn, cleared once.
    pub(crate) const QUEUED: u32 = 1 << 10;
    /// The task settles under the lock (invariant 5). Set under the lock by anyone, stays.
    pub(crate) const ATTENDED: u32 = 1 << 11;
    /// What the record holds is taken out under the lock when the last reference goes (invariant 6).
    /// Set before the spawn or by who settles.
    pub(crate) const KEEPS: u32 = 1 << 12;
    /// A scope that a user has opened. Set before anybody sees it, stays.
    pub(crate) const SCOPE: u32 = 1 << 13;
    /// Its failure is to stop the lifespan. Set before the spawn.
    pub(crate) const STOPS_ALL: u32 = 1 << 14;
    /// One protected block; the higher bits of the lower half count them.
    pub(crate) const PROTECT: u32 = 1 << 15;

    /// One who refers to the record. Four thousand million of them are not guarded against: the
    /// handles would fill 64 gigabytes.
    const REFERENCE: u64 = 1 << 32;

    pub(crate) fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// The word of a record that is opened.
    #[inline]
    pub(crate) fn opened(bits: u32, references: u32) -> Self {
        Self(u64::from(bits) | (u64::from(references) << 32))
    }

    /// The word when the task has completed and the tracked future refers to it no more.
    #[inline]
    pub(crate) fn completed(self) -> Self {
        Self((self.0 | u64::from(Self::FINISHED | Self::COMPLETED)) - Self::REFERENCE)
    }

    /// The word with these raised, and perhaps a reference more.
    pub(crate) fn raised(self, bits: u32, is_referred: bool) -> Self {
        Self((self.0 | u64::from(bits)) + if is_referred { Self::REFERENCE } else { 0 })
    }

    /// Whether the task has ended, and one alone refers to it.
    #[inline]
    pub(crate) fn is_last_of_ended(self) -> bool {
        self.references() == 1 && self.is_finished()
    }

    /// The word with a reference less.
    #[inline]
    pub(crate) fn released(self) -> Self {
        Self(self.0 - Self::REFERENCE)
    }

    /// What is added to the word for one reference.
    pub(crate) const fn reference() -> u64 {
        Self::REFERENCE
    }

    #[inline]
    pub(crate) fn references(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether anybody may ask when the task ended: it is listed, or others refer to it than its tracked
    /// future and its handle.
    #[inline]
    pub(crate) fn may_be_asked_for(self) -> bool {
        let asks = Self::opened(Self::HANDLE | Self::LISTED, u32::MAX);
        let known = Self(self.0 & asks.0);
        let (awaited, detached) = (Self::opened(Self::HANDLE, 2), Self::opened(0, 1));
        known != awaited && known != detached
    }

    /// Whether the record may be used for another task (invariant 6).
    #[inline]
    pub(crate) fn is_free(self) -> bool {
        self.0 >> 32 == 0 && !self.has(Self::KEEPS)
    }

    /// Whether one who gives up a reference, and found this, has to clear the record: it was the last,
    /// and something is kept.
    #[inline]
    pub(crate) fn is_last_of_kept(self) -> bool {
        self.references() == 1 && self.keeps()
    }

    /// Whether a task has this record and has not settled.
    #[inline]
    pub(crate) fn is_live(self) -> bool {
        self.0 >> 32 != 0 && !self.has(Self::FINISHED)
    }

    pub(crate) fn is_attended(self) -> bool {
        self.has(Self::ATTENDED)
    }

    pub(crate) fn keeps(self) -> bool {
        self.has(Self::KEEPS)
    }

    pub(crate) fn protected_once_more(self) -> Self {
        let is_full = self.bits() > u32::MAX - Self::PROTECT;
        if is_full { self } else { Self(self.0 + u64::from(Self::PROTECT)) }
    }

    pub(crate) fn protected_once_less(self) -> Self {
        if self.is_protected() { Self(self.0 - u64::from(Self::PROTECT)) } else { self }
    }

    pub(crate) fn is_protected(self) -> bool {
        self.bits() >= Self::PROTECT
    }

    fn bits(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    fn has(self, bits: u32) -> bool {
        self.bits() & bits != 0
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

    pub(crate) fn is_completed(self) -> bool {
        self.has(Self::COMPLETED)
    }

    pub(crate) fn is_listed(self) -> bool {
        self.has(Self::LISTED)
    }

    pub(crate) fn stops_all(self) -> bool {
        self.has(Self::STOPS_ALL)
    }

    pub(crate) fn is_queued(self) -> bool {
        self.has(Self::QUEUED)
    }

    pub(crate) fn is_blocking(self) -> bool {
        self.has(Self::BLOCKING)
    }

    pub(crate) fn is_scope(self) -> bool {
        self.has(Self::SCOPE)
    }

    /// Whether all of these are raised.
    pub(crate) fn has_all(self, bits: u32) -> bool {
        self.0 as u32 & bits == bits
    }

    /// What was demanded of it.
    pub(crate) fn demanded(self) -> u32 {
        self.0 as u32 & (Self::CANCELLED | Self::OVERRUN | Self::FORCED)
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
        self.has(Self::CANCELLED) && (!self.is_protected() || self.has(Self::FORCED))
    }
}

/// All of a record but its word.
///
/// Aligned, so that it lies in two lines of the cache and never in three.
#[repr(align(32))]
pub(crate) struct Record {
    pub(crate) id: TaskId,
    pub(crate) name: Option<Name>,
    /// `None` before the first task has this record.
    pub(crate) spawned_at: Option<&'static Location<'static>>,
    /// When it was first seen to go on living: at the end of its first poll, or in a snapshot. A
    /// task that ends in its first poll has no age worth a look at the clock.
    pub(crate) since: Stamp,
    pub(crate) grace: Grace,
    /// Finds the name in the index.
    pub(crate) tag: u32,
    /// Who waits for the end.
    pub(crate) finished: Head,
    pub(crate) life: Life,
}

pub(crate) enum Life {
    /// Lives, or has completed with nothing to be kept of that, or is free.
    Live {
        /// How to have the tracked future polled.
        waker: WakerSlot,
        /// The task's own view of the shutdown event, made when it is first asked for. Boxed: most
        /// tasks never ask, and this lies in each record.
        event: Option<Box<ShutdownEvent>>,
    },
    Ended {
        outcome: Outcome,
        at: Stamp,
    },
}

impl Life {
    #[inline]
    pub(crate) fn new() -> Self {
        Self::Live { waker: WakerSlot::default(), event: None }
    }
}

impl Record {
    pub(crate) fn free() -> Self {
        Self {
            id: TaskId::NONE,
            name: None,
            spawned_at: None,
            since: Stamp::NONE,
            grace: Grace::DEFAULT,
            tag: 0,
            finished: Head::default(),
            life: Life::new(),
        }
    }

    /// Begins the record of another task. Of the one before, nothing is left that matters
    /// (invariant 6).
    #[inline]
    pub(crate) fn open(&mut self, id: TaskId, entry: &mut Entry, tag: u32, since: Stamp) {
        self.id = id;
        if self.name.is_some() || entry.name.is_some() {
            self.name = entry.name.take();
        }
        self.spawned_at = Some(entry.spawned_at);
        self.since = since;
        self.grace = entry.grace;
        self.tag = tag;
        if let Life::Ended { .. } = self.life {
            self.begin_life();
        }
    }

    /// Forgets how the task before ended, which had no destructor.
    #[cold]
    fn begin_life(&mut self) {
        self.life = Life::new();
    }

    /// Whether there is nothing that settling has to take out, but who waits for the end.
    #[inline]
    pub(crate) fn holds_nothing(&self) -> bool {
        match &self.life {
            Life::Live { waker, event } => waker.is_empty() && event.is_none(),
            Life::Ended { .. } => false,
        }
    }

    /// Takes how to have the tracked future polled.
    pub(crate) fn take_waker(&mut self) -> Option<Waker> {
        match &mut self.life {
            Life::Live { waker, .. } => waker.take(),
            Life::Ended { .. } => None,
        }
    }

    /// How a task ended that has, unless there is nothing to know but that it completed.
    pub(crate) fn kept_outcome(&self) -> Option<Outcome> {
        match &self.life {
            Life::Ended { outcome, .. } => Some(outcome.clone()),
            Life::Live { .. } => None,
        }
    }

    /// How long the task has lived, or lived.
    pub(crate) fn age(&self, now: Stamp) -> Duration {
        let end = match self.life {
            Life::Ended { at, .. } => at.or(now),
            Life::Live { .. } => now,
        };
        end.saturating_since(self.since.or(end))
    }

    /// Has the age of a task that has completed grow no more, if that was not noted at its end.
    pub(crate) fn note_end(&mut self, at: Stamp) {
        if let Life::Live { .. } = self.life {
            self.life = Life::Ended { outcome: Outcome::Completed, at };
        }
    }

    pub(crate) fn event(&self) -> Option<ShutdownEvent> {
        match &self.life {
            Life::Live { event, .. } => event.as_deref().cloned(),
            Life::Ended { .. } => None,
        }
    }
}

/// What a waiter for the end remembers between polls.
pub(crate) struct Registration {
    pub(crate) key: u32,
}

impl Registration {
    pub(crate) const NONE: Self = Self { key: NIL };

    #[inline]
    pub(crate) fn is_registered(&self) -> bool {
        self.key != NIL
    }
}
