//! `Cx`: the proof of being inside a task, and what only the inside may do.

use std::fmt;
use std::future::Future;

use super::builder::{self, TaskBuilder};
use super::late::LateHandler;
use super::place::{Own, Place, Post};
use super::{Scope, ScopeBuilder, Spawner, State, Task, TaskFn};
use crate::any_loop::AnyLoop;
use crate::event::{HeldEvent, ShutdownEvent, ShutdownTrigger};
use crate::event_loop::{EventLoop, Timer};
use crate::monitor::Monitor;
use crate::registry::{RecordAt, TaskRef, Tasks};
use crate::sync::Arc;
use crate::task::{Name, Output};
use crate::worker::Worker;

/// Proof of being inside a task or handler of loop `L`; lives no longer than that.
///
/// The only ways to get one are the arguments of task bodies and handlers. So what it makes, a
/// sleep for example, cannot be used on another loop: it cannot leave the task. What may leave is a
/// [`Spawner`], which can start and stop tasks, and has no timers.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use lifespan_core::{Cx, Timer};
///
/// async fn heartbeat<L: Timer>(cx: &Cx<'_, L>) {
///     while !cx.wait_timeout(Duration::from_secs(1)).await.is_set() {
///         println!("still here");
///     }
/// }
/// ```
pub struct Cx<'t, L = AnyLoop> {
    inside: Inside<'t, L>,
}

/// Inside of what.
enum Inside<'t, L> {
    /// A task, as its loop runs it.
    Task(&'t Post<L>),
    /// A handler, which is no task, or a task whose loop's type is forgotten.
    Other { place: Arc<Place<L>>, task: Option<&'t Own> },
}

/// Makes a `Cx` for handlers, and for nobody else. No associated function, which the compiler would
/// propose to those who forge one.
pub(crate) fn make<'t, L>(handle: L, scope: Arc<Scope>) -> Cx<'t, L> {
    Cx { inside: Inside::Other { place: Place::new(handle, scope), task: None } }
}

/// Makes the `Cx` of a task, for the tracked future.
#[inline]
pub(super) fn make_own<L>(post: &Post<L>) -> Cx<'_, L> {
    Cx { inside: Inside::Task(post) }
}

impl<L> Cx<'_, L> {
    /// Returns the shutdown event as this task sees it: its own stop, or its scope's.
    ///
    /// In a handler it is the scope's.
    pub fn shutdown(&self) -> &ShutdownEvent {
        match self.own() {
            Some(own) => own.event(self.place()),
            None => self.node().event(),
        }
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

    /// Returns the values that handlers, tasks and spawners of this lifespan share, by type.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.node().shared().state
    }

    /// Returns which worker this is, and of how many; see [`Workers`](crate::Workers).
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.node().shared().seat.worker
    }

    /// Returns what shows the whole lifespan to any thread: its health, and all that lives in it.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.node().shared().board))
    }

    /// Returns the live tasks of this scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.node().tasks()
    }

    /// Returns this task itself; `None` in a handler.
    #[must_use]
    pub fn this_task(&self) -> Option<TaskRef> {
        self.record().map(|record| TaskRef::new(record.refer()))
    }

    /// Runs a future that a cancel must not cut short.
    ///
    /// In a handler and in the foreground, which a cancel does not reach, it only runs the future: a
    /// budget that is over, or a stop during the start, drops them there too.
    ///
    /// A cancel that comes meanwhile takes effect when the future has ended, at this very await;
    /// the overall deadline of the lifespan bounds it all the same.
    ///
    /// # Cancel safety
    /// Only the cancel of the task is held off: whoever drops this future drops the given one.
    pub async fn protect<F: Future>(&self, future: F) -> F::Output {
        let Some(record) = self.record() else { return future.await };
        let protected = Protected::new(record);
        let output = future.await;
        drop(protected);
        if record.flags().must_end() {
            // The tracked future drops this body before it is polled again.
            std::future::pending::<()>().await;
        }
        output
    }

    pub(super) fn record(&self) -> Option<RecordAt<'_>> {
        self.own().map(|own| self.place().record(own.slot))
    }

    /// The event of this task, for waits that are made again and again; `None` in a handler.
    pub(super) fn held(&self) -> Option<&HeldEvent> {
        self.own().map(|own| own.held(self.place()))
    }

    pub(super) fn handle(&self) -> &L {
        &self.place().handle
    }

    pub(super) fn node(&self) -> &Arc<Scope> {
        &self.place().scope
    }

    pub(super) fn place(&self) -> &Arc<Place<L>> {
        match &self.inside {
            Inside::Task(post) => &post.place,
            Inside::Other { place, .. } => place,
        }
    }
}

impl<'t, L> Cx<'t, L> {
    fn own(&self) -> Option<&'t Own> {
        match &self.inside {
            Inside::Task(post) => Some(&post.own),
            Inside::Other { task, .. } => *task,
        }
    }
}

impl<'t, L: Timer> Cx<'t, L> {
    /// Returns the same proof with its loop's type forgotten, for code without generics.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::{Cx, Timer};
    ///
    /// async fn work(cx: &Cx<'_>) {
    ///     cx.sleep(Duration::from_millis(1)).await;
    /// }
    ///
    /// async fn body<L: Timer>(cx: Cx<'_, L>) {
    ///     work(&cx.erased()).await;
    /// }
    /// ```
    #[must_use]
    pub fn erased(&self) -> Cx<'t, AnyLoop> {
        let handle = AnyLoop::new(self.handle().clone());
        let place = Place::new(handle, Arc::clone(self.node()));
        Cx { inside: Inside::Other { place, task: self.own() } }
    }
}

impl<L> Cx<'_, L> {
    /// Starts a task in this scope; it is not polled inside this call.
    ///
    /// The body is `async |cx| { .. }` or an `async fn(cx: Cx<'_, L>)`. Of `|cx| async move { .. }`
    /// the compiler only says that type annotations are needed.
    ///
    /// A task that is spawned while the scope stops sees its event set and is awaited like any
    /// other. If the scope was abandoned at its deadline, the task ends as `LoopClosed`, unpolled; if a scope
    /// that a user opened was cancelled, as `Cancelled`.
    #[track_caller]
    pub fn spawn<R, F>(&self, body: F) -> Task<R::Value>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Send + 'static,
    {
        builder::start_anyway(self.place(), body)
    }

    /// Begins a task with a name, unique among the live tasks of this scope.
    pub fn task(&self, name: impl Into<Name>) -> TaskBuilder<'_, L>
    where
        L: EventLoop,
    {
        TaskBuilder::named(self.place(), name.into())
    }

    /// As `task`, perhaps without a name.
    pub(crate) fn task_or_unnamed(&self, name: Option<Name>) -> TaskBuilder<'_, L> {
        TaskBuilder::new(self.place(), name)
    }

    /// Begins a scope inside this one, with a name that is unique among the live tasks here.
    ///
    /// It has tasks, an event and a grace of its own; see [`OpenScope`](crate::OpenScope).
    pub fn scope(&self, name: impl Into<Name>) -> ScopeBuilder<L>
    where
        L: EventLoop,
    {
        ScopeBuilder::new(Arc::clone(self.place()), name.into())
    }

    /// Returns the scope of this task as a member of the one around it.
    ///
    /// To stop or cancel all of it, this task included. `None` where no user opened it: of a component,
    /// and of the root, which [`trigger`](Self::trigger) stops.
    #[must_use]
    pub fn this_scope(&self) -> Option<TaskRef> {
        self.node().registry().record().cloned().map(TaskRef::new)
    }

    /// Returns a remote control of this scope that may leave the task and the loop's threads.
    #[must_use]
    pub fn spawner(&self) -> Spawner<L>
    where
        L: EventLoop,
    {
        Spawner::new(Arc::clone(self.place()))
    }

    /// Returns a remote control of the root scope, where the lifespan's own tasks are.
    #[must_use]
    pub fn root(&self) -> Spawner<L>
    where
        L: EventLoop,
    {
        Spawner::new(Place::new(self.handle().clone(), Scope::root_of(self.node())))
    }

    /// Adds a shutdown handler to this scope while the program runs.
    ///
    /// It runs when the scope's tasks have ended: the last one added first, all of them before the
    /// component's own. In a scope that has stopped it is given back. A scope that was opened by
    /// [`scope`](Self::scope) has no handlers: of a task in it, it is a handler of the component.
    ///
    /// # Errors
    /// [`Closed`](crate::Closed) with the handler, if the scope's handlers have run.
    pub fn on_shutdown<R, F>(&self, handler: F) -> Result<(), crate::Closed<F>>
    where
        L: EventLoop,
        R: Output<Value = ()> + 'static,
        F: for<'x> AsyncFnOnce(Cx<'x, L>) -> R + Send + 'static,
    {
        let handle = self.handle().clone();
        self.node().home().late().add(handler, |handler| {
            LateHandler::new(move |scope| {
                let cx = make(handle, scope);
                Box::pin(async move { handler(cx).await.into_result() })
            })
        })
    }

    /// Returns which loop this task runs on.
    #[must_use]
    pub fn loop_id(&self) -> crate::LoopId
    where
        L: EventLoop,
    {
        self.handle().id()
    }
}

impl<L: Clone> Clone for Cx<'_, L> {
    fn clone(&self) -> Self {
        let inside = match &self.inside {
            Inside::Task(post) => Inside::Task(post),
            Inside::Other { place, task } => {
                Inside::Other { place: Arc::clone(place), task: *task }
            }
        };
        Self { inside }
    }
}

impl<L> fmt::Debug for Cx<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("scope", &self.node().registry().path())
            .field("task", &self.record().map(|record| TaskRef::new(record.refer())))
            .finish_non_exhaustive()
    }
}

/// Counts one protected block while it lives.
struct Protected<'a>(RecordAt<'a>);

impl<'a> Protected<'a> {
    fn new(record: RecordAt<'a>) -> Self {
        record.protect();
        Self(record)
    }
}

impl Drop for Protected<'_> {
    fn drop(&mut self) {
        self.0.unprotect();
    }
}
