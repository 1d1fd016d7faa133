//! What a lifespan says at its end.

#[cfg(feature = "json")]
mod json;
mod parts;
mod sources;
mod text;

#[cfg(feature = "json")]
pub(crate) use json::write_error;
pub use parts::{ComponentReport, HandlerOutcome, Phases, Straggler, TaskReport};
pub(crate) use sources::Because;

use super::start_error::StartError;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::RunError;
use crate::roll_call::Stalled;
use crate::task::Outcome;
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

impl Report {
    pub(in crate::lifespan) fn new(reason: Reason) -> Self {
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
    pub(in crate::lifespan) fn not_run(error: RunError, event: &ShutdownEvent) -> Self {
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
    pub(in crate::lifespan) fn copy(&self) -> Self {
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
    /// - 3: the start failed.
    /// - 4: a task failed or panicked, and nobody awaited it; the foreground failed or panicked; or the
    ///   lifespan stopped because a task had failed, whoever awaited that ([`Reason::TaskFailed`]).
    /// - 5: a shutdown handler failed, panicked or took too long.
    /// - 6: the stop had to cancel a task or the foreground, or the loop dropped a task; something was
    ///   left behind; the loop ended under it, or could make no progress any more; or the overall
    ///   deadline passed before the loop let go.
    /// - 0: clean.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.start_error.is_some() {
            3
        } else if self.more_failures > 0
            || self.serve.as_ref().is_some_and(Outcome::is_failure)
            || self.tasks.iter().any(|task| task.unheard)
            || matches!(self.reason, Reason::TaskFailed(_))
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

    /// Returns the task whose failure or end stopped the lifespan, if one did.
    #[must_use]
    pub fn culprit(&self) -> Option<&TaskReport> {
        match &self.reason {
            // Of several that had the path, it was the last.
            Reason::TaskFailed(path) | Reason::TaskEnded(path) => {
                self.tasks.iter().rfind(|task| task.path == *path)
            }
            _ => None,
        }
    }

    /// Finds a component by its name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&ComponentReport> {
        self.components.iter().find(|component| component.name.as_str() == name)
    }
}
