//! The end of a task, from both sides: who waits for it, and the future that has come to it.

use std::task::{Poll, Waker};

use super::RecordAt;
use crate::task::{Flags, Outcome, Registration};
use crate::waiters::NIL;

impl RecordAt<'_> {
    /// The handle is gone, or has read the outcome. Tells whether the outcome stood already.
    pub(crate) fn drop_handle(self) -> bool {
        let before = self.word().lower(Flags::HANDLE);
        before.has_handle() && before.is_finished()
    }

    /// Waits for the outcome.
    ///
    /// No wake-up is lost: settling raises `FINISHED` and takes the waiters in one locked section,
    /// and a waiter looks and registers in one (record, invariant 5).
    #[inline]
    pub(crate) fn poll_finished(self, me: &mut Registration, waker: &Waker) -> Poll<Outcome> {
        if self.flags().is_finished() {
            return Poll::Ready(self.heard(me));
        }
        if me.is_registered() && self.is_registered(me, waker) {
            return Poll::Pending;
        }
        // Foreign code: before the lock.
        let waker = waker.clone();
        let mut locked = self.lock();
        if !self.attend(&locked) {
            drop(locked);
            return Poll::Ready(self.heard(me));
        }
        let (waiters, record) = locked.waiters(self.index());
        let old = if me.key == NIL {
            me.key = waiters.insert(&mut record.finished, waker);
            None
        } else {
            waiters.replace(me.key, waker)
        };
        drop(locked);
        drop(old);
        Poll::Pending
    }

    /// How a task ended that has; settling has taken the waiter.
    fn heard(self, me: &mut Registration) -> Outcome {
        me.key = NIL;
        // There is one: it is written in the section in which the task ends.
        self.outcome().unwrap_or(Outcome::Completed)
    }

    /// Whether the task lives, and wakes this waker at its end.
    fn is_registered(self, me: &Registration, waker: &Waker) -> bool {
        let mut locked = self.lock();
        let (waiters, _) = locked.waiters(self.index());
        waiters.will_wake(me.key, waker) && !self.flags().is_finished()
    }

    #[inline]
    pub(crate) fn forget_waiter(self, me: &mut Registration) {
        if me.key != NIL {
            self.remove_waiter(me);
        }
    }

    fn remove_waiter(self, me: &mut Registration) {
        let mut locked = self.lock();
        // Once finished, every waiter was taken and the key is nobody's.
        let is_finished = self.flags().is_finished();
        let (waiters, record) = locked.waiters(self.index());
        let waker = if is_finished { None } else { waiters.remove(&mut record.finished, me.key) };
        drop(locked);
        drop(waker);
        me.key = NIL;
    }

    pub(crate) fn settle(self, outcome: Outcome) {
        if matches!(outcome, Outcome::Completed) {
            self.complete();
        } else {
            self.registry.settle(self, outcome);
        }
    }

    /// As `settle`, of a body that has returned a value.
    #[inline]
    pub(crate) fn complete(self) {
        // In one step, if nobody attends to the task (record, invariant 5).
        match self.word().complete_unattended() {
            Some(before) if before.is_last_of_kept() => self.clear(),
            Some(_) => {}
            None => self.registry.complete(self),
        }
    }
}
