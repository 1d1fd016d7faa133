//! Who watches a registry as a whole, and the wait for a change of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{RecordAt, Registry, StopTimes};
use crate::roll_call::Waiting;
use crate::sync::lock;
use crate::waiters::{Head, Taken, Waiters};
use crate::wake::wake_all;

/// Who watches the registry as a whole.
#[derive(Default)]
pub(super) struct Hub {
    pub(super) waiters: Waiters,
    pub(super) watching: Head,
    /// How often those who watched were taken.
    pub(super) changes: u64,
    /// `None` until its stop begins.
    pub(super) times: Option<StopTimes>,
    /// Who stops it looks at it again before a task that comes now, and has no grace of its own, is due.
    pub(super) is_looked_at_in_time: bool,
    /// The scope ends when nothing lives in it. Only of a user's.
    pub(super) closing: bool,
    /// It has (tree, invariant 1).
    pub(super) ended: bool,
}

impl Hub {
    /// Counts a change, and takes those who watch.
    pub(super) fn change(&mut self) -> Taken {
        let mut waiting = Taken::default();
        self.waiters.drain(&mut self.watching, &mut waiting);
        self.changes += 1;
        waiting
    }
}

impl Registry {
    /// Watches from now on: completes when the registry becomes empty, and once the scope stops, when
    /// a task comes that may be due before the next look. Watch first, look then, and wait last: so
    /// nothing falls between.
    pub(crate) fn watch(&self) -> Watch<'_> {
        let mut shards = self.lock_all();
        for shard in shards.iter_mut() {
            shard.watch();
        }
        Watch { registry: self, seen: lock(&self.hub).changes, key: None }
    }

    /// As [`watch`](Self::watch), if a task lives.
    pub(crate) fn watch_if_busy(&self) -> Option<Watch<'_>> {
        let watch = self.watch();
        self.is_busy().then_some(watch)
    }

    /// Wakes those who watch, if the registry is empty.
    ///
    /// The last task to leave is missed by nobody: each empties its shard in a locked section, in
    /// which it sees that somebody watches; and the last of them finds all shards empty here, unless
    /// a task has come meanwhile, whose end does the same.
    ///
    /// Tells whether the scope has ended by that, so that its record is to be settled.
    pub(super) fn notify_if_empty(&self) -> bool {
        let mut shards = self.lock_all();
        if shards.is_busy() {
            return false;
        }
        let mut hub = lock(&self.hub);
        let ends = hub.closing && !hub.ended;
        hub.ended |= ends;
        let woken = hub.change();
        drop(hub);
        for shard in shards.iter_mut() {
            shard.unwatch(); // whoever watched is woken now
            if ends {
                shard.close();
            }
        }
        drop(shards);
        let _ = wake_all(woken);
        ends
    }

    /// A task has come while the scope stops. Those who stop it, or one around it, are to know, unless
    /// they look again in time: else each would be followed by a look at all that are left.
    #[cold]
    pub(super) fn notify_of(&self, task: RecordAt<'_>) {
        let flags = task.flags();
        let has_its_own_time = flags.cancels_on_stop() || flags.is_scope();
        if has_its_own_time || task.grace().is_some() || !lock(&self.hub).is_looked_at_in_time {
            self.notify_all();
        }
    }

    /// As [`notify_of`](Self::notify_of), whatever has come.
    #[cold]
    pub(super) fn notify_all(&self) {
        let mut at = Some(self);
        while let Some(registry) = at {
            let woken = lock(&registry.hub).change();
            let _ = wake_all(woken);
            at = registry.record().map(|record| &**record.registry());
        }
    }
}

/// Waits for a change of a registry; made by [`Registry::watch`].
///
/// No wake-up is lost: who changes the registry counts and takes the waiters in one locked section,
/// and a waiter reads the count and registers in one.
pub(crate) struct Watch<'a> {
    pub(super) registry: &'a Registry,
    /// The count when this was made. While it stands, `key` names an entry of our own.
    pub(super) seen: u64,
    pub(super) key: Option<u32>,
}

impl Watch<'_> {
    /// Tells whether there was a change since the watch began.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.registry.hub).changes != self.seen
    }
}

impl Future for Watch<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut hub = lock(&self.registry.hub);
        if hub.changes != self.seen {
            drop(hub);
            self.key = None;
            return Poll::Ready(());
        }
        let Hub { waiters, watching, .. } = &mut *hub;
        let old = match self.key {
            Some(key) => waiters.replace(key, waker),
            None => {
                self.key = Some(waiters.insert(watching, waker));
                None
            }
        };
        drop(hub);
        drop(old);
        Waiting::answer(|| String::from("the end of every task of a scope"));
        Poll::Pending
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut hub = lock(&self.registry.hub);
        let Hub { waiters, watching, changes, .. } = &mut *hub;
        let waker = if *changes == self.seen { waiters.remove(watching, key) } else { None };
        drop(hub);
        drop(waker);
    }
}
