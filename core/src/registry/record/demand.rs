//! What is asked of a task: to stop, to be dropped; and how that reaches its future.

use std::panic::resume_unwind;
use std::task::Waker;
use std::time::Duration;

use super::RecordAt;
use crate::event::Reason;
use crate::registry::TaskRef;
use crate::registry::shard::Locked;
use crate::task::{Flags, Grace, Life};
use crate::wake::call_caught;

impl RecordAt<'_> {
    /// Asks the task to end by itself. Tells whether it was still live.
    pub(crate) fn stop(self, reason: Reason) -> bool {
        let mut locked = self.lock();
        let before = self.word().raise(Flags::STOPPED);
        let event = locked.record(self.index()).event();
        // When its scope stops, the observers hear of all that live at once.
        let is_first = !before.is_stopped() && !before.is_finished() && !locked.is_stopping();
        drop(locked);
        if is_first && self.registry.listener.hears() {
            self.registry.listener.task_stopped(&TaskRef::new(self.refer()));
        }
        let is_live_scope = before.is_scope() && !before.is_finished();
        let inner = if is_live_scope { self.below() } else { None };
        if let Some(inner) = &inner {
            inner.begin_stop_below();
        }
        // `AlreadySet`: the task knows. A waker may panic, but the scope ends all the same.
        let set = event.map(|event| call_caught(|| event.trigger().set(reason)));
        if let Some(inner) = inner {
            inner.close_tree();
        }
        if let Some(Err(payload)) = set {
            resume_unwind(payload.into_inner());
        }
        !before.is_finished()
    }

    pub(super) fn demand(self, bits: u32) -> bool {
        self.demand_under(self.lock(), bits)
    }

    /// As `demand`, under the lock that the caller has, and gives back.
    pub(in crate::registry) fn demand_under(self, locked: Locked<'_>, bits: u32) -> bool {
        let before = self.demand_alone_under(locked, bits);
        if before.is_finished() {
            return false;
        }
        if before.is_scope() && !before.has_all(bits) {
            if let Some(inner) = self.below() {
                inner.demand_all(bits);
            }
        }
        true
    }

    /// As `demand`, without what lies in a scope; returns the flags before.
    pub(in crate::registry) fn demand_alone(self, bits: u32) -> Flags {
        self.demand_alone_under(self.lock(), bits)
    }

    fn demand_alone_under(self, mut locked: Locked<'_>, bits: u32) -> Flags {
        let before = self.word().raise(bits);
        let waker = locked.record(self.index()).take_waker(); // record, invariant 3
        drop(locked);
        if before.is_finished() {
            return before;
        }
        if before.is_blocking() {
            self.stop(Reason::Requested); // all that a thread can be told
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        before
    }

    /// Stores how to have the tracked future polled again (record, invariant 3), and when it was
    /// first known to go on living.
    pub(crate) fn store_waker(self, waker: Waker, first: FirstPoll) {
        // Foreign code: before the lock.
        let now = (first == FirstPoll::Yes).then(|| self.registry.clock().stamp());
        let mut locked = self.lock();
        let is_live = self.attend(&locked);
        let record = locked.record(self.index());
        if let Some(now) = now {
            record.since = record.since.or(now);
        }
        let old = match &mut record.life {
            Life::Live { waker: slot, .. } if is_live => slot.replace(waker),
            _ => Some(waker),
        };
        drop(locked);
        drop(old);
    }

    /// Has the grace be longer, and tells by how much; `None` if the body is to be dropped.
    ///
    /// Under the lock under which [`overrun_if`](RecordRef::overrun_if) looks: who was granted more
    /// is not cut before that is over. `extend` only computes.
    pub(crate) fn extend_grace(
        self,
        extend: impl FnOnce(Option<Duration>) -> (Duration, Duration),
    ) -> Option<Duration> {
        let mut locked = self.lock();
        if self.flags().is_cancelled() {
            return None;
        }
        let record = locked.record(self.index());
        let (grace, more) = extend(record.grace.get());
        record.grace = Grace::of(grace);
        Some(more)
    }

    pub(crate) fn protect(self) {
        self.word().update(Flags::protected_once_more);
    }

    pub(crate) fn unprotect(self) {
        self.word().update(Flags::protected_once_less);
    }
}

/// Whether a task has just been polled for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    Yes,
    No,
}
