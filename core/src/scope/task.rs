//! The typed handle of a task: await it for the value, drop it to detach.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::value::ValueSlot;
use crate::registry::{Finished, RecordRef, TaskRef};
use crate::task::{Entry, Grace, Outcome, TaskError};
use crate::wake::drop_caught;

/// Handle of a spawned task: awaiting it gives the value.
///
/// Dropping it detaches: the registry owns the task, on every runtime. A failure that nobody awaits
/// then goes to the report; of a handle that is still kept when the lifespan has ended, nobody hears.
///
/// # Cancel safety
/// Awaiting `&mut task` may be given up and taken up again.
#[must_use = "dropping a task detaches it; say so with `.detach()`"]
pub struct Task<T: 'static> {
    finished: Finished,
    value: ValueSlot<T>,
}

impl<T: 'static> Task<T> {
    pub(super) fn new(record: RecordRef, value: ValueSlot<T>) -> Self {
        Self { finished: Finished::new(TaskRef::new(record)), value }
    }

    /// A task that cannot run: its body is dropped unpolled, and its outcome stands.
    pub(super) fn dead<F>(
        scope: &Scope,
        body: F,
        outcome: &Outcome,
        spawned_at: &'static Location<'static>,
    ) -> Self {
        let _ = drop_caught(body);
        let entry = Entry { name: None, spawned_at, grace: Grace::DEFAULT };
        Self::new(scope.registry().register_dead(entry, outcome), ValueSlot::new())
    }

    /// Returns the untyped handle, for looking, stopping, cancelling.
    #[must_use]
    pub fn task_ref(&self) -> &TaskRef {
        self.finished.task()
    }

    /// Asks the task to end by itself: sets the event that it sees. Tells whether it was live.
    ///
    /// # Panics
    /// If a waker panics; the stop has been made all the same.
    pub fn stop(&self) -> bool {
        self.task_ref().stop()
    }

    /// Has the body dropped, now; completes when it is gone. See [`TaskRef::cancel`].
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the cancel.
    ///
    /// # Panics
    /// If a waker panics; the cancel has been made all the same.
    pub fn cancel(&self) -> Finished {
        self.task_ref().cancel()
    }

    /// Lets the task go on alone; the same as dropping the handle.
    pub fn detach(self) {}
}

impl<T: 'static> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.finished.is_completed() {
            return Poll::Ready(self.value.take().ok_or(TaskError::Taken));
        }
        let outcome = ready!(Pin::new(&mut self.finished).poll(context));
        if !matches!(outcome, Outcome::Completed) {
            self.task_ref().record().at().drop_handle(); // heard: not for the report
        }
        Poll::Ready(match outcome {
            Outcome::Completed => self.value.take().ok_or(TaskError::Taken),
            outcome => Err(TaskError::of(outcome)),
        })
    }
}

impl<T: 'static> Drop for Task<T> {
    #[inline]
    fn drop(&mut self) {
        let record = self.task_ref().record();
        // Of a task that has completed there is nothing to report.
        if !record.flags().is_completed() && record.at().drop_handle() {
            record.registry().report(record);
        }
    }
}

impl<T: 'static> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(self.task_ref()).finish()
    }
}
