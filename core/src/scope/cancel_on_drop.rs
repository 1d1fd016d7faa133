//! A handle whose drop cancels its task, for those who want that.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Task;
use crate::registry::TaskRef;
use crate::task::TaskError;
use crate::wake::call_caught;

/// Handle of a task that is cancelled when the handle is dropped; made by [`Task::cancel_on_drop`].
///
/// Awaiting it gives the value, as awaiting the [`Task`] does. Its drop does not wait: the task leaves
/// the registry, and its name is free, when the body is gone. Of a task that has ended it changes
/// nothing.
///
/// # Cancel safety
/// Awaiting `&mut handle` may be given up and taken up again; awaiting it by value and giving up
/// drops it, and so cancels the task.
///
/// # Examples
/// ```
/// use lifespan_core::{BoxError, Cx};
///
/// async fn connection(cx: &Cx<'_>, id: u64) -> Result<(), BoxError> {
///     let receiver = cx.task(format_args!("receiver:{id}"));
///     let _receiver = receiver.spawn(async |cx| cx.shutdown().wait().await)?.cancel_on_drop();
///     // However this ends, by an error or by a cancel, the receiver goes with it.
///     Ok(())
/// }
/// ```
#[must_use = "dropping it cancels the task"]
pub struct CancelOnDrop<T: 'static> {
    /// Before the handle: whose drop detaches.
    guard: Guard,
    task: Task<T>,
}

/// `None` when it was disarmed.
struct Guard(Option<TaskRef>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(task) = self.0.take().filter(|task| !task.is_finished()) {
            // A waker that panics is nothing to who drops a handle.
            let _ = call_caught(|| task.record().cancel());
        }
    }
}

impl<T: 'static> Task<T> {
    /// Binds the task to its handle: dropping that cancels the task.
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop { guard: Guard(Some(self.task_ref().clone())), task: self }
    }
}

impl<T: 'static> CancelOnDrop<T> {
    /// Gives back the ordinary handle, whose drop lets the task go on.
    pub fn detach(self) -> Task<T> {
        let Self { mut guard, task } = self;
        guard.0 = None;
        task
    }

    /// Returns the untyped handle, for looking, stopping, cancelling.
    #[must_use]
    pub fn task_ref(&self) -> &TaskRef {
        self.task.task_ref()
    }
}

impl<T: 'static> Future for CancelOnDrop<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(context)
    }
}

impl<T: 'static> fmt::Debug for CancelOnDrop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(self.task_ref()).finish()
    }
}
