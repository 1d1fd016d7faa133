//! The lifespan of a program: what it starts, in which order, and how it stops.

mod attach;
mod budgets;
mod component;
mod components;
mod draft;
mod drain;
mod drive;
mod handler;
mod hard_end;
mod listed;
mod order;
mod planned;
mod presence;
mod readiness;
mod report;
mod run;
mod serve;
mod source;
mod standing;
mod start;
mod start_error;
mod stop;

pub use attach::Attached;
pub use component::Component;
pub(crate) use hard_end::Watch;
use hard_end::WatchPlan;
pub use hard_end::{HardEnd, StillStopping};
pub(crate) use report::Because;
#[cfg(feature = "json")]
pub(crate) use report::write_error;
pub use report::{ComponentReport, HandlerOutcome, Phases, Report, Straggler, TaskReport};
pub use source::StopSource;
pub(crate) use source::{BoundSources, Sources};
pub(crate) use standing::Standing;
pub use start_error::StartError;

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::event::ShutdownEvent;
use crate::event_loop::{EventLoop, LoopOwner, Timer};
use crate::monitor::{Board, Monitor};
use crate::observer::Observer;
use crate::observers::Observers;
use crate::scope::{Cx, Factory, Seat, TaskFn};
use crate::service::{Limit, Service, Strategy, Together};
use crate::sync::Arc;
use crate::task::{Name, Output};
use budgets::Budgets;
use components::Components;
use handler::Handler;
use planned::PlannedTasks;

/// Describes what runs beside the main work of a program, and runs it.
///
/// `Built -> Starting -> Serving -> Draining -> Stopping -> Stopped`: components start in the order of
/// their registration, unless [`after`](Component::after) or
/// [`concurrent_start`](Self::concurrent_start) says otherwise, and then the tasks; a stop undoes that
/// in reverse. See [`run`](Self::run).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use lifespan_core::{Cx, Lifespan, LoopOwner, Timer};
///
/// async fn ticker<L: Timer>(cx: Cx<'_, L>) {
///     while !cx.wait_timeout(Duration::from_secs(1)).await.is_set() {
///         println!("tick");
///     }
/// }
///
/// /// What a library offers: it names no runtime.
/// fn install<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O>
/// where
///     O::Handle: Timer,
/// {
///     lifespan.task("ticker", ticker)
/// }
/// ```
#[must_use = "nothing starts before `.run()`"]
pub struct Lifespan<O, L = <O as LoopOwner>::Handle> {
    owner: O,
    plan: Plan<L>,
    sources: Sources,
}

/// What is to be run, whoever drives the loop.
struct Plan<L> {
    components: Components<L>,
    tasks: PlannedTasks<L>,
    /// How many components may be starting at one time.
    starts_at_once: usize,
    serve: Option<(Handler<L>, &'static Location<'static>)>,
    /// The caller's, if one was given.
    event: Option<ShutdownEvent>,
    budgets: Budgets,
    until_idle: bool,
    /// What is said of the services of the root together.
    together: Together,
    /// How many finished tasks the root remembers.
    keep_finished: usize,
    /// The first name that was refused; the start fails with it.
    refused: Option<StartError>,
    observers: Observers,
    seat: Seat,
    board: Arc<Board>,
    watch: WatchPlan,
}

impl<O: LoopOwner> Lifespan<O> {
    /// Begins a lifespan on a loop that this owner will drive.
    pub fn on(owner: O) -> Self {
        Self::new(owner)
    }

    /// Runs all of it on this thread, until it has stopped.
    ///
    /// The report says what failed, also if nothing could start: inside a running loop, for
    /// example, it holds [`RunError::InsideLoop`](crate::RunError::InsideLoop); there, use
    /// [`attach`](Self::attach).
    pub fn run(self) -> Report
    where
        O::Handle: Timer,
    {
        // Here, beside the type, so that the compiler calls it `Lifespan::run` where it is misused.
        self.run_until(ShutdownEvent::new())
    }
}

/// What a lifespan consists of, whether it owns its loop or is attached to one.
impl<O, L: EventLoop> Lifespan<O, L> {
    fn new(owner: O) -> Self {
        let observers = Observers::default();
        let plan = Plan {
            components: Components::default(),
            tasks: PlannedTasks::of(Name::from("")),
            starts_at_once: 1,
            serve: None,
            event: None,
            budgets: Budgets::default(),
            until_idle: false,
            together: Together::default(),
            keep_finished: 0,
            refused: None,
            seat: Seat::default(),
            board: Board::new(observers.clone()),
            observers,
            watch: WatchPlan::default(),
        };
        Self { owner, plan, sources: Sources::default() }
    }

    /// Uses an event of the caller's: setting it stops the lifespan, and its stop sets it.
    ///
    /// It may be made before any loop exists, and shared with whatever else should hear of it.
    /// Default: an event of its own.
    pub fn event(mut self, event: ShutdownEvent) -> Self {
        self.plan.event = Some(event);
        self
    }

    /// Returns what shows this lifespan to any thread: its health, and all that lives in it.
    ///
    /// It may be made before the lifespan runs, and looked at when it has ended.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.plan.board))
    }

    /// Adds something that can ask for a stop, such as the operating system's signals.
    ///
    /// Default: nothing, and no signal handler is installed.
    pub fn stop_on<S: StopSource + 'static>(mut self, source: S) -> Self {
        self.sources.add(source);
        self
    }

    /// Adds an observer, which hears of the tasks as it happens; any number may be added.
    ///
    /// An `Arc` of an observer is one too, for who keeps a handle of it. Default: none.
    pub fn observer<B: Observer>(self, observer: B) -> Self {
        self.plan.observers.add(Arc::new(observer));
        self
    }

    /// Adds the start-up handler of a component.
    ///
    /// Handlers run on the loop, one after the other, in the order of registration, unless
    /// [`after`](Component::after) or [`concurrent_start`](Self::concurrent_start) says otherwise. What
    /// a handler spawns through its [`Cx`] belongs to the component, and ends before its shutdown
    /// handler runs. If it fails, panics, or takes longer than
    /// [`start_timeout`](Self::start_timeout), the start ends and what had started is undone. A stop
    /// that comes meanwhile drops it where it waits; what it had not opened whole is not closed: its
    /// shutdown handler does not run.
    pub fn startup<R, F>(mut self, name: impl Into<Name>, handler: F) -> Self
    where
        R: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
    {
        let described = self.plan.components.extend(name.into(), |it| it.startup(handler));
        self.plan.note(described);
        self
    }

    /// Adds the shutdown handler of a component, which may have a start-up handler of this name.
    ///
    /// Components stop in reverse of the order in which they started. The handler runs when the
    /// component's tasks are gone, if the component had started; what it returns is reported, and the
    /// stop goes on.
    pub fn shutdown<R, F>(mut self, name: impl Into<Name>, handler: F) -> Self
    where
        R: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
    {
        let described = self.plan.components.extend(name.into(), |it| it.shutdown(handler));
        self.plan.note(described);
        self
    }

    /// Adds a task, spawned in the root scope after every start-up handler has succeeded.
    ///
    /// The body is a factory: `async |cx| ..` or an `async fn`, called on a clone. A stop stops the
    /// tasks before the components.
    #[track_caller]
    pub fn task<R, F>(mut self, name: impl Into<Name>, body: F) -> Self
    where
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let added = self.plan.tasks.add(Some(name.into()), body, Location::caller());
        self.plan.note(added);
        self
    }

    /// Adds a task without a name, spawned as one [with a name](Self::task) is.
    ///
    /// Added twice, the same body runs twice.
    #[track_caller]
    pub fn spawn<R, F>(mut self, body: F) -> Self
    where
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let added = self.plan.tasks.add(None, body, Location::caller());
        self.plan.note(added);
        self
    }

    /// Adds a service, spawned in the root scope as a task is, that begins again if it fails.
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
    /// The body is a factory, called on a clone for each attempt; all attempts are one task: one
    /// name, one id, one place in the report. Begun again too often, it stops the lifespan, with
    /// [`Reason::TaskFailed`](crate::Reason::TaskFailed). Compared with a loop around a body, a stop
    /// ends a delay at once, a panic counts as a failure, and attempts and the last failure are seen
    /// by its [`TaskRef`](crate::TaskRef).
    ///
    /// # Examples
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    /// use lifespan_core::{Lifespan, LoopOwner, OnEnd, RestartPolicy, Timer};
    ///
    /// fn program<O: LoopOwner<Handle: Timer>>(lifespan: Lifespan<O>) -> Lifespan<O> {
    ///     let often = RestartPolicy::default().at_most(100, Duration::from_secs(3600));
    ///     lifespan
    ///         .service("ticker", async |cx| {
    ///             while !cx.wait_timeout(Duration::from_secs(1)).await.is_set() {
    ///                 // a panic here has it begin again
    ///             }
    ///         })
    ///         .service_with(
    ///             "feed",
    ///             |it| it.on_failure(often).on_exit(OnEnd::Shutdown),
    ///             async |cx| {
    ///                 cx.shutdown().wait().await;
    ///                 Ok::<_, io::Error>(())
    ///             },
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
        let added = self.plan.tasks.add_service(name.into(), service, body, at);
        self.plan.note(added);
        self
    }

    /// Sets the foreground: when this future ends, the lifespan stops.
    ///
    /// It starts after the tasks, runs on the loop's own thread, and need not be `Send`. A stop
    /// sets the event that it sees, and drops it when the grace is over. Default: none, and the
    /// lifespan serves until something asks it to stop.
    #[track_caller]
    pub fn serve<R, F>(mut self, body: F) -> Self
    where
        R: Output<Value = ()> + 'static,
        F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
    {
        self.plan.serve = Some((handler::boxed(body), Location::caller()));
        self
    }

    /// Has the lifespan stop when every task of every scope has ended. Default: it serves on.
    ///
    /// The foreground is no task: without any task it is stopped at once. A scope counts as long as
    /// somebody holds it open, since tasks may still come there.
    pub fn until_idle(mut self) -> Self {
        self.plan.until_idle = true;
        self
    }

    /// Sets which services of the root scope begin again when one of them does. Default: only that one.
    ///
    /// Those that were added to the lifespan itself, and those that its own tasks and its foreground add.
    /// A component has a [strategy of its own](Component::strategy).
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.plan.together.strategy = strategy;
        self
    }

    /// Sets how often the services of the root scope may begin again within a period, all together.
    /// Default: each has its own limit alone, that of its [`RestartPolicy`](crate::RestartPolicy).
    ///
    /// As [`Component::restarts_at_most`], for the same services as [`strategy`](Self::strategy).
    pub fn restarts_at_most(mut self, count: u32, period: Duration) -> Self {
        self.plan.together.limit = Some(Limit { count, period });
        self
    }

    /// Keeps the last `count` tasks of the root scope that end, for reading. Default: 0.
    ///
    /// See [`Tasks::finished`](crate::Tasks::finished).
    pub fn keep_finished(mut self, count: usize) -> Self {
        self.plan.keep_finished = count;
        self
    }
}

impl<L> Plan<L> {
    /// Takes what a description came to.
    fn note<T>(&mut self, described: Result<T, StartError>) {
        if let Err(error) = described {
            self.refused.get_or_insert(error);
        }
    }

    /// The caller's event, or one that is made here.
    fn event(&mut self) -> ShutdownEvent {
        self.event.get_or_insert_default().clone()
    }
}

impl<O, L> fmt::Debug for Lifespan<O, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.plan.components.iter().map(|component| &component.name);
        f.debug_struct("Lifespan")
            .field("components", &names.collect::<Vec<_>>())
            .field("budgets", &self.plan.budgets)
            .finish_non_exhaustive()
    }
}
