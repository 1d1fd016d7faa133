//! The registry of a scope: which tasks live in it, by name and by slot.
//!
//! Lock order: a registry's lock, then a record's or the failures'. Never the other way. Nothing
//! runs foreign code under them: what is to be woken or dropped leaves the locked section first.

mod failures;
mod record_ref;
mod slab;
mod task_ref;
mod tasks;
mod worker_tasks;

pub(crate) use failures::{FailedTask, Failures};
pub(crate) use record_ref::RecordRef;
pub use task_ref::{Finished, TaskRef};
pub use tasks::{Cancel, NotFound, Tasks};
pub use worker_tasks::WorkerTasks;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::clock::Clock;
use crate::event::{Reason, ShutdownTrigger};
use crate::roll_call::Waiting;
use crate::sync::{Arc, Mutex, MutexGuard, lock};
use crate::task::{Entry, Finish, Flags, Name, Outcome};
use crate::waiters::{Head, Waiters};
use crate::wake::{call_caught, wake_all};
use slab::Slab;

pub(crate) struct Registry {
    /// Where the registry stands in the tree, for messages: empty for the root.
    path: Name,
    failures: Arc<Failures>,
    clock: Clock,
    /// Set when the loop drops a task that nobody cancelled: then the loop has ended.
    stop: ShutdownTrigger,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    slab: Slab,
    live: usize,
    closed: bool,
    /// Slots by name; built when a name is first used or looked up.
    names: Option<HashMap<Name, u32>>,
    /// Raised when the scope stops: who stops it must hear of tasks that come meanwhile.
    stopping: bool,
    waiters: Waiters,
    /// Who watches.
    idle: Head,
    /// How often those who watched were taken.
    changes: u64,
}

/// Why a task cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    NameTaken,
    EmptyName,
}

impl Registry {
    pub(crate) fn new(
        path: Name,
        failures: Arc<Failures>,
        clock: Clock,
        stop: ShutdownTrigger,
    ) -> Arc<Self> {
        Arc::new(Self { path, failures, clock, stop, inner: Mutex::new(Inner::default()) })
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Names the registry while it lives.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn path(&self) -> &Name {
        &self.path
    }

    /// Adds a live task.
    pub(crate) fn register(
        self: &Arc<Self>,
        entry: Entry,
        flags: u32,
    ) -> Result<RecordRef, Refused> {
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(Refused::Closed);
        }
        if let Some(name) = entry.name.clone() {
            inner.claim(name)?;
        }
        let Inner { slab, live, .. } = &mut *inner;
        let (chunk, slot) = slab.allocate();
        chunk.record(slot).open(entry, flags);
        *live += 1;
        let record = RecordRef::first(Arc::clone(self), Arc::clone(chunk), slot);
        let waiting = if inner.stopping { inner.change() } else { Vec::new() };
        drop(inner);
        let _ = wake_all(waiting);
        Ok(record)
    }

    /// From now on [`watch`](Self::watch) hears of tasks that come, too.
    pub(crate) fn begin_stop(&self) {
        lock(&self.inner).stopping = true;
    }

    /// A record of a task that cannot run: it belongs to no name and counts for nobody.
    pub(crate) fn register_dead(self: &Arc<Self>, mut entry: Entry, outcome: Outcome) -> RecordRef {
        entry.name = None;
        let since = entry.since;
        let mut inner = lock(&self.inner);
        let (chunk, slot) = inner.slab.allocate();
        chunk.record(slot).open(entry, Flags::HANDLE); // its drop reports a failure unread
        let finish = chunk.record(slot).finish(outcome, since);
        let record = RecordRef::first(Arc::clone(self), Arc::clone(chunk), slot);
        drop(inner);
        drop(finish);
        record
    }

    /// Settles a task: its name is free, its outcome stands, a failure nobody hears is reported,
    /// and all who waited are woken; in one locked section, so that nobody sees a part of it.
    pub(crate) fn settle(&self, record: &RecordRef, outcome: Outcome) {
        let now = self.clock.now();
        let loop_closed = matches!(outcome, Outcome::LoopClosed);
        let failure = outcome.is_failure().then(|| FailedTask::of(record, &outcome, now));
        let mut idle = Vec::new();
        let finish = {
            let mut inner = lock(&self.inner);
            inner.release_name(record);
            let finish = record.finish(outcome, now);
            if let (true, Some(failure)) = (finish.unheard, failure) {
                self.failures.add(failure);
            }
            inner.live -= 1;
            if inner.live == 0 {
                idle = inner.change();
            }
            finish
        };
        // A waker that panics here would end the loop of some runtimes and not of others. The panic
        // hook has shown it; the loop goes on.
        let Finish { waiters, .. } = finish;
        let _ = wake_all(waiters.into_iter().chain(idle));
        if loop_closed {
            let _ = call_caught(|| self.stop.set(Reason::LoopClosed));
        }
    }

    /// Reports the failure of a finished task whose handle was dropped unread.
    pub(crate) fn report(&self, record: &RecordRef) {
        if let Some(outcome) = record.outcome().filter(Outcome::is_failure) {
            self.failures.add(FailedTask::of(record, &outcome, self.clock.now()));
        }
    }

    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<RecordRef> {
        let mut inner = lock(&self.inner);
        let slot = inner.names().get(name).copied()?;
        Some(self.reference(&inner, slot))
    }

    /// The live tasks, oldest first.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Vec<RecordRef> {
        let inner = lock(&self.inner);
        let mut live = inner.slab.live().collect::<Vec<_>>();
        live.sort_unstable_by_key(|&(id, _)| id);
        live.into_iter().map(|(_, slot)| self.reference(&inner, slot)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.inner).live
    }

    /// Refuses all that comes, if nothing lives. Tells whether it did.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut inner = lock(&self.inner);
        inner.closed |= inner.live == 0;
        inner.closed
    }

    /// Refuses all that comes.
    pub(crate) fn close(&self) {
        lock(&self.inner).closed = true;
    }

    /// Watches from now on: completes when the registry becomes empty, and once the scope stops, when
    /// a task comes. Watch first, look then, and wait last: so nothing falls between.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch { registry: self, seen: lock(&self.inner).changes, key: None }
    }

    /// As [`watch`](Self::watch), if a task lives.
    pub(crate) fn watch_if_busy(&self) -> Option<Watch<'_>> {
        let watch = self.watch();
        (self.len() > 0).then_some(watch)
    }

    fn reference(self: &Arc<Self>, inner: &MutexGuard<'_, Inner>, slot: u32) -> RecordRef {
        RecordRef::another(Arc::clone(self), Arc::clone(inner.slab.chunk(slot)), slot)
    }

    fn free(&self, slot: u32) {
        lock(&self.inner).slab.free(slot);
    }
}

impl Inner {
    fn names(&mut self) -> &mut HashMap<Name, u32> {
        let Self { slab, names, .. } = self;
        names.get_or_insert_with(|| slab.live_names().collect())
    }

    /// Counts a change, and takes those who watch.
    fn change(&mut self) -> Vec<Waker> {
        let mut waiting = Vec::new();
        self.waiters.drain(&mut self.idle, &mut waiting);
        self.changes += 1;
        waiting
    }

    /// Takes a name for the slot that is allocated next.
    fn claim(&mut self, name: Name) -> Result<(), Refused> {
        if name.is_empty() {
            return Err(Refused::EmptyName);
        }
        let slot = self.slab.next_slot();
        match self.names().entry(name) {
            std::collections::hash_map::Entry::Occupied(_) => Err(Refused::NameTaken),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(slot);
                Ok(())
            }
        }
    }

    fn release_name(&mut self, record: &RecordRef) {
        let Some(names) = &mut self.names else { return };
        record.with_entry(|entry| entry.name.as_ref().map(|name| names.remove(name.as_str())));
    }
}

/// Waits for a change of a registry; made by [`Registry::watch`].
///
/// No wake-up is lost: who changes the registry counts and takes the waiters in one locked section,
/// and a waiter reads the count and registers in one.
pub(crate) struct Watch<'a> {
    registry: &'a Registry,
    /// The count when this was made. While it stands, `key` names an entry of our own.
    seen: u64,
    key: Option<u32>,
}

impl Future for Watch<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut inner = lock(&self.registry.inner);
        if inner.changes != self.seen {
            drop(inner);
            self.key = None;
            return Poll::Ready(());
        }
        let Inner { waiters, idle, .. } = &mut *inner;
        let old = match self.key {
            Some(key) => waiters.replace(key, waker),
            None => {
                self.key = Some(waiters.insert(idle, waker));
                None
            }
        };
        drop(inner);
        drop(old);
        Waiting::answer(|| String::from("the end of every task of a scope"));
        Poll::Pending
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut inner = lock(&self.registry.inner);
        let Inner { waiters, idle, changes, .. } = &mut *inner;
        let waker = if *changes == self.seen { waiters.remove(idle, key) } else { None };
        drop(inner);
        drop(waker);
    }
}
