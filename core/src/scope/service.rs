//! A service that is about to be spawned while the program runs.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::builder::{Registered, TaskBuilder};
use super::spawn_error::SpawnError;
use super::supervised::{supervised, supervised_in_turn};
use super::tracked::Start;
use super::{Cx, Factory, Replace, Spawner, Task, TaskFn};
use crate::event_loop::{EventLoop, Timer};
use crate::service::{Group, OnEnd, Service};
use crate::task::{Grace, Name, Output};

/// A service that is about to be spawned; made by [`Cx::service`] and [`Spawner::service`].
#[must_use = "nothing starts before `.spawn(body)`"]
pub struct ServiceBuilder<'p, L> {
    task: TaskBuilder<'p, L>,
    service: Service,
}

impl<'p, L> ServiceBuilder<'p, L> {
    fn new(task: TaskBuilder<'p, L>) -> Self {
        Self { task, service: Service::default() }
    }

    /// With all that was described.
    pub(crate) fn described(task: TaskBuilder<'p, L>, service: Service) -> Self {
        Self { task, service }
    }

    /// Sets what it means that the body returns an error or panics. Default: it begins again.
    pub fn on_failure(mut self, on_failure: impl Into<OnEnd>) -> Self {
        self.service = self.service.on_failure(on_failure);
        self
    }

    /// Sets what it means that the body returns, and was not asked to. Default: it has ended.
    pub fn on_exit(mut self, on_exit: impl Into<OnEnd>) -> Self {
        self.service = self.service.on_exit(on_exit);
        self
    }

    /// Sets how long the body may take from a stop to its end, before it is cancelled.
    ///
    /// Default: that of its scope.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.service = self.service.grace(grace);
        self
    }

    /// Has the service take a number behind its name if that is taken; see [`TaskBuilder::numbered`].
    pub fn numbered(mut self) -> Self {
        self.task = self.task.numbered();
        self
    }

    /// Starts the service; its body is not polled inside this call.
    ///
    /// The body is a factory, called on a clone for each attempt. All attempts are one task: one
    /// name, one id, one handle, which gives the end of the last. A stop ends the service, and so
    /// does a cancel: it does not begin again.
    ///
    /// # Errors
    /// [`SpawnError`] with the body, unpolled: the name is taken or empty, or the scope has ended.
    #[track_caller]
    pub fn spawn<R, F>(self, body: F) -> Result<Task<()>, SpawnError<F>>
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        self.spawn_from(body, Location::caller())
    }

    /// As `spawn`, from a line that the caller names.
    pub(crate) fn spawn_from<R, F>(
        self,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<Task<()>, SpawnError<F>>
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (task, service) = self.task();
        match task.register(0, spawned_at) {
            Ok(registered) => Ok(registered.start_service(service, body)),
            Err(rejected) => Err(rejected.with(body)),
        }
    }

    /// Starts the service in the place of the task or service that has its name, which is cancelled.
    ///
    /// As [`TaskBuilder::replace`]: the body is not called before the old one is gone. Among the services
    /// of its scope that [begin again together](crate::Strategy) it is the last one from then on.
    ///
    /// # Cancel safety
    /// Dropping the future undoes nothing: the old one goes, and the new one takes its place, detached.
    ///
    /// # Errors
    /// [`SpawnError`] with the body, unpolled: the name is empty, or the scope has ended. Nothing is
    /// cancelled then.
    ///
    /// # Panics
    /// If the waker of the old one panics; it is cancelled, and the new one takes its place.
    #[track_caller]
    pub fn replace<R, F>(self, body: F) -> Result<Replace<()>, SpawnError<F>>
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (task, service) = self.task();
        task.replace_by(
            body,
            |registered, body| registered.start_service(service, body),
            |registered, body| registered.start_service_in_turn(service, body),
        )
    }

    /// The task that it is.
    fn task(self) -> (TaskBuilder<'p, L>, Service) {
        let Self { mut task, service } = self;
        task.entry.grace = service.grace.map_or(Grace::DEFAULT, Grace::of);
        (task, service)
    }
}

impl<L: Timer> Registered<'_, L> {
    fn start_service<R, F>(self, service: Service, body: F) -> Task<()>
    where
        R: Output<Value: Send + 'static> + 'static,
        F: for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (task, start) = self.service_halves(body);
        // Now: the order among the services of the scope is that of the spawns.
        let member = Group::join(self.place.scope.services());
        // A loop that has ended has dropped the future, which settled the task: `LoopClosed`.
        let _ = self.place.handle.spawn(supervised(start, service, member));
        task
    }

    /// As `start_service`, of one whose body waits for its turn.
    fn start_service_in_turn<R, F>(self, service: Service, body: F) -> Task<()>
    where
        R: Output<Value: Send + 'static> + 'static,
        F: for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (task, start) = self.service_halves(body);
        let _ = self.place.handle.spawn(supervised_in_turn(start, service));
        task
    }

    fn service_halves<F>(self, body: F) -> (Task<()>, Start<F, L, ()>) {
        let (task, start) = self.halves(body);
        // Now, so that whoever looks at it before its first poll finds a service.
        drop(self.place.scope.registry().vitals_of_service(task.task_ref().record().at()));
        (task, start)
    }
}

impl<L: EventLoop> Cx<'_, L> {
    /// Begins a service of this scope: a task that begins again when it fails, or as it is told.
    ///
    /// # Examples
    /// ```
    /// use std::io;
    /// use lifespan_core::{BoxError, Cx, OnEnd, RestartPolicy, Timer};
    ///
    /// async fn connect() -> io::Result<()> {
    ///     Ok(())
    /// }
    ///
    /// async fn add_feed<L: Timer>(cx: &Cx<'_, L>) -> Result<(), BoxError> {
    ///     let feed = cx
    ///         .service("feed")
    ///         .on_failure(RestartPolicy::default().unlimited())
    ///         .on_exit(OnEnd::Shutdown)
    ///         .spawn(async |cx| {
    ///             connect().await?;
    ///             cx.ready();
    ///             cx.shutdown().wait().await;
    ///             Ok::<_, io::Error>(())
    ///         })?;
    ///     feed.task_ref().ready().await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn service(&self, name: impl Into<Name>) -> ServiceBuilder<'_, L> {
        ServiceBuilder::new(self.task(name))
    }
}

impl<L> Cx<'_, L> {
    /// Says that this task has started: whoever relies on it may go on.
    ///
    /// Who waits: what comes after a service that [must be ready](crate::Service::must_be_ready), and
    /// anyone by [`TaskRef::ready`](crate::TaskRef::ready). Said again, and in a handler or the
    /// foreground, it does nothing.
    pub fn ready(&self) {
        if let Some(record) = self.record() {
            self.place().scope.registry().vitals_of(record).set_ready();
        }
    }
}

impl<L: EventLoop> Spawner<L> {
    /// Begins a service of the scope; see [`Cx::service`].
    pub fn service(&self, name: impl Into<Name>) -> ServiceBuilder<'_, L> {
        ServiceBuilder::new(self.task(name))
    }
}

impl<L> fmt::Debug for ServiceBuilder<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, service } = self;
        f.debug_struct("ServiceBuilder").field("task", task).field("service", service).finish()
    }
}
