//! The parts of a report: phases, components, tasks, and what was left behind.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::monitor::{Awaited, AwaitedKind};
use crate::registry::{FailedTask, TaskRef};
use crate::task::{Failure, Name, Outcome, Panic, TaskId};

/// How long each phase took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phases {
    /// From the first start-up handler to the last.
    pub starting: Duration,
    /// From then until a stop was asked for.
    pub serving: Duration,
    /// From then until the [`drain`](crate::Lifespan::drain) was over.
    pub draining: Duration,
    /// From then to the end.
    pub stopping: Duration,
}

/// What became of one component.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComponentReport {
    /// The name it was registered under.
    pub name: Name,
    /// How its start-up handler ended.
    pub startup: HandlerOutcome,
    /// How long its start took, in the loop's time; zero if its turn did not come.
    pub start_took: Duration,
    /// How its shutdown handler ended.
    pub shutdown: HandlerOutcome,
    /// How the shutdown handlers that were added meanwhile ended, the last added first.
    pub late_shutdowns: Vec<HandlerOutcome>,
    /// How long its stop took, in the loop's time: that of its tasks and of its handlers.
    pub stop_took: Duration,
}

/// How a handler ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HandlerOutcome {
    /// There was none, or its turn did not come.
    NotRun,
    /// It returned.
    Completed,
    /// It returned an error.
    Failed(Failure),
    /// It panicked.
    Panicked(Panic),
    /// It had not ended within this budget, and was dropped.
    TimedOut(Duration),
    /// A stop came while it ran, and it was dropped.
    Interrupted,
    /// It runs, and has for this long; in a report that was written at the hard end.
    StillRunning(Duration),
}

impl HandlerOutcome {
    /// Tells whether it failed, panicked, or took longer than it may.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panicked(_) | Self::TimedOut(_))
    }
}

impl fmt::Display for HandlerOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun => f.write_str("not run"),
            Self::Completed => f.write_str("completed"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Panicked(panic) => write!(f, "panicked: {panic}"),
            Self::TimedOut(budget) => write!(f, "had not ended after {budget:?}"),
            Self::Interrupted => f.write_str("interrupted by a stop"),
            Self::StillRunning(since) => write!(f, "still running after {since:.1?}"),
        }
    }
}

/// What became of one task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskReport {
    /// Its id.
    pub id: TaskId,
    /// Its scope and name, or id, as in `db/poller`.
    pub path: String,
    /// How it ended; `None` for a straggler.
    pub outcome: Option<Outcome>,
    /// How often its body has begun: more than once for a service that began again.
    pub attempts: u64,
    /// Its age at its end, or when the deadline passed; see [`TaskRef::age`](crate::TaskRef::age).
    pub age: Duration,
    /// Whether a stop had to cancel it because its grace was over.
    pub overran: bool,
    /// Whether it failed and nobody awaited its [`Task`](crate::Task); who asked by a `TaskRef` does
    /// not count.
    pub unheard: bool,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
}

/// A task that had not ended when the deadline passed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Straggler {
    /// Its scope and name, or id.
    pub path: String,
    /// Its age at that moment; see [`TaskRef::age`](crate::TaskRef::age). One that has not waited for
    /// anything yet counts from a tenth of a second after the request to stop, at the latest. Of the
    /// foreground, how long it was waited for.
    pub age: Duration,
    /// What it is: a task, a blocking closure, which cannot be cancelled, or the foreground, whose path
    /// is empty.
    pub kind: AwaitedKind,
    /// Whether a thread was in the middle of polling it: it blocks that, or is busy without end.
    pub is_polled: bool,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
}

impl ComponentReport {
    pub(in crate::lifespan) fn new(name: Name) -> Self {
        Self {
            name,
            startup: HandlerOutcome::NotRun,
            start_took: Duration::ZERO,
            shutdown: HandlerOutcome::NotRun,
            late_shutdowns: Vec::new(),
            stop_took: Duration::ZERO,
        }
    }

    pub(super) fn failed_to_stop(&self) -> bool {
        self.shutdown.is_failure() || self.late_shutdowns.iter().any(HandlerOutcome::is_failure)
    }
}

impl TaskReport {
    pub(in crate::lifespan) fn of(task: &TaskRef) -> Self {
        let record = task.record();
        Self {
            id: task.id(),
            path: task.path(),
            outcome: task.outcome(),
            attempts: task.attempts(),
            age: record.age(record.registry().clock().now()),
            overran: record.flags().overran(),
            unheard: false,
            spawned_at: task.spawned_at(),
        }
    }

    pub(in crate::lifespan) fn of_failed(failed: FailedTask) -> Self {
        let FailedTask { id, path, outcome, age, attempts, spawned_at } = failed;
        let outcome = Some(outcome);
        Self { id, path, outcome, attempts, age, overran: false, unheard: true, spawned_at }
    }
}

impl TaskReport {
    pub(super) fn was_forced(&self) -> bool {
        self.overran || matches!(self.outcome, Some(Outcome::LoopClosed))
    }
}

impl Straggler {
    pub(in crate::lifespan) fn of(task: &TaskRef) -> Self {
        let TaskReport { path, age, spawned_at, .. } = TaskReport::of(task);
        let is_blocking = task.record().flags().is_blocking();
        let kind = if is_blocking { AwaitedKind::Blocking } else { AwaitedKind::Task };
        let is_polled = task.record().at().is_polled();
        Self { path, age, kind, is_polled, spawned_at }
    }

    /// The foreground, if it is that.
    pub(in crate::lifespan) fn of_foreground(awaited: &Awaited) -> Option<Self> {
        let (kind, path, age) = (awaited.kind, String::new(), awaited.waited);
        let spawned_at = awaited.spawned_at.filter(|_| kind == AwaitedKind::Serve)?;
        Some(Self { path, age, kind, is_polled: false, spawned_at })
    }
}
