//! Failures that nobody awaited, kept for the report, and the bounded list that holds them.

use std::panic::Location;
use std::time::Duration;

use super::RecordRef;
use crate::clock::Stamp;
use crate::sync::{Mutex, lock};
use crate::task::{Outcome, TaskId};
use crate::wake::{drop_caught, drop_each_caught};

/// How many tasks a list holds; of later ones only the count.
const KEPT: usize = 100;

#[derive(Default)]
pub(crate) struct Failures(Mutex<List>);

/// Some tasks, and how many more there were than are kept.
#[derive(Default)]
pub(crate) struct List {
    pub(crate) tasks: Vec<FailedTask>,
    pub(crate) more: u64,
}

impl List {
    /// Gives back what is too much.
    pub(super) fn add(&mut self, task: FailedTask) -> Option<FailedTask> {
        if self.tasks.len() < KEPT {
            self.tasks.push(task);
            return None;
        }
        self.more += 1;
        Some(task)
    }

    pub(super) fn add_all(&mut self, other: Self) -> Vec<FailedTask> {
        self.more += other.more;
        other.tasks.into_iter().filter_map(|task| self.add(task)).collect()
    }

    /// Whether this task is in it; it may be, if there were too many.
    pub(super) fn may_have(&self, id: TaskId) -> bool {
        self.more > 0 || self.tasks.iter().any(|task| task.id == id)
    }
}

/// A task whose failure nobody awaited.
#[derive(Clone)]
pub(crate) struct FailedTask {
    pub(crate) id: TaskId,
    pub(crate) path: String,
    pub(crate) outcome: Outcome,
    pub(crate) age: Duration,
    pub(crate) attempts: u64,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl FailedTask {
    pub(super) fn of(record: &RecordRef, outcome: &Outcome, now: Stamp) -> Self {
        let task = super::TaskRef::new(record.clone());
        Self {
            id: task.id(),
            path: task.path(),
            outcome: outcome.clone(),
            age: record.age_at(now),
            attempts: task.attempts(),
            spawned_at: task.spawned_at(),
        }
    }
}

impl Failures {
    pub(super) fn add(&self, failure: FailedTask) {
        let too_many = lock(&self.0).add(failure);
        let _ = drop_caught(too_many);
    }

    /// Adds those of a list, and counts those that it does not hold.
    pub(super) fn add_all(&self, failures: List) {
        let too_many = lock(&self.0).add_all(failures);
        drop_each_caught(too_many);
    }

    /// Copies what is kept, and tells how many more there are.
    pub(crate) fn peek(&self) -> (Vec<FailedTask>, u64) {
        let list = lock(&self.0);
        (list.tasks.clone(), list.more)
    }

    /// Takes what was kept, and how many more there were.
    pub(crate) fn take(&self) -> (Vec<FailedTask>, u64) {
        let List { tasks, more } = std::mem::take(&mut *lock(&self.0));
        (tasks, more)
    }
}

/// What no report has taken may hold errors whose destructors panic; whoever lets go last is not to
/// blame.
impl Drop for Failures {
    fn drop(&mut self) {
        drop_each_caught(self.take().0);
    }
}
