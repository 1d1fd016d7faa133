//! How a task settles: its name is free, its outcome stands, who waited is woken, a failure reported.

use super::shard::{Completed, Left};
use super::{FailedTask, RecordAt, RecordRef, Registry, TaskEnd, TaskRef};
use crate::clock::Stamp;
use crate::event::Reason;
use crate::task::Outcome;
use crate::wake::{call_caught, drop_caught, wake_all};

impl Registry {
    /// Settles a task that has completed, and that somebody attends to. What nobody can ask for is not
    /// noted, nor when it ended, if nobody but its handle refers to it.
    pub(super) fn complete(&self, task: RecordAt<'_>) {
        let mut shard = task.lock();
        let completed = shard.complete(task.index(), task.word());
        let may_be_empty = shard.is_watched() && !shard.is_busy();
        drop(shard);
        match completed {
            Completed::AndWakes(None) => {}
            // As in `leave`.
            Completed::AndWakes(Some(waiter)) => drop(call_caught(|| waiter.wake())),
            Completed::AndLeft(left) => leave(left),
            Completed::NotYet => return self.settle(task, Outcome::Completed),
        }
        if may_be_empty {
            self.emptied();
        }
    }

    /// Settles a task: its name is free, its outcome stands, a failure nobody hears is reported,
    /// and all who waited are woken; in one locked section, so that nobody sees a part of it. The
    /// reference of the tracked future is given up.
    pub(super) fn settle(&self, task: RecordAt<'_>, outcome: Outcome) {
        if self.settle_at(task, outcome) {
            self.emptied();
        }
    }

    /// As `settle`. Tells whether the registry may be empty now, of which those who watch have not
    /// heard.
    #[cold]
    pub(super) fn settle_at(&self, task: RecordAt<'_>, outcome: Outcome) -> bool {
        let loop_closed = matches!(outcome, Outcome::LoopClosed);
        // Before the lock: it reads the clock, and the record.
        let now = self.clock.stamp();
        let failure = outcome.is_failure().then(|| FailedTask::of(&task.refer(), &outcome, now));
        let stops_all = failure.as_ref().filter(|_| task.flags().stops_all());
        let stops_all = stops_all.map(|failure| failure.path.clone());
        task.registry().keep(task);
        self.count(task, &outcome, now);
        let gives_turn = self.leave_turn(task);
        let may_be_empty = if self.listener.hears() {
            self.end_observed(task, outcome, now, failure)
        } else {
            self.end(task, outcome, now, failure)
        };
        if gives_turn {
            self.next_turn();
        }
        if let Some(path) = stops_all {
            let _ = call_caught(|| self.stop.set(Reason::TaskFailed(path)));
        }
        if loop_closed {
            let _ = call_caught(|| self.stop.set(Reason::LoopClosed));
        }
        may_be_empty
    }

    #[inline]
    pub(super) fn end(
        &self,
        task: RecordAt<'_>,
        outcome: Outcome,
        at: Stamp,
        failure: Option<FailedTask>,
    ) -> bool {
        let mut left = Left::default();
        let mut shard = task.lock();
        shard.finish(task.index(), outcome, at, &mut left);
        if let (true, Some(failure)) = (left.unheard, failure) {
            self.report_failure(failure);
        }
        let may_be_empty = shard.is_watched() && !shard.is_busy();
        drop(shard);
        leave(left);
        may_be_empty
    }

    /// As `end`. The scope counts as busy until the observers have heard, so that they have heard of
    /// all when the lifespan has ended; and they hear before those who wait for the task.
    pub(super) fn end_observed(
        &self,
        task: RecordAt<'_>,
        outcome: Outcome,
        at: Stamp,
        failure: Option<FailedTask>,
    ) -> bool {
        let ended = TaskRef::new(task.refer());
        let mut left = Left::default();
        let mut shard = task.lock();
        shard.finish(task.index(), outcome.clone(), at, &mut left);
        shard.begin_telling();
        let is_heard = !left.unheard;
        if let (false, Some(failure)) = (is_heard, failure) {
            self.report_failure(failure);
        }
        drop(shard);
        let end = TaskEnd { outcome: &outcome, age: ended.record().age_at(at), is_heard };
        self.listener.task_ended(&ended, &end);
        if !is_heard && outcome.is_failure() {
            self.listener.task_failed(&ended, &outcome);
        }
        let mut shard = task.lock();
        shard.end_telling();
        let may_be_empty = shard.is_watched() && !shard.is_busy();
        drop(shard);
        leave(left);
        drop(ended);
        // Perhaps the last one: nobody but the observers may have it.
        let _ = drop_caught(outcome);
        may_be_empty
    }

    /// Reports the failure of a finished task whose handle was dropped unread.
    pub(crate) fn report(&self, record: &RecordRef) {
        if let Some(outcome) = record.at().outcome().filter(Outcome::is_failure) {
            let failed = FailedTask::of(record, &outcome, self.clock.stamp());
            self.report_failure(failed);
            self.listener.task_failed(&TaskRef::new(record.clone()), &outcome);
        }
    }
}

/// Wakes and drops what a task left.
#[inline]
fn leave(left: Left) {
    let Left { waiters, waker, event, held, .. } = left;
    // A waker that panics here would end the loop of some runtimes and not of others. The panic hook
    // has shown it; the loop goes on.
    if !waiters.is_empty() {
        let _ = wake_all(waiters);
    }
    // Each under a guard of its own: two destructors that panic under one would end the process.
    if waker.is_some() || event.is_some() {
        let _ = drop_caught(waker);
        let _ = drop_caught(event);
    }
    if held.is_some() {
        let _ = drop_caught(held);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::fmt;
    use std::task::{Wake, Waker};

    use super::*;
    use crate::sync::Arc;
    use crate::task::{Failure, Life};

    /// A waker and an error, and a destructor that panics.
    #[derive(Debug)]
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor that panics");
        }
    }

    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {}
    }

    impl fmt::Display for Bomb {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a bomb")
        }
    }

    impl std::error::Error for Bomb {}

    #[test]
    fn a_waker_and_an_error_whose_destructors_both_panic_do_no_harm() {
        let outcome = Outcome::Failed(Failure::new(Box::new(Bomb)));
        let held = (None, Life::Ended { outcome, at: Stamp::NONE });
        let waker = Some(Waker::from(Arc::new(Bomb)));
        leave(Left { waker, held: Some(held), ..Left::default() });
    }
}
