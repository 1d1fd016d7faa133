//! The tree of scopes: one that a user opens is a record in the registry of the scope around it.
//!
//! So its name, its place in lists, its cancel and its end are those of a task. Nothing here
//! recurses, however deep the tree is. Invariants, cited below and in `registry`:
//! 1. The record of a scope settles once: by whoever finds its registry closing and empty with all
//!    shards locked, and marks it as ended there.
//! 2. Who demands something of a scope raises the flag in its record, and then looks for the registry
//!    below; who opens a scope lists that registry, and then looks at the flags. So one of them sees
//!    the other. With the stop of the scope around it in place of the flags it is the same, and with
//!    its refusal of what comes: a record without a registry below is that of a scope that is about to
//!    be listed, or that has ended.
//! 3. A registry holds the record of its scope, and so the registry above; that one holds this one
//!    weakly. So nothing keeps a scope but its holder and its tasks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::tally::Above;
use super::{Core, FailurePolicy, Limit, RecordAt, RecordRef, Refused, Registry, Slot, StopTimes};
use crate::sync::{Arc, Mutex, Weak, lock};
use crate::task::{Entry, Flags, Name, Outcome};
use crate::wake::call_caught;

/// The registries of the scopes in a scope, by the slots of their records.
#[derive(Default)]
pub(super) struct Below(Mutex<BTreeMap<u32, Weak<Registry>>>);

impl Below {
    pub(super) fn get(&self, slot: Slot) -> Option<Arc<Registry>> {
        lock(&self.0).get(&slot.number()).and_then(Weak::upgrade)
    }

    fn insert(&self, slot: Slot, registry: &Arc<Registry>) {
        lock(&self.0).insert(slot.number(), Arc::downgrade(registry));
    }

    fn remove(&self, slot: Slot) {
        lock(&self.0).remove(&slot.number());
    }

    fn all(&self) -> Vec<Arc<Registry>> {
        lock(&self.0).values().filter_map(Weak::upgrade).collect()
    }
}

impl Registry {
    /// Opens a scope in this one: its record, and a registry of its own.
    pub(crate) fn open(
        self: &Arc<Self>,
        entry: &mut Entry,
        policy: FailurePolicy,
        limit: Option<usize>,
    ) -> Result<(Arc<Self>, RecordRef), Refused> {
        let slot = self.register(entry, Flags::SCOPE | Flags::HANDLE)?;
        let record = RecordRef::new(Arc::clone(self), slot);
        let inner = self.inner(Above::new(record.clone(), policy, limit));
        self.below.insert(slot, &inner);
        // Who began to listen after it was made may not have found it in the list.
        if self.listener.hears() {
            inner.begin_to_be_heard();
        }
        // After it was listed: invariant 2. Who stops this scope has heard of the record, and may have
        // looked for the registry before there was one.
        let at = RecordAt::new(self, slot);
        let locked = at.lock();
        let (is_stopping, is_closed) = (locked.is_stopping(), locked.is_closed());
        drop(locked);
        if is_stopping {
            inner.begin_stop();
            inner.close_with_last();
            self.notify_all();
        }
        let flags = at.flags();
        if flags.is_cancelled() {
            inner.demand_all(flags.demanded());
        } else if is_closed {
            inner.refuse_in_tree();
        } else if flags.is_stopped() {
            inner.close_tree();
        }
        Ok((inner, record))
    }

    /// The scope as a member of the one around it; `None` of the root and of a component.
    pub(crate) fn record(&self) -> Option<&RecordRef> {
        self.above.as_ref().map(Above::record)
    }

    /// Where the scope stands in the tree: empty for the root.
    pub(crate) fn path(&self) -> String {
        let (mut names, mut at) = (Vec::new(), self);
        while let Some(record) = at.record() {
            names.push(record.at().name().unwrap_or_else(|| Name::from("")));
            at = record.registry();
        }
        let mut path = String::from(at.path.as_str());
        for name in names.iter().rev() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name.as_str());
        }
        path
    }

    /// The registry of the root or component in which this one lies, or which it is.
    pub(crate) fn top(&self) -> &Self {
        let mut at = self;
        while let Some(record) = at.record() {
            at = record.registry();
        }
        at
    }

    /// This registry and those of all scopes in it, each before what lies in it.
    pub(crate) fn tree(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut tree = vec![Arc::clone(self)];
        let mut seen = 0;
        while let Some(registry) = tree.get(seen) {
            tree.extend(registry.below.all());
            seen += 1;
        }
        tree
    }

    /// The live tasks here and in all scopes below, without the scopes themselves.
    pub(crate) fn all_tasks(self: &Arc<Self>) -> Vec<RecordRef> {
        let tree = self.tree();
        let records = tree.iter().flat_map(Self::snapshot);
        records.filter(|record| !record.flags().is_scope()).collect()
    }

    /// From now on the scope ends with its last task; at once, if it has none.
    pub(crate) fn close_when_empty(&self) {
        if self.above.is_some() {
            self.close_with_last();
            self.emptied();
        }
    }

    /// As [`close_when_empty`](Self::close_when_empty), of a scope that is just being opened: its first
    /// task may yet come.
    fn close_with_last(&self) {
        let mut shards = self.lock_all();
        for shard in shards.iter_mut() {
            shard.watch();
        }
        lock(&self.hub).closing = true;
    }

    /// As [`close_when_empty`](Self::close_when_empty), of all scopes below, too.
    pub(crate) fn close_tree(self: &Arc<Self>) {
        for registry in self.tree() {
            registry.close_when_empty();
        }
    }

    /// Refuses all that comes here and below; each scope ends with its last task.
    pub(crate) fn refuse_in_tree(self: &Arc<Self>) {
        let mut todo = vec![Arc::clone(self)];
        while let Some(registry) = todo.pop() {
            registry.close();
            todo.extend(registry.below.all()); // invariant 2
            registry.close_when_empty();
        }
    }

    /// Has all here and below dropped, and refuses what comes.
    pub(super) fn demand_all(self: &Arc<Self>, bits: u32) {
        let mut todo = vec![Arc::clone(self)];
        while let Some(registry) = todo.pop() {
            registry.close();
            for record in registry.snapshot() {
                let demanded = call_caught(|| record.at().demand_alone(bits));
                // Of one that was demanded before, all below was, too.
                if demanded.is_ok_and(|before| before.is_scope() && !before.has_all(bits)) {
                    todo.extend(record.below());
                }
            }
            registry.close_when_empty();
        }
    }

    /// Has all in the scopes here dropped, protected or not.
    pub(crate) fn force_scopes(self: &Arc<Self>) {
        for record in self.snapshot() {
            if record.flags().is_scope() {
                let _ = call_caught(|| record.force());
            }
        }
    }

    /// Wakes those who watch if the registry is empty, and settles the records of the scopes that end
    /// by that, upwards.
    #[cold]
    pub(super) fn emptied(&self) {
        let mut ended = self.end_if_empty();
        while let Some(record) = ended {
            let outer = record.registry();
            outer.below.remove(record.at().slot());
            let is_cancelled = record.flags().is_cancelled();
            let outcome = if is_cancelled { Outcome::Cancelled } else { Outcome::Completed };
            let may_be_empty = outer.settle_at(record.at(), outcome);
            ended = if may_be_empty { outer.end_if_empty() } else { None };
        }
    }

    /// Returns the record of the scope, if it ends now.
    fn end_if_empty(&self) -> Option<RecordRef> {
        if !self.notify_if_empty() {
            return None;
        }
        let record = self.record()?.clone();
        self.note_end();
        Some(record)
    }

    /// Tells the scope that its stop begins; before its event is set. Of a user's scope that is being
    /// stopped already the times stand, under the deadline of these.
    pub(crate) fn note_stop(&self, times: StopTimes) -> StopTimes {
        let mut hub = lock(&self.hub);
        let times = match hub.times {
            Some(own) if self.above.is_some() => own.under(times),
            _ => times,
        };
        hub.times = Some(times);
        times
    }

    /// Tells the scope, and all below, that its stop begins; before its event is set. Returns the
    /// times that count.
    pub(crate) fn begin_stop_tree(self: &Arc<Self>, times: StopTimes) -> StopTimes {
        let own = self.note_stop(times);
        let mut todo = vec![(Arc::clone(self), own)];
        while let Some((registry, times)) = todo.pop() {
            registry.begin_stop();
            for inner in registry.below.all() {
                let own = inner.record().and_then(|record| record.at().grace());
                let times = inner.note_stop(StopTimes { grace: times.grace_of(own), ..times });
                todo.push((inner, times));
            }
        }
        own
    }

    /// Tells all that live here and below that they are stopped; before the event is set.
    pub(crate) fn begin_stop_below(self: &Arc<Self>) {
        let mut todo = vec![Arc::clone(self)];
        while let Some(registry) = todo.pop() {
            registry.begin_stop();
            todo.extend(registry.below.all()); // invariant 2
        }
    }

    pub(crate) fn stop_times(&self) -> Option<StopTimes> {
        lock(&self.hub).times
    }

    /// Has every task here and below dropped whose grace is over, and tells how long until that of
    /// the next one is, or would be of one that comes meanwhile. `is_over`: no grace counts any more.
    /// Scopes below end when they are empty. One task may be spared: who waits for the others.
    pub(crate) fn cancel_due(
        self: &Arc<Self>,
        times: StopTimes,
        now: Instant,
        is_over: bool,
        spared: Option<&RecordRef>,
        mut overruns: impl FnMut(&RecordRef),
    ) -> Duration {
        let mut next = Duration::MAX;
        let mut todo = vec![(Arc::clone(self), times)];
        while let Some((registry, times)) = todo.pop() {
            let left = times.left_of(times.grace, now);
            let is_in_time = !left.is_zero() && !is_over;
            next = if is_in_time { next.min(left) } else { next };
            // Before the look: who comes after it finds this.
            lock(&registry.hub).is_looked_at_in_time = is_in_time;
            for record in registry.snapshot() {
                let is_spared = spared.is_some_and(|spared| spared.is(&record));
                if is_spared || record.flags().is_cancelled() {
                    continue;
                }
                if record.flags().is_scope() {
                    // None: invariant 2. Such a record is no task, whose grace would count.
                    let Some(inner) = record.below() else { continue };
                    // It may have been opened since the stop began.
                    let grace = times.grace_of(record.at().grace());
                    let times = inner.note_stop(StopTimes { grace, ..times });
                    inner.begin_stop();
                    inner.close_when_empty();
                    todo.push((inner, times));
                    continue;
                }
                if record.flags().cancels_on_stop() {
                    let _ = call_caught(|| record.cancel());
                    continue;
                }
                let is_due = record.overrun_if(|own| {
                    let left = times.left_of(times.grace_of(own), now);
                    let is_due = left.is_zero() || is_over;
                    next = if is_due { next } else { next.min(left) };
                    is_due
                });
                if is_due {
                    let limit = if is_over { Limit::Withdrawn } else { Limit::Grace };
                    record.tell_late(now.saturating_duration_since(times.began), limit);
                    overruns(&record);
                    let _ = call_caught(|| record.cancel_overrun());
                }
            }
        }
        next
    }
}

/// Iterative: the last holder of a scope may hold, through that, all those around it.
impl Drop for Core {
    fn drop(&mut self) {
        self.drop_kept();
        let mut above = self.above.take();
        while let Some(Above { record, tally, .. }) = above {
            std::mem::take(&mut *lock(&tally)).forget();
            let outer = Arc::clone(record.registry());
            drop(record);
            let outer = Arc::into_inner(outer).and_then(|outer| Arc::into_inner(outer.core));
            above = outer.and_then(|mut outer| outer.above.take());
        }
    }
}
