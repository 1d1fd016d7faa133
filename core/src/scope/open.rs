//! A scope that a user opens: its options, its handle, and why it cannot be opened.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::place::Place;
use super::{Cx, Scope, ServiceBuilder, Spawner, Task, TaskBuilder, TaskFn};
use crate::any_loop::AnyLoop;
use crate::event::ShutdownEvent;
use crate::event_loop::{Closed, EventLoop};
use crate::registry::{Barred, FailurePolicy, Finished, Refused, TaskRef, Tasks};
use crate::service::{Limit, Strategy, Together};
use crate::sync::Arc;
use crate::task::{Entry, Grace, Name, Output};
use crate::wake::call_caught;

/// A scope that is about to be opened; made by [`Cx::scope`] and [`Spawner::scope`].
#[must_use = "nothing is opened before `.open()`"]
pub struct ScopeBuilder<L = AnyLoop> {
    place: Arc<Place<L>>,
    name: Name,
    grace: Grace,
    deadline: Duration,
    policy: FailurePolicy,
    together: Together,
    limit: Option<usize>,
}

impl<L: EventLoop> ScopeBuilder<L> {
    pub(super) fn new(place: Arc<Place<L>>, name: Name) -> Self {
        let (grace, deadline) = (Grace::DEFAULT, Duration::from_secs(30));
        let (policy, together, limit) = (FailurePolicy::Independent, Together::default(), None);
        Self { place, name, grace, deadline, policy, together, limit }
    }

    /// Sets how long its tasks may take from a stop to their end, before they are cancelled.
    ///
    /// A task may have its own. It counts from [`close`](OpenScope::close), [`finish`](OpenScope::finish)
    /// or the stop of the scope around it: what was merely stopped, and is not closed, nobody cancels.
    /// Default: that of the scope around it.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Grace::of(grace);
        self
    }

    /// Sets how long [`close`](OpenScope::close) may take in all. Default: 30 seconds.
    ///
    /// When it is over, what is left is dropped, protected or not, and what cannot be dropped is a
    /// straggler in the report.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Has the first failure of a task stop all tasks of the scope. Default: they go on.
    ///
    /// That sets their event, and no more: a task that does not heed it is cancelled when its
    /// [`grace`](Self::grace) is over, which counts from [`close`](OpenScope::close),
    /// [`finish`](OpenScope::finish) or the stop of the scope around it.
    ///
    /// All failures are for the [`ScopeReport`](crate::ScopeReport) then, as those of an
    /// `asyncio.TaskGroup` are for its exception group; the lifespan's report holds them only if
    /// nobody asks for that one.
    pub fn fail_fast(mut self) -> Self {
        self.policy = FailurePolicy::FailFast;
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
    /// the scope is stopped, with a reason that names the one that failed last. Those that begin again with
    /// another count with it as one.
    pub fn restarts_at_most(mut self, count: u32, period: Duration) -> Self {
        self.together.limit = Some(Limit { count, period });
        self
    }

    /// Has `n` tasks run at once, at the most; at least one. Default: all.
    ///
    /// The others wait for their turn, in the order in which they came. They are members as all are:
    /// named, listed, [`Queued`](crate::TaskState::Queued). One that is cancelled meanwhile never
    /// runs. A stop changes nothing of that: whose turn comes begins, and sees the event set; whose
    /// turn does not come before its grace is over is cancelled.
    ///
    /// Services, scopes inside this one, tasks that [`replace`](TaskBuilder::replace) another and those
    /// that are [`track`](TaskBuilder::track)ed do not count. A task that awaits others of its own scope
    /// keeps its turn meanwhile: with a limit of one it waits for ever.
    pub fn max_concurrency(mut self, n: usize) -> Self {
        self.limit = Some(n);
        self
    }

    /// Opens the scope.
    ///
    /// In a scope that stops, it is born stopped, and is awaited.
    ///
    /// # Errors
    /// [`ScopeError`] if the name is taken or empty, or the scope around it has ended.
    #[track_caller]
    pub fn open(self) -> Result<OpenScope<L>, ScopeError> {
        let Self { place, name, grace, deadline, policy, together, limit } = self;
        let mut entry = Entry { name: Some(name), spawned_at: Location::caller(), grace };
        let opened = place.scope.counted_registry().open(&mut entry, policy, limit);
        let (registry, record) = opened.map_err(|why| ScopeError::new(why, entry.name))?;
        let event = record.at().event(place.scope.event());
        let scope = Scope::inner(&place.scope, registry, event);
        scope.set_together(together);
        let spawner = Spawner::new(Place::new(place.handle.clone(), scope));
        Ok(OpenScope { spawner, task: TaskRef::new(record), deadline, on_drop: OnDrop::Cancel })
    }
}

impl<L> fmt::Debug for ScopeBuilder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeBuilder")
            .field("name", &self.name)
            .field("grace", &self.grace.get())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// A scope of one's own inside another: its tasks end with it.
///
/// It has an event (set with that of the scope around it), a registry (names are unique in it) and a
/// grace. It is a member of the scope around it: listed there under its name, so that
/// `tasks().cancel("feed:42")` drops all in it, and a stop waits for it.
///
/// Dropping the handle cancels the tasks, without waiting for that; [`close`](Self::close) stops them,
/// waits, and says how they ended; [`detach`](Self::detach) lets them go on.
///
/// When the scope around it stops, its tasks are stopped, and cancelled when their grace is over, as
/// all others: its own grace counts for them, be it shorter or longer, and the lifespan's deadline
/// bounds it. From then on it ends with its last task, at once if it has none.
///
/// A scope that is merely stopped, by its name or by a failure in a fail-fast one, and not closed,
/// because it was detached, cancels nobody when the grace is over: a task that does not heed the stop
/// lives until the scope around it stops, or somebody cancels it.
///
/// Compared with an `asyncio.TaskGroup` or a trio nursery it need not be a block: it may be kept,
/// sent to another thread, and opened by who is in no task. Compared with a `JoinSet` nothing has to
/// be joined, and tasks may be added from everywhere.
///
/// # Examples
/// ```
/// use lifespan_core::{BoxError, Cx, Timer};
///
/// async fn connection<L: Timer>(cx: Cx<'_, L>) -> Result<(), BoxError> {
///     let scope = cx.scope("feed:42").open()?;
///     scope.task("receiver").spawn(async |cx| {
///         cx.shutdown().wait().await; // receive, until it is told to stop
///     })?;
///     // serve the connection; then stop what belongs to it
///     let report = scope.close(&cx).await;
///     println!("{report}");
///     Ok(())
/// }
/// ```
#[must_use = "dropping it cancels its tasks; `.detach()` lets them go on"]
pub struct OpenScope<L = AnyLoop> {
    spawner: Spawner<L>,
    /// The scope as a member of the one around it.
    task: TaskRef,
    pub(super) deadline: Duration,
    pub(super) on_drop: OnDrop,
}

/// What the drop of a handle means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDrop {
    Cancel,
    Detach,
}

impl<L> OpenScope<L> {
    /// Starts a task in the scope; it is not polled inside this call.
    ///
    /// While the scope stops, it is born stopped, and is awaited.
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
        self.spawner.spawn(body)
    }

    /// Begins a task with a name, unique among the live tasks of the scope.
    pub fn task(&self, name: impl Into<Name>) -> TaskBuilder<'_, L>
    where
        L: EventLoop,
    {
        self.spawner.task(name)
    }

    /// Begins a service of the scope, which is stopped with it; see [`Cx::service`].
    pub fn service(&self, name: impl Into<Name>) -> ServiceBuilder<'_, L>
    where
        L: EventLoop,
    {
        self.spawner.service(name)
    }

    /// Begins a scope inside this one.
    pub fn scope(&self, name: impl Into<Name>) -> ScopeBuilder<L>
    where
        L: EventLoop,
    {
        self.spawner.scope(name)
    }

    /// Returns a remote control of the scope: to start, look up and stop tasks from anywhere.
    #[must_use]
    pub fn spawner(&self) -> &Spawner<L> {
        &self.spawner
    }

    /// Returns the live tasks of the scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.spawner.tasks()
    }

    /// Returns the scope's shutdown event.
    #[must_use]
    pub fn shutdown(&self) -> &ShutdownEvent {
        self.spawner.shutdown()
    }

    /// Returns the scope as a member of the one around it: look at it, wait for its end.
    #[must_use]
    pub fn task_ref(&self) -> &TaskRef {
        &self.task
    }

    /// Asks all tasks to end by themselves; the scope ends with the last. Tells whether it was live.
    ///
    /// Nobody cancels them when their grace is over: that does [`close`](Self::close).
    ///
    /// # Panics
    /// If a waker panics; the stop has been made all the same.
    pub fn stop(&self) -> bool {
        self.task.stop()
    }

    /// Has the bodies of all tasks dropped, now; completes when all are gone.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the cancel.
    pub fn cancel(&self) -> Finished {
        self.task.cancel()
    }

    /// Lets the tasks go on alone: the scope ends with the last, or with the scope around it.
    pub fn detach(mut self) {
        self.on_drop = OnDrop::Detach;
    }

    pub(super) fn node(&self) -> &Arc<Scope> {
        &self.spawner.place().scope
    }
}

impl<L> Drop for OpenScope<L> {
    fn drop(&mut self) {
        // A panicking waker or destructor is nothing to who drops a handle.
        let _ = call_caught(|| {
            self.node().registry().close_when_empty();
            if self.on_drop == OnDrop::Cancel && !self.task.is_finished() {
                self.task.record().cancel();
            }
            self.node().registry().let_go_of();
        });
    }
}

impl<L> fmt::Debug for OpenScope<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenScope").field(&self.node().registry().path()).finish()
    }
}

/// A scope could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeError {
    /// A live task or scope of the scope around it has this name.
    #[non_exhaustive]
    NameTaken {
        /// The name.
        name: Name,
    },
    /// The name is empty.
    EmptyName,
    /// The scope around it has ended.
    Closed,
}

impl ScopeError {
    fn new(why: Refused, name: Option<Name>) -> Self {
        match why {
            Refused::NameTaken => Self::NameTaken { name: name.unwrap_or_else(|| Name::from("")) },
            Refused::Barred(Barred::EmptyName) => Self::EmptyName,
            Refused::Barred(Barred::Closed) => Self::Closed,
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name } => write!(
                f,
                "a live task or scope is named {name:?}: close or cancel it first, or choose \
                 another name"
            ),
            Self::EmptyName => f.write_str("a scope's name is empty: give it one"),
            Self::Closed => f.write_str("the scope has ended, so no other can be opened inside it"),
        }
    }
}

impl Error for ScopeError {}
