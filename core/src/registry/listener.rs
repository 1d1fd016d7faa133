//! Who hears of the tasks of a registry: the seam behind which the observers are.

use std::time::Duration;

use super::{Late, TaskRef};
use crate::task::Outcome;

/// Hears what happens, in the order of [`Observer`](crate::Observer). Never called with a lock held,
/// and never panics.
pub(crate) trait Listener: Send + Sync {
    /// Whether anybody listens; who once does, always will.
    fn hears(&self) -> bool;
    fn task_spawned(&self, task: &TaskRef);
    fn task_stopped(&self, task: &TaskRef);
    fn task_late(&self, task: &TaskRef, late: &Late);
    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>);
    fn task_failed(&self, task: &TaskRef, outcome: &Outcome);
}

/// How a task ended; see [`Observer::task_ended`](crate::Observer::task_ended).
#[derive(Clone, Debug)]
pub struct TaskEnd<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) age: Duration,
    pub(super) is_heard: bool,
}

impl TaskEnd<'_> {
    /// Returns the outcome.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        self.outcome
    }

    /// Returns its age at that moment; see [`TaskRef::age`](crate::TaskRef::age).
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Tells whether somebody holds the task's handle, and so may hear of the outcome.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.is_heard
    }
}

/// For models, in which nobody hears.
#[cfg(all(test, loom))]
pub(crate) struct Nobody;

#[cfg(all(test, loom))]
impl Listener for Nobody {
    fn hears(&self) -> bool {
        false
    }
    fn task_spawned(&self, _task: &TaskRef) {}
    fn task_stopped(&self, _task: &TaskRef) {}
    fn task_late(&self, _task: &TaskRef, _late: &Late) {}
    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {}
    fn task_failed(&self, _task: &TaskRef, _outcome: &Outcome) {}
}
