//! `Observer`: what a program may hear of its tasks, as it happens.

use std::sync::Arc;
use std::time::Duration;

use crate::monitor::Phase;
use crate::registry::{Late, TaskEnd, TaskRef};
use crate::task::Outcome;

/// Hears of the tasks of a lifespan as it happens: for logs, metrics, traces.
///
/// Given by [`Lifespan::observer`](crate::Lifespan::observer); each method has an empty body, so
/// that an observer writes those that it wants. Without an observer nothing of this costs anything.
///
/// It is called on whichever thread it happens, with no lock held: it may look tasks up, stop, cancel
/// and spawn some. It should be quick and must not block, since a loop stands still meanwhile. A
/// panic in it is caught, and harms nobody. It hears of a task before that is polled for the first time,
/// and of its end before those who wait for it do. What others do to the task while it is being told
/// comes in no certain order: another thread, or another observer, that stops it or drops its handle. All
/// of it comes before the lifespan has ended, except the failure of a task whose handle is dropped even
/// later.
///
/// # Examples
/// ```
/// use lifespan_core::{Lifespan, LoopOwner, Observer, Outcome, TaskRef};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
///         eprintln!("{}, spawned at {}, {outcome}", task.path(), task.spawned_at());
///     }
/// }
///
/// fn observed<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O> {
///     lifespan.observer(Log)
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// The lifespan is in this phase from now on; the first is [`Phase::Starting`].
    fn phase_changed(&self, phase: Phase) {
        let _ = phase;
    }

    /// A task is registered; it has not been polled.
    fn task_spawned(&self, task: &TaskRef) {
        let _ = task;
    }

    /// A task is about to be asked to stop: alone, or with all that live when their scope stops.
    ///
    /// Once for each task. One that comes while its scope stops is born so, and not told of.
    fn task_stopped(&self, task: &TaskRef) {
        let _ = task;
    }

    /// A task had not ended when a stop had waited long enough; it is about to be dropped, if it can.
    ///
    /// The stop of the lifespan, of a scope, or [`stop_within`](TaskRef::stop_within). Of a scope that is
    /// late, its tasks are.
    fn task_late(&self, task: &TaskRef, late: &Late) {
        let _ = (task, late);
    }

    /// A service has ended, and begins again when a delay is over.
    fn task_restarted(&self, task: &TaskRef, restart: &Restart<'_>) {
        let _ = (task, restart);
    }

    /// A task has ended, its body is gone and its name is free.
    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        let _ = (task, end);
    }

    /// A task has failed and nobody awaits it: what the report will hold too.
    ///
    /// Once for each such task, when it happens: at its end, if its handle is gone by then; else
    /// when the handle is dropped without having been awaited. The failures of a
    /// [`fail_fast`](crate::ScopeBuilder::fail_fast) scope are no exception, though whoever opened it
    /// may yet ask for them.
    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        let _ = (task, outcome);
    }
}

/// For who keeps a handle of an observer.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn phase_changed(&self, phase: Phase) {
        (**self).phase_changed(phase);
    }

    fn task_spawned(&self, task: &TaskRef) {
        (**self).task_spawned(task);
    }

    fn task_stopped(&self, task: &TaskRef) {
        (**self).task_stopped(task);
    }

    fn task_late(&self, task: &TaskRef, late: &Late) {
        (**self).task_late(task, late);
    }

    fn task_restarted(&self, task: &TaskRef, restart: &Restart<'_>) {
        (**self).task_restarted(task, restart);
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        (**self).task_ended(task, end);
    }

    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        (**self).task_failed(task, outcome);
    }
}

/// How a service begins again; see [`Observer::task_restarted`].
#[derive(Clone, Debug)]
pub struct Restart<'a> {
    pub(crate) attempt: u64,
    pub(crate) last: &'a Outcome,
    pub(crate) delay: Duration,
}

impl Restart<'_> {
    /// Returns the number of the attempt that is to come; the first start was 1.
    #[must_use]
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Returns how the last attempt ended.
    #[must_use]
    pub fn last(&self) -> &Outcome {
        self.last
    }

    /// Returns how long until then.
    ///
    /// It is less if one that it begins again [with](crate::Strategy) fails meanwhile.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }
}
