//! What a lifespan says at its end.

use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use super::start_error::StartError;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::RunError;
use crate::monitor::{Awaited, AwaitedKind};
use crate::registry::{FailedTask, TaskRef};
use crate::roll_call::Stalled;
use crate::task::{Failure, Name, Outcome, Panic, TaskId};
use crate::wake::call_caught;

/// What happened from start to stop, and what was left behind.
///
/// `fn main() -> Report` makes it the program's exit status; it prints itself to standard error
/// then, unless it is clean.
#[derive(Debug)]
#[must_use = "the report says what failed and what was left behind"]
#[non_exhaustive]
pub struct Report {
    /// Why the lifespan stopped.
    pub reason: Reason,
    /// Why it did not start, if it did not.
    pub start_error: Option<StartError>,
    /// How long each phase took, in the loop's time.
    pub phases: Phases,
    /// The components, in the order in which they started, then those that did not.
    pub components: Vec<ComponentReport>,
    /// How the `serve` future ended, if there was one.
    pub serve: Option<Outcome>,
    /// The tasks of the builder, the named ones that lived when the stop began, those that it had to
    /// cancel, and those that failed with nobody awaiting them.
    pub tasks: Vec<TaskReport>,
    /// How many failed tasks are not listed, because there were too many.
    pub more_failures: u64,
    /// How many tasks had to be cancelled by the stop and are not listed, because there were too many.
    pub more_forced: u64,
    /// What had not ended when the deadline passed.
    pub stragglers: Vec<Straggler>,
    /// Whether the loop that it was attached to ended under it.
    pub loop_ended: bool,
    /// Whether the overall deadline passed before the loop let go: see
    /// [`HardEnd`](crate::HardEnd).
    pub hard_ended: bool,
    /// What waited for what, if the loop could make no progress any more; the run ended there.
    pub stalled: Option<Stalled>,
}

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
    /// How long it lived, in the loop's time: since it first waited for something, or was listed; a
    /// task that never did costs no look at the clock, and has no age.
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
    /// How long it has lived, in the loop's time: since it first waited, or else since the stop began.
    pub age: Duration,
    /// What it is: a task, a blocking closure, or the foreground, whose path is empty.
    pub kind: AwaitedKind,
    /// Whether it is a closure on a thread, which cannot be cancelled.
    pub is_blocking: bool,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
}

impl Report {
    pub(super) fn new(reason: Reason) -> Self {
        Self {
            reason,
            start_error: None,
            phases: Phases::default(),
            components: Vec::new(),
            serve: None,
            tasks: Vec::new(),
            more_failures: 0,
            more_forced: 0,
            stragglers: Vec::new(),
            loop_ended: false,
            hard_ended: false,
            stalled: None,
        }
    }

    /// Of a loop that did not run to the end. Whoever waits for the lifespan's event hears of it.
    pub(super) fn not_run(error: RunError, event: &ShutdownEvent) -> Self {
        match error {
            RunError::Stalled(stalled) => {
                let _ = call_caught(|| event.trigger().set(Reason::LoopClosed));
                Self { stalled: Some(stalled), ..Self::new(Reason::LoopClosed) }
            }
            error => Self::not_started(StartError::Run(error), event),
        }
    }

    /// Of a start that was refused. Whoever waits for the lifespan's event hears of it.
    pub(crate) fn not_started(error: StartError, event: &ShutdownEvent) -> Self {
        let _ = call_caught(|| event.trigger().set(Reason::StartFailed));
        Self { start_error: Some(error), ..Self::new(Reason::StartFailed) }
    }

    /// Another one with references to the same errors; for one whose start error can be copied.
    pub(super) fn copy(&self) -> Self {
        Self {
            reason: self.reason.clone(),
            start_error: self.start_error.as_ref().and_then(StartError::copy),
            phases: self.phases,
            components: self.components.clone(),
            serve: self.serve.clone(),
            tasks: self.tasks.clone(),
            more_failures: self.more_failures,
            more_forced: self.more_forced,
            stragglers: self.stragglers.clone(),
            loop_ended: self.loop_ended,
            hard_ended: self.hard_ended,
            stalled: None,
        }
    }

    /// Tells whether nothing failed, nothing was forced, and nothing was left behind.
    ///
    /// A start that a stop interrupted is clean, if it was undone: `components` tells how far it came.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.exit_code() == 0
    }

    /// Returns the exit status: the first of these that applies.
    ///
    /// 3: the start failed; 4: a task failed or panicked, and nobody awaited it; 5: a shutdown handler failed, panicked or
    /// took too long; 6: something was forced or left behind, or its loop ended; 0: clean.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.start_error.is_some() {
            3
        } else if self.more_failures > 0
            || self.serve.as_ref().is_some_and(Outcome::is_failure)
            || self.tasks.iter().any(|task| task.unheard)
        {
            4
        } else if self.components.iter().any(ComponentReport::failed_to_stop) {
            5
        } else if !self.stragglers.is_empty()
            || self.stalled.is_some()
            || self.loop_ended
            || self.hard_ended
            || self.more_forced > 0
            || matches!(self.serve, Some(Outcome::Cancelled))
            || self.tasks.iter().any(TaskReport::was_forced)
        {
            6
        } else {
            0
        }
    }

    /// Finds a task by its path.
    #[must_use]
    pub fn task(&self, path: &str) -> Option<&TaskReport> {
        self.tasks.iter().find(|task| task.path == path)
    }

    /// Finds a component by its name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&ComponentReport> {
        self.components.iter().find(|component| component.name.as_str() == name)
    }
}

impl ComponentReport {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            startup: HandlerOutcome::NotRun,
            start_took: Duration::ZERO,
            shutdown: HandlerOutcome::NotRun,
            late_shutdowns: Vec::new(),
            stop_took: Duration::ZERO,
        }
    }

    fn failed_to_stop(&self) -> bool {
        self.shutdown.is_failure() || self.late_shutdowns.iter().any(HandlerOutcome::is_failure)
    }
}

impl TaskReport {
    pub(super) fn of(task: &TaskRef) -> Self {
        let record = task.record();
        Self {
            id: task.id(),
            path: task.path(),
            outcome: task.outcome(),
            age: record.age(record.registry().clock().now()),
            overran: record.flags().overran(),
            unheard: false,
            spawned_at: task.spawned_at(),
        }
    }

    pub(super) fn of_failed(failed: FailedTask) -> Self {
        let FailedTask { id, path, outcome, age, spawned_at } = failed;
        Self { id, path, outcome: Some(outcome), age, overran: false, unheard: true, spawned_at }
    }
}

impl TaskReport {
    fn was_forced(&self) -> bool {
        self.overran || matches!(self.outcome, Some(Outcome::LoopClosed))
    }
}

impl Straggler {
    pub(super) fn of(task: &TaskRef) -> Self {
        let TaskReport { path, age, spawned_at, .. } = TaskReport::of(task);
        let is_blocking = task.record().flags().is_blocking();
        let kind = if is_blocking { AwaitedKind::Blocking } else { AwaitedKind::Task };
        Self { path, age, kind, is_blocking, spawned_at }
    }

    /// The foreground, if it is that.
    pub(super) fn of_foreground(awaited: &Awaited) -> Option<Self> {
        let (kind, path, age) = (awaited.kind, String::new(), awaited.waited);
        let spawned_at = awaited.spawned_at.filter(|_| kind == AwaitedKind::Serve)?;
        Some(Self { path, age, kind, is_blocking: false, spawned_at })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() { "clean" } else { "not clean" };
        let ended = if self.hard_ended { "overran its deadline" } else { "ended" };
        writeln!(f, "lifespan {ended}, {verdict}: {}", self.reason)?;
        let Phases { starting, serving, draining, stopping } = self.phases;
        write!(f, "  started in {starting:.1?}, served for {serving:.1?}, ")?;
        if !draining.is_zero() {
            write!(f, "drained for {draining:.1?}, ")?;
        }
        writeln!(f, "stopped in {stopping:.1?}")?;
        if let Some(error) = &self.start_error {
            writeln!(f, "  did not start: {error}")?;
        }
        if self.loop_ended {
            writeln!(f, "  its loop ended under it")?;
        }
        if let Some(stalled) = &self.stalled {
            writeln!(f, "  {stalled}")?;
        }
        for component in &self.components {
            let ComponentReport { name, startup, shutdown, late_shutdowns, .. } = component;
            write!(f, "  component {name}: startup {startup}; shutdown {shutdown}")?;
            for late in late_shutdowns {
                write!(f, "; added shutdown {late}")?;
            }
            let ComponentReport { start_took, stop_took, .. } = component;
            writeln!(f, " (started in {start_took:.1?}, stopped in {stop_took:.1?})")?;
        }
        if let Some(outcome) = &self.serve {
            writeln!(f, "  serve: {outcome}")?;
        }
        for TaskReport { path, outcome, age, overran, spawned_at, .. } in &self.tasks {
            let Some(outcome) = outcome else { continue };
            let was_cut = *overran && matches!(outcome, Outcome::Cancelled);
            let why = if was_cut { " because its grace was over" } else { "" };
            writeln!(
                f,
                "  task {path}: {outcome}{why}, after {age:.1?} (spawned at {spawned_at})"
            )?;
        }
        if self.more_failures > 0 {
            writeln!(f, "  and {} more failed tasks", self.more_failures)?;
        }
        if self.more_forced > 0 {
            writeln!(f, "  and {} more tasks whose grace was over", self.more_forced)?;
        }
        for Straggler { path, age, kind, spawned_at, .. } in &self.stragglers {
            let what = match kind {
                AwaitedKind::Serve => String::from("the foreground"),
                AwaitedKind::Blocking => format!("task {path}, a blocking closure"),
                _ => format!("task {path}"),
            };
            writeln!(f, "  left behind: {what}, {age:.1?} old (spawned at {spawned_at})")?;
        }
        Ok(())
    }
}

impl Termination for Report {
    fn report(self) -> ExitCode {
        if !self.is_clean() {
            // A reader that went away must not change the exit status.
            let _ = write!(io::stderr(), "{self}");
        }
        ExitCode::from(self.exit_code())
    }
}
