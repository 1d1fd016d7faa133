//! `Spawner`: the remote control of a scope, for request handlers and other threads.

use std::fmt;

use super::builder::TaskBuilder;
use super::place::Place;
use super::spawn_error::SpawnError;
use super::{Scope, ScopeBuilder, State, Task, TaskFn};
use crate::Cx;
use crate::any_loop::AnyLoop;
use crate::event::{ShutdownEvent, ShutdownTrigger};
use crate::event_loop::{Closed, EventLoop};
use crate::monitor::Monitor;
use crate::registry::Tasks;
use crate::sync::Arc;
use crate::task::{Name, Output};

/// Remote control of a scope: start, look up and stop tasks from anywhere.
///
/// It is `'static`, and `Send` whatever the tasks do. It has no timers: a sleep belongs inside a
/// task, whose body gets a [`Cx`]. Holding one keeps nothing alive.
pub struct Spawner<L = AnyLoop> {
    place: Arc<Place<L>>,
}

impl<L> Spawner<L> {
    pub(super) fn new(place: Arc<Place<L>>) -> Self {
        Self { place }
    }

    /// Starts a task in the scope; it is not polled inside this call.
    ///
    /// # Errors
    /// [`Closed`] with the body, if the scope has ended.
    #[track_caller]
    pub fn spawn<R, F>(&self, body: F) -> Result<Task<R::Value>, Closed<F>>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        TaskBuilder::unnamed(&self.place)
            .spawn(body)
            .map_err(|error: SpawnError<F>| Closed::new(error.into_body()))
    }

    /// Begins a task with a name, unique among the live tasks of the scope.
    pub fn task(&self, name: impl Into<Name>) -> TaskBuilder<'_, L>
    where
        L: EventLoop,
    {
        TaskBuilder::named(&self.place, name.into())
    }

    /// Begins a scope inside this one; see [`Cx::scope`].
    pub fn scope(&self, name: impl Into<Name>) -> ScopeBuilder<L>
    where
        L: EventLoop,
    {
        ScopeBuilder::new(Arc::clone(&self.place), name.into())
    }

    /// Returns a remote control of the root scope, where the lifespan's own tasks are.
    #[must_use]
    pub fn root(&self) -> Self
    where
        L: EventLoop,
    {
        Self::new(Place::new(self.place.handle.clone(), Scope::root_of(self.node())))
    }

    pub(super) fn place(&self) -> &Arc<Place<L>> {
        &self.place
    }

    pub(super) fn node(&self) -> &Arc<Scope> {
        &self.place.scope
    }

    /// Returns the live tasks of the scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.node().tasks()
    }

    /// Returns what shows the whole lifespan to any thread: its health, and all that lives in it.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.node().shared().board))
    }

    /// Returns the values that handlers, tasks and spawners of this lifespan share, by type.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.node().shared().state
    }

    /// Returns the scope's shutdown event.
    #[must_use]
    pub fn shutdown(&self) -> &ShutdownEvent {
        self.node().event()
    }

    /// Returns what asks the whole lifespan to stop.
    #[must_use]
    pub fn trigger(&self) -> ShutdownTrigger {
        self.node().shared().stop.trigger()
    }

    /// Returns the lifespan's event: set at the very start of its stop, before any task is.
    #[must_use]
    pub fn lifespan_event(&self) -> &ShutdownEvent {
        &self.node().shared().stop
    }
}

impl<L: Clone> Clone for Spawner<L> {
    fn clone(&self) -> Self {
        Self { place: Arc::clone(&self.place) }
    }
}

impl<L> fmt::Debug for Spawner<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("tasks", &self.tasks()).finish_non_exhaustive()
    }
}
