//! The view of a scope's registry that users get: look up, list, stop, cancel.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Finished, Registry, TaskRef};
use crate::sync::Arc;
use crate::task::{Name, Outcome};

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

    /// Lists the tasks that live now, oldest first: a snapshot that nothing invalidates.
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
    /// [`NotFound`] if no live task has this name. The task's own error is never raised here.
    ///
    /// # Cancel safety
    /// Who stops waiting does not stop the cancel.
    pub fn cancel(&self, name: &str) -> Cancel {
        Cancel(self.get(name).map(|task| task.cancel()).ok_or_else(|| NotFound::new(name)))
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
