//! Tasks that stay on their loop's thread: the same handle, registry and meaning.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::builder::{Registered, TaskBuilder};
use super::spawn_error::SpawnError;
use super::tracked::{tracked_local, tracked_local_in_turn};
use super::{Cx, Task};
use crate::event_loop::LocalLoop;
use crate::task::{Failure, Flags, Outcome, Output};

impl<L> Cx<'_, L> {
    /// Starts a task whose future need not be `Send`; it is not polled inside this call.
    ///
    /// On another thread than the loop's own, which only a scoped thread can be, the task ends at
    /// once as failed, with [`WrongThread`].
    #[track_caller]
    pub fn spawn_local<R, F>(&self, body: F) -> Task<R::Value>
    where
        L: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        self.spawn_local_from(body, Location::caller())
    }

    /// As `spawn_local`, from a line that the caller names.
    pub(crate) fn spawn_local_from<R, F>(
        &self,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Task<R::Value>
    where
        L: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        let builder = TaskBuilder::unnamed(self.place());
        let (body, outcome) = match builder.start_local(body, spawned_at) {
            Ok(task) => return task,
            Err(SpawnError::WrongThread { body }) => {
                (body, Outcome::Failed(Failure::new(WrongThread.into())))
            }
            Err(error) => (error.into_body(), self.node().outcome_of_late()),
        };
        Task::dead(self.node(), body, &outcome, spawned_at)
    }
}

impl<L> TaskBuilder<'_, L> {
    /// Starts a task whose future need not be `Send`. The [`Cx`] proves that this is inside.
    ///
    /// # Errors
    /// [`SpawnError`] with the body, unpolled: the name is taken or empty, the scope has ended, or
    /// this is not the loop's thread.
    #[track_caller]
    pub fn spawn_local<R, F>(
        self,
        _inside: &Cx<'_, L>,
        body: F,
    ) -> Result<Task<R::Value>, SpawnError<F>>
    where
        L: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        self.start_local(body, Location::caller())
    }

    fn start_local<R, F>(
        self,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<Task<R::Value>, SpawnError<F>>
    where
        L: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        if !self.handle().is_on_its_thread() {
            return Err(SpawnError::WrongThread { body });
        }
        match self.register(Flags::QUEUED, spawned_at) {
            Ok(registered) if registered.is_queued() => Ok(registered.start_local_in_turn(body)),
            Ok(registered) => Ok(registered.start_local(body)),
            Err(rejected) => Err(rejected.with(body)),
        }
    }
}

impl<L: LocalLoop> Registered<'_, L> {
    /// As `start`, on the loop's own thread, which this is.
    fn start_local<R, F>(self, body: F) -> Task<R::Value>
    where
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        let (task, start) = self.halves(body);
        // A loop that has ended has dropped the future, which settled the task: `LoopClosed`.
        let _ = self.place.handle.spawn_local(tracked_local(start));
        task
    }

    /// As `start_local`, of a task whose body waits for its turn.
    pub(super) fn start_local_in_turn<R, F>(self, body: F) -> Task<R::Value>
    where
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + 'static,
    {
        let (task, start) = self.halves(body);
        let _ = self.place.handle.spawn_local(tracked_local_in_turn(start));
        task
    }
}

/// A task that is not `Send` was to be started on another thread than its loop's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongThread;

impl fmt::Display for WrongThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a local task starts on its loop's own thread, and this is another: \
             spawn it from a task of the loop, or use `spawn`",
        )
    }
}

impl Error for WrongThread {}
