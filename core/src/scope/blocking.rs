//! Blocking work as a member of a scope: named, told to stop, counted, never cut.

use std::panic::Location;

use super::builder::{Registered, TaskBuilder};
use super::spawn_error::SpawnError;
use super::tracked::{Start, settle};
use super::{Cx, Replace, Spawner, Task};
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

impl<L> Cx<'_, L> {
    /// As `spawn_blocking`, of a scope that is open as long as who calls this lives.
    #[track_caller]
    pub(crate) fn start_blocking<R, F>(&self, work: F) -> Task<R::Value>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        let builder = TaskBuilder::unnamed(self.place());
        builder.start_blocking_anyway(work)
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
        TaskBuilder::unnamed(self.place())
            .spawn_blocking(work)
            .map_err(|error| Closed::new(error.into_body()))
    }
}

impl<L> TaskBuilder<'_, L> {
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
        match self.register(Flags::BLOCKING | Flags::QUEUED, Location::caller()) {
            Ok(registered) => Ok(registered.start_blocking(work)),
            Err(rejected) => Err(rejected.with(work)),
        }
    }

    /// Runs a closure on a thread that may block, in the place of the task that has its name.
    ///
    /// As [`replace`](Self::replace): that one is cancelled, and the closure begins when it is gone. An
    /// old closure that has begun cannot be cancelled: it is asked to stop, and waited for.
    ///
    /// # Cancel safety
    /// Dropping the future undoes nothing: the old task goes, and the new one takes its place, detached.
    ///
    /// # Errors
    /// [`SpawnError`] with the closure: the name is empty, or the scope has ended. Nothing is cancelled
    /// then.
    ///
    /// # Panics
    /// If the waker of the old task panics; it is cancelled, and the new one takes its place.
    #[track_caller]
    pub fn replace_blocking<R, F>(mut self, work: F) -> Result<Replace<R::Value>, SpawnError<F>>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        self.flags |= Flags::BLOCKING;
        self.replace_by(work, Registered::start_blocking, Registered::start_blocking_in_turn)
    }

    /// As `spawn_blocking` of an unnamed task, for who holds the scope open: it cannot fail.
    #[track_caller]
    pub(super) fn start_blocking_anyway<R, F>(self, work: F) -> Task<R::Value>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        let spawned_at = Location::caller();
        let scope = &self.place.scope;
        match self.register(Flags::BLOCKING | Flags::QUEUED, spawned_at) {
            Ok(registered) => registered.start_blocking(work),
            Err(_) => Task::dead(scope, work, &scope.outcome_of_late(), spawned_at),
        }
    }
}

impl<L> Registered<'_, L> {
    fn start_blocking<R, F>(self, work: F) -> Task<R::Value>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        if self.is_queued() {
            return self.start_blocking_in_turn(work);
        }
        let (task, start) = self.halves(work);
        let event = self.event();
        // A loop that has ended has dropped the closure, which settled the task: `LoopClosed`.
        let _ = self.place.handle.spawn_blocking(move || run(start, &event));
        task
    }

    /// As `start_blocking`, of a closure that waits for its turn: on the loop.
    fn start_blocking_in_turn<R, F>(self, work: F) -> Task<R::Value>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        let (task, start) = self.halves(work);
        let (event, handle) = (self.event(), self.place.handle.clone());
        let _ = self.place.handle.spawn(async move {
            if let Some(start) = start.in_turn().await {
                let _ = handle.spawn_blocking(move || run(start, &event));
            }
        });
        task
    }

    /// As its task sees it.
    fn event(self) -> ShutdownEvent {
        self.place.record(self.slot).event(self.place.scope.event())
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
