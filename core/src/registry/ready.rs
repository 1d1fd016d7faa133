//! Readiness: a task says that it has started, and whoever relies on it waits for that.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Finished, TaskRef};
use crate::event::WaitOwned;
use crate::task::Outcome;

impl TaskRef {
    /// Waits until the task has called [`Cx::ready`](crate::Cx::ready); any number may.
    ///
    /// Of a service it is the attempt that runs which counts: from its end on, through the delay and
    /// the wait for its turn, it is not ready before the next attempt says so. The wait begins at the
    /// first poll; whatever becomes of the service then, it ends with the first attempt that is ready.
    /// Who was ready before it ended for good, was ready.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing; readiness is a level.
    ///
    /// # Errors
    /// [`NotReady`] with the outcome, if the task has ended and was not ready by then: one that never
    /// was, and a service that was to begin again.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{BoxError, Cx};
    ///
    /// async fn with_cache(cx: &Cx<'_>) -> Result<(), BoxError> {
    ///     let cache = cx.task("cache").spawn(async |cx| {
    ///         // fill it
    ///         cx.ready();
    ///         cx.shutdown().wait().await;
    ///     })?;
    ///     cache.task_ref().ready().await?;
    ///     // use it
    ///     Ok(())
    /// }
    /// ```
    pub fn ready(&self) -> Ready {
        Ready { is_set: None, finished: self.finished() }
    }
}

/// Completes when a task is ready; made by [`TaskRef::ready`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Ready {
    /// `None` before the first poll: by then it may be down.
    is_set: Option<WaitOwned>,
    finished: Finished,
}

impl Future for Ready {
    type Output = Result<(), NotReady>;

    /// The end is looked at first, and readiness then: a task is ready before it ends, so who finds
    /// it at its end and not ready knows that it was not.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { is_set, finished } = &mut *self;
        let ended = Pin::new(&mut *finished).poll(context);
        let is_set = is_set.get_or_insert_with(|| {
            let record = finished.task().record();
            record.registry().vitals_of(record.at()).ready().wait_owned()
        });
        if Pin::new(is_set).poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let outcome = ready!(ended);
        Poll::Ready(Err(NotReady { path: self.finished.task().path(), outcome }))
    }
}

/// A task has ended, and was not ready.
#[derive(Clone, Debug)]
pub struct NotReady {
    path: String,
    outcome: Outcome,
}

impl NotReady {
    /// Returns the task's scope and name, or id.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns how it ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} ended before it was ready: {}", self.path, self.outcome)
    }
}

impl Error for NotReady {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.outcome {
            Outcome::Failed(failure) => failure.source(),
            _ => None,
        }
    }
}
