//! A task in the place of another one: that one is cancelled, and its name taken when it is gone.

use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::builder::{Registered, TaskBuilder};
use super::spawn_error::{Rejected, SpawnError};
use super::{Cx, Task, TaskFn};
use crate::event_loop::{EventLoop, LocalLoop};
use crate::registry::{Finished, RecordRef, TaskRef};
use crate::task::Output;

impl<'p, L> TaskBuilder<'p, L> {
    /// Starts the task in the place of the one that has its name, which is cancelled.
    ///
    /// The future completes with the task when the old one is gone and the name is this one's, or will
    /// never be, since this one was cancelled meanwhile. The body does not begin before. Where nobody has
    /// the name, that is at once.
    ///
    /// Of several that replace one name, the one that came last lives in the end: it cancels those
    /// before it, and what had not begun never does. A task may replace itself: it ends at its next
    /// await. An old one that protects itself, or blocks its thread, is waited for.
    ///
    /// # Cancel safety
    /// Dropping the future undoes nothing: the old task goes, and the new one takes its place, detached.
    ///
    /// # Errors
    /// [`SpawnError`] with the body, unpolled: the name is empty, or the scope has ended. Nothing is
    /// cancelled then.
    ///
    /// # Panics
    /// If the waker of the old task panics; it is cancelled, and the new one takes its place.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{BoxError, Cx};
    ///
    /// async fn reload(cx: &Cx<'_>) -> Result<(), BoxError> {
    ///     let feed = cx.task("feed").replace(async |cx| cx.shutdown().wait().await)?.await;
    ///     feed.detach();
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn replace<R, F>(self, body: F) -> Result<Replace<R::Value>, SpawnError<F>>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        self.replace_by(body, Registered::start, Registered::start_in_turn)
    }

    /// As [`replace`](Self::replace), of a task whose future need not be `Send`.
    ///
    /// # Errors
    /// As [`spawn_local`](Self::spawn_local), but for the name that is taken.
    ///
    /// # Panics
    /// If the waker of the old task panics.
    #[track_caller]
    pub fn replace_local<R, F>(
        self,
        _inside: &Cx<'_, L>,
        body: F,
    ) -> Result<Replace<R::Value>, SpawnError<F>>
    where
        L: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        if !self.handle().is_on_its_thread() {
            return Err(SpawnError::WrongThread { body });
        }
        self.replace_by(body, Registered::start_local_in_turn, Registered::start_local_in_turn)
    }

    /// Registers the task as the one that will have its name, and starts it: `at_once`, if nobody has
    /// that.
    #[track_caller]
    pub(super) fn replace_by<F, T: 'static>(
        self,
        body: F,
        at_once: impl FnOnce(Registered<'p, L>, F) -> Task<T>,
        in_turn: impl FnOnce(Registered<'p, L>, F) -> Task<T>,
    ) -> Result<Replace<T>, SpawnError<F>> {
        let Self { place, mut entry, flags, .. } = self;
        entry.spawned_at = Location::caller();
        let registry = place.scope.counted_registry();
        let succession = match registry.register_successor(&mut entry, flags) {
            Ok(succession) => succession,
            Err(barred) => return Err(Rejected::from(barred).with(body)),
        };
        let cancelled = succession.cancel_others();
        let registered = Registered { place, registry, slot: succession.slot };
        let task = match succession.holder {
            None => at_once(registered, body),
            Some(_) => in_turn(registered, body),
        };
        if let Err(payload) = cancelled {
            resume_unwind(payload.into_inner());
        }
        Ok(Replace::new(task, succession.holder))
    }
}

/// Completes with the new task when the old one is gone.
///
/// Made by [`TaskBuilder::replace`] and its like, also by [`ServiceBuilder::replace`].
///
/// [`ServiceBuilder::replace`]: crate::ServiceBuilder::replace
#[must_use = "the new task comes anyway; await this to know when the old one is gone"]
pub struct Replace<T: 'static> {
    /// `None` when it was given out.
    task: Option<Task<T>>,
    /// When it is gone, the name is the new task's, or that is cancelled (see `registry::succession`).
    /// `None` where nobody had the name.
    old: Option<Finished>,
}

impl<T: 'static> Replace<T> {
    fn new(task: Task<T>, holder: Option<RecordRef>) -> Self {
        let old = holder.map(|record| Finished::new(TaskRef::new(record)));
        Self { task: Some(task), old }
    }

    /// Returns the old task, which is being cancelled; `None` if there was none.
    #[must_use]
    pub fn old(&self) -> Option<&TaskRef> {
        self.old.as_ref().map(Finished::task)
    }
}

impl<T: 'static> Future for Replace<T> {
    type Output = Task<T>;

    /// # Panics
    /// If it is polled again after it has completed.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Task<T>> {
        if let Some(old) = &mut self.old {
            ready!(Pin::new(old).poll(context));
        }
        match self.task.take() {
            Some(task) => Poll::Ready(task),
            None => panic!("a `Replace` was polled after it had completed"),
        }
    }
}

impl<T: 'static> fmt::Debug for Replace<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replace").field("task", &self.task).field("old", &self.old).finish()
    }
}
