//! Soft, then hard: a task is given some time to end by itself.

use std::time::Duration;

use super::{Cx, Task};
use crate::event_loop::Timer;
use crate::registry::{Limit, NotFound, TaskRef, Tasks};
use crate::task::Outcome;

/// How a task ended that was given some time; see [`TaskRef::stop_within`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Stopped {
    /// It ended before its time was over, or had ended before.
    InTime(Outcome),
    /// It had to be cancelled. The outcome may be another than `Cancelled` all the same: its
    /// destructor may have panicked.
    Cancelled(Outcome),
}

impl Stopped {
    /// Tells whether it had to be cancelled.
    #[must_use]
    pub fn was_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Returns how it ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        match self {
            Self::InTime(outcome) | Self::Cancelled(outcome) => outcome,
        }
    }
}

impl TaskRef {
    /// Stops the task, waits for `grace` at the most, and cancels it then; says which it was.
    ///
    /// It completes when the body is gone. The task of a scope, [`OpenScope::task_ref`], stands for
    /// all tasks in it. A task may do this to itself, or to a scope that it is in: it ends at this
    /// await, when the time is over. A protected block is waited for, and so is a closure on a
    /// thread, which cannot be cancelled: [`Cx::timeout`] bounds that.
    ///
    /// The [`Cx`] is that of the caller, whose loop measures the time.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the stop, nor the cancel if its time had come; if it had not,
    /// the task is not cancelled.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::{BoxError, Cx, Timer};
    ///
    /// async fn replace_the_feed<L: Timer>(cx: Cx<'_, L>) -> Result<(), BoxError> {
    ///     let stopped = cx.tasks().stop_within(&cx, "feed", Duration::from_secs(5)).await?;
    ///     if stopped.was_cancelled() {
    ///         println!("the feed was cut short");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// [`OpenScope::task_ref`]: crate::OpenScope::task_ref
    pub async fn stop_within<L: Timer>(&self, cx: &Cx<'_, L>, grace: Duration) -> Stopped {
        let began = cx.handle().now();
        self.stop();
        if let Ok(outcome) = cx.timeout(grace, self.finished()).await {
            return Stopped::InTime(outcome);
        }
        let flags = self.record().flags();
        if flags.is_live() && !flags.is_cancelled() {
            let waited = cx.handle().now().saturating_duration_since(began);
            self.record().tell_late(waited, Limit::Grace);
        }
        let was_live = self.record().cancel();
        let outcome = self.finished().await;
        if was_live { Stopped::Cancelled(outcome) } else { Stopped::InTime(outcome) }
    }
}

impl<T: 'static> Task<T> {
    /// Stops the task, waits for `grace` at the most, and cancels it then; says which it was.
    ///
    /// See [`TaskRef::stop_within`]. Awaiting the task gives its value afterwards, as always.
    ///
    /// # Cancel safety
    /// As that of [`TaskRef::stop_within`].
    pub async fn stop_within<L: Timer>(&self, cx: &Cx<'_, L>, grace: Duration) -> Stopped {
        self.task_ref().stop_within(cx, grace).await
    }
}

impl Tasks {
    /// Stops a task, waits for `grace` at the most, and cancels it then; says which it was.
    ///
    /// See [`TaskRef::stop_within`].
    ///
    /// # Cancel safety
    /// As that of [`TaskRef::stop_within`].
    ///
    /// # Errors
    /// [`NotFound`] if no live task has this name.
    pub async fn stop_within<L: Timer>(
        &self,
        cx: &Cx<'_, L>,
        name: &str,
        grace: Duration,
    ) -> Result<Stopped, NotFound> {
        let task = self.get(name).ok_or_else(|| NotFound::new(name))?;
        Ok(task.stop_within(cx, grace).await)
    }
}
