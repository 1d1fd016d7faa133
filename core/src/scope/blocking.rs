//! Blocking work as a member of a scope: named, told to stop, counted, never cut.

use std::panic::Location;

use super::builder::{SpawnError, TaskBuilder};
use super::tracked::{Start, settle};
use super::value::ValueSlot;
use super::{Cx, Spawner, Task};
use crate::event::ShutdownEvent;
use crate::event_loop::{Blocking, Closed};
use crate::task::{Failure, Flags, Outcome, Output, Panic};
use crate::wake::call_caught;

impl<L> Cx<'_, L> {
    /// Runs a closure on a thread that may block, as a task of this scope.
    ///
    /// The closure gets the shutdown event as its task sees it, and should end when that is set: a
    /// thread cannot be cancelled. Cancelled before it starts, it never runs.
    ///
    /// # Errors
    /// [`Closed`] with the closure, if the scope was abandoned at its deadline.
    #[track_caller]
    pub fn spawn_blocking<R, F>(&self, work: F) -> Result<Task<R::Value>, Closed<F>>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        self.spawner().spawn_blocking(work)
    }
}

impl<L> Spawner<L> {
    /// Runs a closure on a thread that may block; see [`Cx::spawn_blocking`].
    ///
    /// # Errors
    /// [`Closed`] with the closure, if the scope has ended.
    #[track_caller]
    pub fn spawn_blocking<R, F>(&self, work: F) -> Result<Task<R::Value>, Closed<F>>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        TaskBuilder::unnamed(self.place().clone())
            .spawn_blocking(work)
            .map_err(|error| Closed::new(error.into_body()))
    }
}

impl<L> TaskBuilder<L> {
    /// Runs a closure on a thread that may block; see [`Cx::spawn_blocking`].
    ///
    /// # Errors
    /// [`SpawnError`] with the closure: the name is taken or empty, or the scope has ended.
    #[track_caller]
    pub fn spawn_blocking<R, F>(self, work: F) -> Result<Task<R::Value>, SpawnError<F>>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        let registered = match self.register(Flags::BLOCKING, Location::caller()) {
            Ok(registered) => registered,
            Err(rejected) => return Err(rejected.with(work)),
        };
        let value = ValueSlot::new();
        let task = registered.task(value.clone());
        let place = registered.place.clone();
        let event = place.record(registered.slot).event(place.scope.event());
        let start = Start::new(work, registered, value);
        // A loop that has ended has dropped the closure, which settled the task: `LoopClosed`.
        let _ = place.handle.spawn_blocking(move || run(start, &event));
        Ok(task)
    }
}

fn run<R, F, L>(mut start: Start<F, L, R::Value>, event: &ShutdownEvent)
where
    R: Output<Value: Send + 'static>,
    F: FnOnce(&ShutdownEvent) -> R,
{
    let Some(work) = start.begin() else { return };
    let home = start.home();
    let done = call_caught(|| work(event).into_result());
    let (outcome, dropped) = match done {
        Ok(Ok(value)) => (Outcome::Completed, home.keep(value)),
        Ok(Err(error)) => (Outcome::Failed(Failure::new(error)), Ok(())),
        Err(payload) => (Outcome::Panicked(Panic::new(payload)), Ok(())),
    };
    settle(home.record(), outcome, dropped);
}
