//! Options of one task before it is spawned, and the spawn.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::place::Place;
use super::spawn_error::{Rejected, SpawnError};
use super::taken::IfTaken;
use super::tracked::{Start, tracked, tracked_in_turn};
use super::value::ValueSlot;
use super::{Cx, Task, TaskFn};
use crate::event_loop::EventLoop;
use crate::registry::{RecordRef, Registry, Slot};
use crate::service::OnFailure;
use crate::sync::Arc;
use crate::task::{Entry, Flags, Grace, Name, Output};

/// A task that is about to be spawned; made by [`Cx::task`] and [`Spawner::task`](crate::Spawner::task).
#[must_use = "nothing starts before `.spawn(body)`"]
pub struct TaskBuilder<'p, L> {
    pub(super) place: &'p Arc<Place<L>>,
    pub(super) entry: Entry,
    pub(super) flags: u32,
    pub(super) if_taken: IfTaken,
}

/// What is left of a builder when its task is registered.
pub(super) struct Registered<'p, L> {
    pub(super) place: &'p Arc<Place<L>>,
    /// By the count by which it came.
    pub(super) registry: &'p Arc<Registry>,
    /// With a reference for the tracked future and one for the handle.
    pub(super) slot: Slot,
}

// Not derived: that would ask it of the loop, too.
impl<L> Clone for Registered<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Registered<'_, L> {}

impl<'p, L> TaskBuilder<'p, L> {
    #[inline]
    pub(super) fn named(place: &'p Arc<Place<L>>, name: Name) -> Self {
        Self::new(place, Some(name))
    }

    pub(super) fn unnamed(place: &'p Arc<Place<L>>) -> Self {
        Self::new(place, None)
    }

    #[inline]
    pub(super) fn new(place: &'p Arc<Place<L>>, name: Option<Name>) -> Self {
        // The place of the spawn is noted by who spawns.
        let entry = Entry { name, spawned_at: Location::caller(), grace: Grace::DEFAULT };
        Self { place, entry, flags: Flags::HANDLE, if_taken: IfTaken::Refuse }
    }

    pub(super) fn handle(&self) -> &'p L {
        &self.place.handle
    }

    /// Sets how long the task may take from a stop to its end, before it is cancelled.
    ///
    /// Default: that of its scope.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.entry.grace = Grace::of(grace);
        self
    }

    /// Has a stop cancel the task at once; ending so is clean.
    ///
    /// For a task that loses nothing wherever it is cut.
    pub fn cancel_on_stop(mut self) -> Self {
        self.flags |= Flags::CANCEL_ON_STOP;
        self
    }

    /// Sets what it means that the task fails. Default: it is reported, and all goes on.
    ///
    /// A task that is to begin again is a [service](Cx::service).
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.flags &= !Flags::STOPS_ALL;
        if on_failure == OnFailure::Shutdown {
            self.flags |= Flags::STOPS_ALL;
        }
        self
    }

    #[inline]
    pub(super) fn register(
        mut self,
        flags: u32,
        spawned_at: &'static Location<'static>,
    ) -> Result<Registered<'p, L>, Rejected> {
        self.entry.spawned_at = spawned_at;
        let registry = self.place.scope.counted_registry();
        match registry.register(&mut self.entry, self.flags | flags) {
            Ok(slot) => Ok(Registered { place: self.place, registry, slot }),
            Err(why) => self.register_again(why, flags),
        }
    }

    /// Starts the task; it is not polled inside this call.
    ///
    /// # Errors
    /// [`SpawnError`] with the body, unpolled: the name is taken or empty, or the scope has ended.
    #[track_caller]
    pub fn spawn<R, F>(self, body: F) -> Result<Task<R::Value>, SpawnError<F>>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        self.spawn_from(body, Location::caller())
    }

    /// As `spawn`, from a line that the caller names.
    pub(crate) fn spawn_from<R, F>(
        self,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<Task<R::Value>, SpawnError<F>>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        match self.register(Flags::QUEUED, spawned_at) {
            Ok(registered) => Ok(registered.start(body)),
            Err(rejected) => Err(rejected.with(body)),
        }
    }
}

/// As `spawn` of an unnamed task, for who is inside the scope: it cannot fail.
#[track_caller]
pub(super) fn start_anyway<R, F, L>(place: &Arc<Place<L>>, body: F) -> Task<R::Value>
where
    L: EventLoop,
    R: Output<Value: Send + 'static> + 'static,
    F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
{
    let spawned_at = Location::caller();
    let mut entry = Entry { name: None, spawned_at, grace: Grace::DEFAULT };
    let registry = place.scope.counted_registry();
    match registry.register(&mut entry, Flags::HANDLE | Flags::QUEUED) {
        Ok(slot) => Registered { place, registry, slot }.start(body),
        Err(_) => Task::dead(&place.scope, body, &place.scope.outcome_of_late(), spawned_at),
    }
}

impl<L> Registered<'_, L> {
    /// Starts the task; its two references go to the handle and to the tracked future.
    #[inline]
    pub(super) fn start<R, F>(self, body: F) -> Task<R::Value>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        if self.is_queued() {
            return self.start_in_turn(body);
        }
        let (task, start) = self.halves(body);
        // A loop that has ended has dropped the future, which settled the task: `LoopClosed`.
        let _ = self.place.handle.spawn(tracked(start));
        task
    }

    /// As `start`, of a task whose body waits for its turn.
    pub(super) fn start_in_turn<R, F>(self, body: F) -> Task<R::Value>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        let (task, start) = self.halves(body);
        // Boxed, so that the loop's spawn is made once for all bodies that wait.
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(tracked_in_turn(start));
        let _ = self.place.handle.spawn(future);
        task
    }

    /// The handle, and what becomes the tracked future; each takes one of the two references over.
    #[inline]
    pub(super) fn halves<F, T: 'static>(self, body: F) -> (Task<T>, Start<F, L, T>) {
        let value = ValueSlot::new();
        let task = Task::new(self.record(), value.clone());
        (task, Start::new(body, self, value))
    }

    /// The handle's reference; that of the tracked future is given up by who settles.
    #[inline]
    pub(super) fn record(self) -> RecordRef {
        RecordRef::new(Arc::clone(self.registry), self.slot)
    }

    /// Whether the task has to wait for its turn.
    #[inline]
    pub(super) fn is_queued(self) -> bool {
        self.registry.has_turns() && self.place.record(self.slot).flags().is_queued()
    }
}

impl<L> fmt::Debug for TaskBuilder<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("name", &self.entry.name)
            .field("grace", &self.entry.grace.get())
            .finish_non_exhaustive()
    }
}
