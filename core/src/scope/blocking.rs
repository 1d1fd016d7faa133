//! Blocking work as a member of a scope: named, told to stop, counted, never cut.

use std::panic::Location;

use super::builder::{SpawnError, TaskBuilder};
use super::tracked::{Start, settle};
use super::value::ValueSlot;
use super::{Cx, Spawner, Task};
use crate::event::ShutdownEvent;
use crate::event_loop::{Blocking, Closed};
use crate::registry::RecordRef;
use crate::task::{Failure, Flags, Outcome, Output, Panic};
use crate::wake::{call_caught, drop_caught};

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
        let builder = TaskBuilder::unnamed(self.handle().clone(), self.scope().clone());
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
        TaskBuilder::unnamed(self.handle().clone(), self.scope().clone())
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
        match self.register(Flags::BLOCKING, Location::caller()) {
            Ok(record) => Ok(self.start_blocking(work, record)),
            Err(why) => Err(self.refused(why, work)),
        }
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
        if let Ok(record) = self.register(Flags::BLOCKING, spawned_at) {
            return self.start_blocking(work, record);
        }
        Task::dead(&self.scope, work, Outcome::LoopClosed, spawned_at)
    }

    fn start_blocking<R, F>(self, work: F, record: RecordRef) -> Task<R::Value>
    where
        L: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce(&ShutdownEvent) -> R + Send + 'static,
    {
        let value = ValueSlot::new();
        let task = Task::new(record.clone(), value.clone());
        let event = record.event(self.scope.event());
        let start = Start::new(work, record);
        // A loop that has ended has dropped the closure, which settled the task: `LoopClosed`.
        let _ = self.handle.spawn_blocking(move || run(start, &event, value));
        task
    }
}

fn run<R, F>(mut start: Start<F>, event: &ShutdownEvent, slot: ValueSlot<R::Value>)
where
    R: Output<Value: Send + 'static>,
    F: FnOnce(&ShutdownEvent) -> R,
{
    let Some((work, record)) = start.begin() else { return };
    let done = call_caught(|| {
        let value = work(event).into_result()?;
        if record.flags().has_handle() {
            slot.put(value);
        }
        Ok(())
    });
    let outcome = match done {
        Ok(Ok(())) => Outcome::Completed,
        Ok(Err(error)) => Outcome::Failed(Failure::new(error)),
        Err(payload) => Outcome::Panicked(Panic::new(payload)),
    };
    settle(&record, outcome, Ok(()));
    // If the handle has gone meanwhile, the value is ours to drop.
    let _ = drop_caught(slot);
}
