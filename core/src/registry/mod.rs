//! The registry of a scope: which tasks live in it, by name and by slot.
//!
//! It has a few shards, each with a lock of its own, so that threads rarely meet: a task with a name
//! lies in the shard of its name, any other in that of the count by which it came. What is asked of
//! all tasks locks all shards, and so sees one moment.
//!
//! Lock order: that of the turns, of the kept or of the table of vitals; then shards, the first one
//! first; then that of the hub, of a tally, of the failures or of the pool of words. Never the other
//! way, never two of one step but shards, and never those of two registries. That of the scopes below
//! and that of the vitals of one task are taken alone; under the latter an event may be made. Nothing
//! runs foreign code under any of them, not even a look at the clock: what is to be woken or dropped
//! leaves the locked section first.

#[cfg(all(test, loom))]
mod bare;
mod counts;
mod failures;
mod hub;
mod kept;
#[cfg(all(test, loom))]
mod kept_models;
mod late;
mod listener;
#[cfg(all(test, loom))]
mod listener_models;
mod names;
mod ready;
mod record;
mod registration;
mod settle;
mod shard;
mod shards;
mod slab;
mod stop_times;
mod succession;
mod tally;
mod task_ref;
mod tasks;
mod tree;
#[cfg(all(test, loom))]
mod tree_models;
#[cfg(all(test, loom))]
mod turn_models;
mod turns;
mod vitals;
#[cfg(all(test, loom))]
mod word_models;
mod words;
mod worker_tasks;

#[cfg(all(test, loom))]
pub(crate) use bare::{entry, registry};
pub(crate) use counts::Counts;
pub(crate) use failures::{FailedTask, Failures, List};
pub(crate) use hub::Watch;
pub use late::{Late, Limit};
pub(crate) use listener::Listener;
#[cfg(all(test, loom))]
pub(crate) use listener::Nobody;
pub use listener::TaskEnd;
pub use ready::{NotReady, Ready};
pub(crate) use record::{FirstPoll, RecordAt, RecordRef, Slot};
pub(crate) use registration::{Barred, Refused};
pub(crate) use stop_times::StopTimes;
pub(crate) use tally::{FailurePolicy, Tally};
pub use task_ref::{Finished, TaskRef};
pub use tasks::{Cancel, CancelMatching, NotFound, Tasks};
pub(crate) use vitals::Vitals;
pub use worker_tasks::WorkerTasks;

use std::cell::Cell;
use std::ops::Deref;
use std::time::Duration;

use crate::clock::Clock;
use crate::event::ShutdownTrigger;
use crate::polls::Polls;
use crate::sync::{Arc, IdSource, Mutex};
use crate::task::{Entry, Flags, Name, Outcome};
use hub::Hub;
use kept::Kept;
use names::{Tagger, shard_number};
use shard::Locked;
use shards::{LockedAll, Shards};
use tally::Above;
use tree::Below;
use vitals::VitalsTable;

/// A registry by one of its counts, see [`Counts`]: what is asked of it is asked of its core.
///
/// Aligned, so that threads which count do not share a line of the cache.
#[repr(align(128))]
pub(crate) struct Registry {
    core: Arc<Core>,
    /// Where a task without a name lies that comes by this count.
    shard: usize,
}

impl Deref for Registry {
    type Target = Core;

    #[inline]
    fn deref(&self) -> &Core {
        &self.core
    }
}

/// A registry itself.
pub(crate) struct Core {
    /// The component that it belongs to: empty for the root, and in a user's scope.
    path: Name,
    /// Of a user's scope: its place in the registry around it.
    above: Option<Above>,
    below: Below,
    failures: Arc<Failures>,
    clock: Clock,
    /// Set when the loop drops a task that nobody cancelled: then the loop has ended.
    stop: ShutdownTrigger,
    listener: Arc<dyn Listener>,
    /// Which tasks are being polled, of all registries of the lifespan.
    polls: Arc<Polls>,
    tagger: Tagger,
    shards: Shards,
    hub: Mutex<Hub>,
    kept: Mutex<Kept>,
    vitals: Mutex<VitalsTable>,
}

impl Registry {
    pub(crate) fn new(
        path: Name,
        failures: Arc<Failures>,
        clock: Clock,
        stop: ShutdownTrigger,
        listener: Arc<dyn Listener>,
        polls: Arc<Polls>,
    ) -> Arc<Self> {
        let (tagger, shards) = (Tagger::new(), Shards::several(raised_for(&*listener)));
        let (above, below, hub) = (None, Below::default(), Mutex::default());
        let (kept, vitals) = (Mutex::default(), Mutex::default());
        Self::counted(Core {
            path,
            above,
            below,
            failures,
            clock,
            stop,
            listener,
            polls,
            tagger,
            shards,
            hub,
            kept,
            vitals,
        })
    }

    /// With the first count of it.
    fn counted(core: Core) -> Arc<Self> {
        Arc::new(Self { core: Arc::new(core), shard: 0 })
    }

    /// That of a scope in this one.
    fn inner(&self, above: Above) -> Arc<Self> {
        Self::counted(Core {
            path: Name::from(""),
            above: Some(above),
            below: Below::default(),
            failures: Arc::clone(&self.failures),
            clock: self.clock.clone(),
            stop: self.stop.clone(),
            listener: Arc::clone(&self.listener),
            polls: Arc::clone(&self.polls),
            tagger: self.tagger,
            shards: Shards::one(raised_for(&*self.listener)),
            hub: Mutex::default(),
            kept: Mutex::default(),
            vitals: Mutex::default(),
        })
    }

    /// Tells whether both are one registry, by whichever count.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Names the registry while it lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    /// Has the listener hear of the end of all that lives here and below, and of all that comes: to be
    /// called when it has begun to listen after the registry was made.
    pub(crate) fn begin_to_be_heard(self: &Arc<Self>) {
        for registry in self.tree() {
            for shard in registry.lock_all().iter_mut() {
                shard.raise_in_all(Flags::ATTENDED);
            }
        }
    }

    /// The tag of a name, and its shard.
    fn place_of(&self, name: &[u8]) -> (u32, usize) {
        let tag = self.tagger.tag(name);
        (tag, self.shards.place(shard_number(tag)))
    }

    /// For models that want two shards.
    #[cfg(all(test, loom))]
    pub(crate) fn shares_a_shard(&self, name: &str, slot: Slot) -> bool {
        slot.shard() == self.place_of(name.as_bytes()).1
    }

    /// From now on [`watch`](Self::watch) hears of tasks that come, too.
    ///
    /// The observers hear of those that live; of one that is stopped alone from now on, they have
    /// heard.
    pub(crate) fn begin_stop(self: &Arc<Self>) {
        let is_observed = self.listener.hears();
        let mut told = Vec::new();
        for shard in self.lock_all().iter_mut() {
            if shard.begin_stop() && is_observed {
                told.extend(shard.refer_unstopped());
            }
        }
        for slot in told {
            let task = TaskRef::new(RecordRef::new(Arc::clone(self), slot));
            self.listener.task_stopped(&task);
        }
    }

    /// A record of a task that cannot run: it belongs to no name and counts for nobody.
    pub(crate) fn register_dead(
        self: &Arc<Self>,
        mut entry: Entry,
        outcome: &Outcome,
    ) -> RecordRef {
        entry.name = None;
        let slot = self.shards.at(self.shard).lock().open_dead(&mut entry, outcome.clone());
        let record = RecordRef::new(Arc::clone(self), slot);
        if self.listener.hears() {
            let task = TaskRef::new(record.clone());
            self.listener.task_spawned(&task);
            let end = TaskEnd { outcome, age: Duration::ZERO, is_heard: true };
            self.listener.task_ended(&task, &end);
        }
        record
    }

    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<RecordRef> {
        self.find_and_lock(name).map(|(record, _shard)| record)
    }

    /// Asks for the body of the live task of this name to be dropped.
    pub(crate) fn cancel(self: &Arc<Self>, name: &str) -> Option<RecordRef> {
        let (record, shard) = self.find_and_lock(name)?;
        record.at().demand_under(shard, Flags::CANCELLED);
        Some(record)
    }

    /// The live task of a name, under the lock of its shard, which is held until the caller drops it.
    #[inline]
    fn find_and_lock(self: &Arc<Self>, name: &str) -> Option<(RecordRef, Locked<'_>)> {
        let (tag, at) = self.place_of(name.as_bytes());
        let shard = self.shards.at(at).lock();
        let slot = shard.find(tag, name.as_bytes(), 0)?;
        Some((RecordRef::new(Arc::clone(self), slot), shard))
    }

    /// The live tasks by their ids; from now on they are listed, so that their ages are known.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Vec<RecordRef> {
        let now = self.clock.stamp();
        let mut live = Vec::new();
        for shard in self.lock_all().iter_mut() {
            shard.list_live(|slot, record| {
                record.since = record.since.or(now);
                live.push((record.id, slot));
            });
        }
        live.sort_unstable_by_key(|&(id, _)| id);
        live.into_iter().map(|(_, slot)| RecordRef::new(Arc::clone(self), slot)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock_all().iter().map(Locked::live).sum()
    }

    /// Tells whether a task lives, or an observer is still being told of its end.
    pub(crate) fn is_busy(&self) -> bool {
        self.lock_all().is_busy()
    }

    /// Refuses all that comes, if nothing lives. Tells whether it did.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut shards = self.lock_all();
        if !shards.is_busy() {
            shards.iter_mut().for_each(Locked::close);
        }
        shards.iter().all(Locked::is_closed)
    }

    /// Refuses all that comes.
    pub(crate) fn close(&self) {
        self.lock_all().iter_mut().for_each(Locked::close);
    }

    fn lock_all(&self) -> LockedAll<'_> {
        self.shards.lock_all()
    }
}

/// The flags of each task whose end is to be told: it settles under the lock.
fn raised_for(listener: &dyn Listener) -> u32 {
    if listener.hears() { Flags::ATTENDED } else { 0 }
}

/// A number for this thread: the first threads have low ones.
#[inline]
fn this_thread() -> usize {
    static NUMBERS: IdSource = IdSource::new();
    thread_local! {
        /// Zero: not yet given.
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    let number = NUMBER.get();
    if number != 0 {
        return number as usize;
    }
    NUMBER.set(NUMBERS.next());
    NUMBER.get() as usize
}
