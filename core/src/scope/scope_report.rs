//! What a scope says at its end.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::registry::{FailedTask, List, Tally, TaskRef};
use crate::task::{Outcome, TaskId};

/// How the tasks of a scope ended; see [`OpenScope::close`](crate::OpenScope::close).
///
/// It holds those of the scopes inside as well, unless their own reports were asked for.
#[derive(Clone, Debug, Default)]
#[must_use = "the report says what failed and what had to be cancelled"]
#[non_exhaustive]
pub struct ScopeReport {
    /// How many tasks completed.
    pub completed: u64,
    /// The tasks that failed or panicked, in the order in which they did: the first hundred.
    pub failures: Vec<ScopeTask>,
    /// How many more failed.
    pub more_failures: u64,
    /// The tasks that had to be cancelled because their grace was over: the first hundred.
    pub cancelled: Vec<ScopeTask>,
    /// How many more had to be cancelled.
    pub more_cancelled: u64,
    /// What had not ended when the scope's deadline passed.
    pub stragglers: Vec<ScopeTask>,
}

/// A task of a scope, as its report lists it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeTask {
    /// Its id.
    pub id: TaskId,
    /// Its scope and name, or id, as in `feed:42/receiver`.
    pub path: String,
    /// How it ended; `None` for a straggler.
    pub outcome: Option<Outcome>,
    /// Its age at its end, or when the deadline passed; see [`TaskRef::age`](crate::TaskRef::age).
    pub age: Duration,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
}

impl ScopeReport {
    pub(super) fn new(tally: Tally, stragglers: Vec<ScopeTask>) -> Self {
        let (failures, more_failures) = listed(tally.failures);
        let (cancelled, more_cancelled) = listed(tally.overran);
        let completed = tally.completed;
        Self { completed, failures, more_failures, cancelled, more_cancelled, stragglers }
    }

    /// Tells whether nothing failed, nothing had to be cancelled, and nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.cancelled.is_empty() && self.stragglers.is_empty()
    }

    /// Returns the first failure, which stopped the others in a fail-fast scope.
    #[must_use]
    pub fn first_failure(&self) -> Option<&ScopeTask> {
        self.failures.first()
    }
}

fn listed(list: List) -> (Vec<ScopeTask>, u64) {
    (list.tasks.into_iter().map(ScopeTask::of_ended).collect(), list.more)
}

impl ScopeTask {
    fn of_ended(task: FailedTask) -> Self {
        let FailedTask { id, path, outcome, age, spawned_at, .. } = task;
        Self { id, path, outcome: Some(outcome), age, spawned_at }
    }

    pub(super) fn straggler(task: &TaskRef, age: Duration) -> Self {
        let (id, path, spawned_at) = (task.id(), task.path(), task.spawned_at());
        Self { id, path, outcome: None, age, spawned_at }
    }
}

impl fmt::Display for ScopeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.completed {
            1 => f.write_str("1 task completed")?,
            count => write!(f, "{count} tasks completed")?,
        }
        for task in &self.failures {
            write!(f, "\n  {task}")?;
        }
        if self.more_failures > 0 {
            write!(f, "\n  and {} more failed tasks", self.more_failures)?;
        }
        for task in &self.cancelled {
            write!(f, "\n  {task}, because its grace was over")?;
        }
        if self.more_cancelled > 0 {
            write!(f, "\n  and {} more tasks whose grace was over", self.more_cancelled)?;
        }
        for task in &self.stragglers {
            write!(f, "\n  left behind: {task}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ScopeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, outcome, age, spawned_at, .. } = self;
        write!(f, "task {path}, {age:.1?} old (spawned at {spawned_at})")?;
        match outcome {
            Some(outcome) => write!(f, ": {outcome}"),
            None => Ok(()),
        }
    }
}
