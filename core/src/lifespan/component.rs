//! A component: how it starts and stops, its tasks, what it comes after, its budgets.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::handler::{self, Handler};
use super::planned::PlannedTasks;
use super::start_error::StartError;
use super::{Budgets, Lifespan};
use crate::event_loop::{EventLoop, Timer};
use crate::scope::{Cx, Factory, TaskFn};
use crate::service::{Limit, Service, Strategy, Together};
use crate::task::{Name, Output};
use crate::wake::drop_each_caught;

/// A named part of a program, as it is described to [`Lifespan::component`].
///
/// It starts when all that it comes [`after`](Self::after) have started: its start-up handler runs,
/// then its tasks are spawned. It stops before any of those: its tasks are stopped, and when they are
/// gone its shutdown handler runs.
///
/// # Examples
/// ```
/// use std::io;
/// use std::time::Duration;
/// use lifespan_core::{Component, Cx, Lifespan, LoopOwner, Timer};
///
/// #[derive(Clone)]
/// struct Pool;
///
/// impl Pool {
///     async fn open() -> io::Result<Pool> {
///         Ok(Pool)
///     }
///     async fn close(self) {}
/// }
///
/// async fn refresh<L: Timer>(cx: Cx<'_, L>) {
///     let Some(pool) = cx.state().get::<Pool>() else { return };
///     while !cx.wait_timeout(Duration::from_secs(60)).await.is_set() {
///         // ask the pool
///         let _ = &pool;
///     }
/// }
///
/// /// What a library offers: it names no runtime.
/// fn database<L: Timer>(component: Component<L>) -> Component<L> {
///     component
///         .resource(
///             async |cx| {
///                 let pool = Pool::open().await?;
///                 cx.state().insert(pool.clone()); // for the tasks, and for other components
///                 Ok::<_, io::Error>(pool)
///             },
///             async |_cx, pool| pool.close().await,
///         )
///         .task("refresh", refresh)
///         .start_timeout(Duration::from_secs(5))
/// }
///
/// fn program<O: LoopOwner<Handle: Timer>>(lifespan: Lifespan<O>) -> Lifespan<O> {
///     lifespan
///         .component("db", database)
///         .component("web", |web| web.after(["db"]).startup(async |_cx| println!("listening")))
/// }
/// ```
#[must_use = "a component is what the description returns"]
pub struct Component<L> {
    pub(super) name: Name,
    pub(super) after: Vec<Name>,
    pub(super) startup: Option<Handler<L>>,
    pub(super) shutdown: Option<Handler<L>>,
    pub(super) tasks: PlannedTasks<L>,
    pub(super) budgets: OwnBudgets,
    pub(super) together: Together,
    /// How many finished tasks its scope remembers.
    pub(super) keep_finished: usize,
    /// The first thing that was refused; the start fails with it.
    pub(super) refused: Option<StartError>,
}

/// The budgets that a component has of its own; the others are the lifespan's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnBudgets {
    start: Option<Duration>,
    grace: Option<Duration>,
    shutdown: Option<Duration>,
}

impl OwnBudgets {
    pub(super) fn over(self, lifespan: Budgets) -> Budgets {
        Budgets {
            start: self.start.unwrap_or(lifespan.start),
            grace: self.grace.unwrap_or(lifespan.grace),
            shutdown: self.shutdown.unwrap_or(lifespan.shutdown),
            deadline: lifespan.deadline,
            drain: lifespan.drain,
        }
    }
}

/// What does not run is dropped where nobody is to blame for a panic of its destructors.
impl<L> Drop for Component<L> {
    fn drop(&mut self) {
        drop_each_caught([self.startup.take(), self.shutdown.take()]);
    }
}

impl<L> Component<L> {
    pub(super) fn new(name: Name) -> Self {
        Self {
            after: Vec::new(),
            startup: None,
            shutdown: None,
            tasks: PlannedTasks::of(name.clone()),
            budgets: OwnBudgets::default(),
            together: Together::default(),
            keep_finished: 0,
            refused: name.is_empty().then_some(StartError::EmptyName),
            name,
        }
    }

    /// Returns the name under which it is described.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Has it start after these have started, and stop before any of them is touched.
    ///
    /// They may be registered later. A name that no component has, and a circle, are refused when
    /// the lifespan is run: [`StartError::UnknownComponent`], [`StartError::Cycle`]. Said again, it
    /// adds. Default: only the order of registration counts.
    pub fn after<N: Into<Name>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.after.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets how long the start-up handler may take. Default: the lifespan's.
    pub fn start_timeout(mut self, budget: Duration) -> Self {
        self.budgets.start = Some(budget);
        self
    }

    /// Sets how long its tasks may take from a stop to their end, before they are cancelled.
    ///
    /// A task may have its own, and [ask for more](Cx::extend_grace). Default: the lifespan's.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.budgets.grace = Some(grace);
        self
    }

    /// Sets how long each of its shutdown handlers may take. Default: the lifespan's.
    pub fn stop_timeout(mut self, budget: Duration) -> Self {
        self.budgets.shutdown = Some(budget);
        self
    }

    /// Sets which of its services begin again when one of them does. Default: only that one.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.together.strategy = strategy;
        self
    }

    /// Sets how often its services may begin again within a period, all together. Default: each has its
    /// own limit alone, that of its [`RestartPolicy`](crate::RestartPolicy).
    ///
    /// It is the intensity of OTP's supervisors, and comes beside the limits of the services. One more, and
    /// the lifespan stops, with a reason that names the one that failed last. Those that begin again with
    /// another count with it as one.
    pub fn restarts_at_most(mut self, count: u32, period: Duration) -> Self {
        self.together.limit = Some(Limit { count, period });
        self
    }

    /// Keeps the last `count` tasks of its scope that end, for reading. Default: 0.
    ///
    /// See [`Tasks::finished`](crate::Tasks::finished).
    pub fn keep_finished(mut self, count: usize) -> Self {
        self.keep_finished = count;
        self
    }

    /// The tasks, for the moment when they are spawned.
    pub(super) fn take_tasks(&mut self) -> PlannedTasks<L> {
        std::mem::replace(&mut self.tasks, PlannedTasks::of(self.name.clone()))
    }

    fn refuse(&mut self, error: StartError) {
        self.refused.get_or_insert(error);
    }

    fn refuse_twice(&mut self) {
        let name = self.name.clone();
        self.refuse(StartError::NameTaken { name });
    }
}

impl<L: EventLoop> Component<L> {
    /// Sets the start-up handler, as [`Lifespan::startup`] does.
    pub fn startup<R, F>(mut self, handler: F) -> Self
    where
        R: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
    {
        self.set_startup(handler::boxed(handler));
        self
    }

    /// Sets the shutdown handler, as [`Lifespan::shutdown`] does.
    pub fn shutdown<R, F>(mut self, handler: F) -> Self
    where
        R: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
    {
        self.set_shutdown(handler::boxed(handler));
        self
    }

    /// Sets both handlers: `open` returns a value, `close` is given it.
    ///
    /// What was not opened is not closed: `close` runs only if `open` succeeded, once all that comes
    /// after this component has ended. Meanwhile the value is kept here; who needs it finds what
    /// `open` has put into [`Cx::state`]. If the lifespan is dropped before its stop, the value is
    /// dropped unclosed.
    pub fn resource<T, R, S, F, G>(mut self, open: F, close: G) -> Self
    where
        T: 'static,
        R: Output<Value = T> + 'static,
        S: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
        G: for<'t> AsyncFnOnce(Cx<'t, L>, T) -> S + 'static,
    {
        let kept = Rc::new(Cell::new(None));
        let opened = Rc::clone(&kept);
        self.set_startup(Box::new(move |cx| {
            Box::pin(async move {
                opened.set(Some(open(cx).await.into_result()?));
                Ok(())
            })
        }));
        self.set_shutdown(Box::new(move |cx| {
            Box::pin(async move {
                match kept.take() {
                    Some(value) => close(cx, value).await.into_result(),
                    None => Ok(()),
                }
            })
        }));
        self
    }

    /// Adds a task, spawned in the component's scope after its start-up handler has succeeded.
    ///
    /// The body is a factory: `async |cx| ..` or an `async fn`, called on a clone. The report lists
    /// it as `component/name`.
    #[track_caller]
    pub fn task<R, F>(mut self, name: impl Into<Name>, body: F) -> Self
    where
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        if let Err(error) = self.tasks.add(Some(name.into()), body, Location::caller()) {
            self.refuse(error);
        }
        self
    }

    /// Adds a task without a name, spawned as one [with a name](Self::task) is.
    #[track_caller]
    pub fn spawn<R, F>(mut self, body: F) -> Self
    where
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        if let Err(error) = self.tasks.add(None, body, Location::caller()) {
            self.refuse(error);
        }
        self
    }

    /// Adds a service, spawned in the component's scope as a task is, that begins again if it fails.
    ///
    /// As [`service_with`](Self::service_with), with all defaults.
    #[track_caller]
    pub fn service<R, F>(self, name: impl Into<Name>, body: F) -> Self
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        self.service_with(name, |it| it, body)
    }

    /// Adds a service of which `describe` says what its end means, and when it begins again.
    ///
    /// The body is a factory, called on a clone for each attempt; all attempts are one task. If it
    /// [must be ready](Service::must_be_ready), the component counts as started when it is.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::{BoxError, Component, Cx, OnEnd, RestartPolicy, Strategy, Timer};
    ///
    /// async fn replicate<L: Timer>(cx: Cx<'_, L>) -> Result<(), BoxError> {
    ///     // connect
    ///     cx.ready();
    ///     cx.shutdown().wait().await;
    ///     Ok(())
    /// }
    ///
    /// fn database<L: Timer>(component: Component<L>) -> Component<L> {
    ///     let often = RestartPolicy::default().at_most(20, Duration::from_secs(600));
    ///     component
    ///         .strategy(Strategy::RestForOne)
    ///         .service_with("replica", |it| it.on_failure(often).must_be_ready(), replicate)
    ///         .service_with(
    ///             "vacuum",
    ///             |it| it.on_exit(OnEnd::Restart(often)),
    ///             async |cx| drop(cx.wait_timeout(Duration::from_secs(3600)).await),
    ///         )
    /// }
    /// ```
    #[track_caller]
    pub fn service_with<R, F>(
        mut self,
        name: impl Into<Name>,
        describe: impl FnOnce(Service) -> Service,
        body: F,
    ) -> Self
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (service, at) = (describe(Service::default()), Location::caller());
        if let Err(error) = self.tasks.add_service(name.into(), service, body, at) {
            self.refuse(error);
        }
        self
    }

    fn set_startup(&mut self, handler: Handler<L>) {
        match self.startup {
            Some(_) => self.refuse_twice(),
            None => self.startup = Some(handler),
        }
    }

    fn set_shutdown(&mut self, handler: Handler<L>) {
        match self.shutdown {
            Some(_) => self.refuse_twice(),
            None => self.shutdown = Some(handler),
        }
    }
}

impl<L> fmt::Debug for Component<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("after", &self.after)
            .field("budgets", &self.budgets)
            .finish_non_exhaustive()
    }
}

impl<O, L: EventLoop> Lifespan<O, L> {
    /// Adds a component: handlers, tasks of its own, what it comes after, its budgets.
    ///
    /// [`startup`](Self::startup) and [`shutdown`](Self::shutdown) are the short form, and may add
    /// the handlers that it lacks. See [`Component`] for an example.
    pub fn component(
        mut self,
        name: impl Into<Name>,
        describe: impl FnOnce(Component<L>) -> Component<L>,
    ) -> Self {
        let added = self.plan.components.add(describe(Component::new(name.into())));
        self.plan.note(added);
        self
    }

    /// Has components that do not come after each other start concurrently.
    ///
    /// On the loop's root, in one future: handlers take turns where they wait. A failure ends the
    /// start of the others at once. The stop is one at a time all the same, in reverse of the order
    /// in which they had started. Default: one after the other, in the order of registration.
    pub fn concurrent_start(mut self) -> Self {
        self.plan.starts_at_once = usize::MAX;
        self
    }
}
