//! The view of a scope's registry that users get: look up, list, stop, cancel.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Finished, Registry, TaskRef};
use crate::sync::Arc;
use crate::task::{Name, Outcome};
use crate::wake::call_caught;

/// The live tasks of one scope.
///
/// A task is in it from its spawn until its body has been dropped; it leaves by itself. Compared
/// with a `JoinSet` or a map kept by hand, nothing has to be joined, polled or purged.
#[derive(Clone)]
pub struct Tasks(Arc<Registry>);

impl Tasks {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self(registry)
    }

    /// Looks a live task up by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<TaskRef> {
        self.0.find(name).map(TaskRef::new)
    }

    /// Tells whether a live task has this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.find(name).is_some()
    }

    /// Lists the tasks that live now, by their ids: a snapshot that nothing invalidates.
    ///
    /// Tasks that one thread has spawned come in the order of their spawn.
    #[must_use]
    pub fn iter(&self) -> std::vec::IntoIter<TaskRef> {
        self.0.snapshot().into_iter().map(TaskRef::new).collect::<Vec<_>>().into_iter()
    }

    /// Counts the live tasks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether no task lives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks a task to end by itself: sets the event that it sees.
    ///
    /// # Panics
    /// If a waker panics; the stop has been made all the same.
    ///
    /// # Errors
    /// [`NotFound`] if no live task has this name.
    pub fn stop(&self, name: &str) -> Result<TaskRef, NotFound> {
        let task = self.get(name).ok_or_else(|| NotFound::new(name))?;
        task.stop();
        Ok(task)
    }

    /// Has a task's body dropped, now, whether or not the result is awaited.
    ///
    /// The future completes when the body *has been dropped*, with the task's outcome, or
    /// [`NotFound`] if no live task has this name. The task's own error is never raised here; a failure
    /// counts as heard only by who awaits the [`Task`](crate::Task): if nobody does, it is in the report.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the cancel.
    ///
    /// # Panics
    /// If a waker panics; the cancel has been made all the same.
    pub fn cancel(&self, name: &str) -> Cancel {
        let cancelled = self.0.cancel(name).ok_or_else(|| NotFound::new(name));
        Cancel(cancelled.map(|record| Finished::new(TaskRef::new(record))))
    }

    /// Has the bodies of all tasks dropped that `matches` says, now, whether or not it is awaited.
    ///
    /// The tasks are those that live at this moment; `matches` is called on each, by their ids
    /// and outside all locks, before the first is cancelled: one that panics cancels nothing. The
    /// future completes when all the bodies *have been dropped*, with each task and its outcome.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the cancels.
    ///
    /// # Panics
    /// If the waker of a task panics; all cancels have been made all the same.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::Cx;
    ///
    /// async fn hang_up(cx: &Cx<'_>) {
    ///     let is_client = |name: &str| name.starts_with("client-");
    ///     let tasks = cx.tasks();
    ///     let gone = tasks.cancel_matching(|task| task.name().is_some_and(|it| is_client(it.as_str())));
    ///     for (task, outcome) in gone.await {
    ///         println!("{}: {outcome}", task.path());
    ///     }
    /// }
    /// ```
    pub fn cancel_matching(&self, matches: impl FnMut(&TaskRef) -> bool) -> CancelMatching {
        let tasks = self.iter().filter(matches).collect::<Vec<_>>();
        let mut first = Ok(());
        for task in &tasks {
            let cancelled = call_caught(|| task.record().cancel()).map(drop);
            first = first.and(cancelled);
        }
        if let Err(payload) = first {
            resume_unwind(payload.into_inner());
        }
        let waits = tasks.into_iter().map(Finished::new).collect();
        CancelMatching { waits, gone: Vec::new() }
    }

    /// Keeps the last `count` tasks that end, for [`finished`](Self::finished). Default: 0.
    ///
    /// Of this scope alone. The ones that ended first are forgotten first; a smaller count forgets
    /// at once what is too much.
    pub fn keep_finished(&self, count: usize) {
        self.0.keep_finished(count);
    }

    /// Lists the finished tasks that are kept, the one that ended first in front.
    ///
    /// See [`keep_finished`](Self::keep_finished). Names belong to the living: nobody finds a
    /// finished task by its name, and several of them may have had the same.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::Cx;
    ///
    /// fn print_last(cx: &Cx<'_>) {
    ///     for task in cx.tasks().finished() {
    ///         let Some(outcome) = task.outcome() else { continue };
    ///         println!("{} {outcome} after {:?}", task.path(), task.age());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn finished(&self) -> std::vec::IntoIter<TaskRef> {
        self.0.finished().into_iter().map(TaskRef::new).collect::<Vec<_>>().into_iter()
    }

    /// Forgets the finished tasks that are kept, and tells how many that were.
    ///
    /// Nothing has to be purged: what is kept is bounded, and living tasks leave by themselves.
    pub fn purge(&self) -> usize {
        self.0.purge()
    }
}

impl IntoIterator for &Tasks {
    type Item = TaskRef;
    type IntoIter = std::vec::IntoIter<TaskRef>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Completes when the cancelled task is gone; made by [`Tasks::cancel`].
#[derive(Debug)]
#[must_use = "the cancel is made already; await this to know when the body is gone"]
pub struct Cancel(Result<Finished, NotFound>);

impl Future for Cancel {
    type Output = Result<Outcome, NotFound>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(finished) => Poll::Ready(Ok(ready!(Pin::new(finished).poll(context)))),
            Err(not_found) => Poll::Ready(Err(not_found.clone())),
        }
    }
}

/// Completes when all cancelled tasks are gone; made by [`Tasks::cancel_matching`].
#[derive(Debug)]
#[must_use = "the cancels are made already; await this to know when the bodies are gone"]
pub struct CancelMatching {
    /// Those after the ones in `gone`.
    waits: VecDeque<Finished>,
    gone: Vec<(TaskRef, Outcome)>,
}

impl Future for CancelMatching {
    type Output = Vec<(TaskRef, Outcome)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waits, gone } = &mut *self;
        // One after the other: the last one is waited for in any order.
        while let Some(finished) = waits.front_mut() {
            let outcome = ready!(Pin::new(&mut *finished).poll(context));
            gone.push((finished.task().clone(), outcome));
            waits.pop_front();
        }
        Poll::Ready(std::mem::take(gone))
    }
}

/// No live task has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    name: Name,
}

impl NotFound {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: Name::from(String::from(name)) }
    }

    /// Returns the name that was looked for.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no live task is named {:?}", self.name)
    }
}

impl Error for NotFound {}
