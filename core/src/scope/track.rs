//! Futures that somebody else spawns, as members of a scope.

use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::builder::TaskBuilder;
use super::spawn_error::SpawnError;
use super::tracked::{park, settle};
use super::{Cx, Spawner};
use crate::event::ShutdownEvent;
use crate::event_loop::Closed;
use crate::inside::Inside;
use crate::registry::{RecordRef, TaskRef};
use crate::roll_call::Waiting;
use crate::task::{Entry, Failure, Grace, Outcome, Output, Panic, TaskError};
use crate::waiters::WakerId;
use crate::wake::{Payload, call_caught, drop_caught};

impl<L> Cx<'_, L> {
    /// Makes a future that somebody else will spawn a task of this scope.
    ///
    /// See [`Tracked`]. It counts from now on, polled or not. Named, and with options:
    /// `cx.task(name).track(future)`. If the scope was abandoned at its deadline, the future is
    /// dropped, and the task ends as `LoopClosed`; as `Cancelled`, if it was cancelled.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{BoxError, Cx, EventLoop};
    ///
    /// /// `serve` spawns each connection in its own way.
    /// async fn accept<L: EventLoop>(cx: Cx<'_, L>, serve: impl Fn(Connection)) -> Result<(), BoxError> {
    ///     # let id = 7;
    ///     let connection = cx.task(format_args!("conn:{id}")).track(async { /* .. */ })?;
    ///     serve(Box::pin(async { drop(connection.await) }));
    ///     Ok(())
    /// }
    /// # type Connection = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
    /// ```
    #[inline]
    #[track_caller]
    pub fn track<F: Future>(&self, future: F) -> Tracked<F> {
        let spawned_at = Location::caller(); // a closure has another caller
        let tracked = TaskBuilder::unnamed(self.place()).track(future);
        tracked.unwrap_or_else(|error| {
            let _ = drop_caught(error.into_body());
            let entry = Entry { name: None, spawned_at, grace: Grace::DEFAULT };
            let dead = self.node().registry().register_dead(entry, &self.node().outcome_of_late());
            Tracked::new(dead, None)
        })
    }
}

impl<L> Spawner<L> {
    /// Makes a future that somebody else will spawn a task of the scope; see [`Cx::track`].
    ///
    /// # Errors
    /// [`Closed`] with the future, if the scope has ended.
    #[inline]
    #[track_caller]
    pub fn track<F: Future>(&self, future: F) -> Result<Tracked<F>, Closed<F>> {
        let tracked = TaskBuilder::unnamed(self.place()).track(future);
        tracked.map_err(|error| Closed::new(error.into_body()))
    }
}

impl<L> TaskBuilder<'_, L> {
    /// Makes a future that somebody else will spawn a task of this name; see [`Cx::track`].
    ///
    /// # Errors
    /// [`SpawnError`] with the future, unpolled: the name is taken or empty, or the scope has ended.
    #[inline]
    #[track_caller]
    pub fn track<F: Future>(self, future: F) -> Result<Tracked<F>, SpawnError<F>> {
        match self.register(0, Location::caller()) {
            Ok(registered) => Ok(Tracked::new(registered.record(), Some(Box::pin(future)))),
            Err(rejected) => Err(rejected.with(future)),
        }
    }

    /// As [`track`](Self::track), for a future that is made with the event as its task sees it.
    ///
    /// # Errors
    /// [`SpawnError`] with the closure: the name is taken or empty, or the scope has ended.
    ///
    /// # Panics
    /// If the closure does; nothing is tracked then.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Cx, EventLoop, SpawnError, TaskError};
    ///
    /// async fn connection<L: EventLoop>(cx: Cx<'_, L>) -> Result<(), TaskError> {
    ///     let tracked = cx.task("conn:7").track_with(|stop| async move {
    ///         // read and write, until the task itself or all of its scope is to stop
    ///         stop.wait().await;
    ///     });
    ///     match tracked {
    ///         Ok(tracked) => tracked.await, // or hand it to who spawns connections
    ///         Err(_taken) => Ok(()),
    ///     }
    /// }
    /// ```
    #[track_caller]
    pub fn track_with<M, F>(self, make: M) -> Result<Tracked<F>, SpawnError<M>>
    where
        M: FnOnce(ShutdownEvent) -> F,
        F: Future,
    {
        let registered = match self.register(0, Location::caller()) {
            Ok(registered) => registered,
            Err(rejected) => return Err(rejected.with(make)),
        };
        let record = registered.record();
        let event = record.at().event(registered.place.scope.event());
        match call_caught(|| make(event)) {
            Ok(future) => Ok(Tracked::new(record, Some(Box::pin(future)))),
            Err(payload) => {
                settle(record.at(), Outcome::Cancelled, Ok(()));
                resume_unwind(payload.into_inner())
            }
        }
    }
}

/// A future that is a task of a scope, whoever spawns it: counted, named, waited for.
///
/// Made by [`Cx::track`]. For what a server or a foreign `JoinSet` spawns: a stop of the scope waits
/// for it, and cancels it when its grace is over; `tasks()` lists it, stops and cancels it by name.
/// It needs nothing of a loop, and neither `Send` nor `'static`, if who polls it does not.
///
/// It completes with the output; of a failure with [`TaskError::Failed`], of a panic, which is
/// caught, with [`TaskError::Panicked`]; a cancel drops the future inside and completes it with
/// [`TaskError::Cancelled`]. Who polls it hears of that, and so the report does not; of one whose
/// result is dropped, make the future with [`detach`](Self::detach). Dropping it before its end ends the
/// task as cancelled.
///
/// What is never polled cannot be cancelled, only dropped: until then a stop waits for it, and names
/// it as a straggler at the deadline.
///
/// Compared with `TaskTracker::track_future` of tokio-util, it has a name, can be cancelled, and a
/// panic settles it.
#[must_use = "futures do nothing unless polled, and a stop waits for this one"]
pub struct Tracked<F> {
    /// Gone when the task has settled.
    body: Option<Pin<Box<F>>>,
    task: TaskRef,
    /// The waker that the record holds.
    waker: WakerId,
}

impl<F> Tracked<F> {
    #[inline]
    fn new(record: RecordRef, body: Option<Pin<Box<F>>>) -> Self {
        Self { body, task: TaskRef::new(record), waker: WakerId::NONE }
    }

    /// Returns the untyped handle, for looking, stopping, cancelling.
    #[must_use]
    pub fn task_ref(&self) -> &TaskRef {
        &self.task
    }

    /// Makes a future that tells nobody how it ended: for who drops what comes out of it.
    ///
    /// As the handle of a spawned task that is [detached](crate::Task::detach): a failure or a panic
    /// reaches the observers and the report. The value is dropped.
    ///
    /// # Cancel safety
    /// As that of this future: dropping it before its end ends the task as cancelled.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{BoxError, Cx, EventLoop};
    ///
    /// /// What a server spawns for a connection, and never asks how it ended.
    /// fn accepted<L: EventLoop>(
    ///     cx: &Cx<'_, L>,
    ///     connection: impl Future<Output = Result<(), BoxError>> + Send,
    /// ) -> impl Future<Output = ()> + Send {
    ///     cx.track(connection).detach()
    /// }
    /// ```
    #[must_use = "futures do nothing unless polled, and a stop waits for this one"]
    pub fn detach(self) -> impl Future<Output = ()>
    where
        F: Future<Output: Output>,
    {
        self.let_go();
        async move {
            let ended = self.await;
            // The value may have a destructor that panics; who polls this is not to blame.
            let _ = drop_caught(ended);
        }
    }

    /// Nobody hears of the outcome.
    fn let_go(&self) {
        let record = self.task.record();
        if !record.flags().is_completed() && record.at().drop_handle() {
            record.registry().report(record);
        }
    }

    fn drop_body(&mut self) -> Result<(), Payload> {
        let _inside = Inside::enter();
        call_caught(|| self.body = None)
    }

    /// The body is dropped before it settles.
    fn end(&mut self, outcome: Outcome) {
        let dropped = self.drop_body();
        settle(self.task.record().at(), outcome, dropped);
    }

    /// As `end`, of a body that has returned a value, which is dropped if the body's destructor panics.
    #[inline]
    fn complete<T>(&mut self, value: T) -> Result<T, TaskError> {
        let dropped = self.drop_body();
        let record = self.task.record().at();
        if dropped.is_ok() {
            record.complete();
            return Ok(value);
        }
        settle(record, Outcome::Completed, dropped);
        let _ = drop_caught(value);
        Err(self.heard())
    }

    /// What the outcome, which this hears, is to who polls.
    fn heard(&self) -> TaskError {
        self.task.record().at().drop_handle();
        self.task.outcome().map_or(TaskError::Taken, TaskError::of)
    }
}

impl<F> Future for Tracked<F>
where
    F: Future<Output: Output>,
{
    type Output = Result<<F::Output as Output>::Value, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { body, task, waker } = &mut *self;
        let Some(body) = body else { return Poll::Ready(Err(self.heard())) };
        let record = task.record().at();
        if record.flags().must_end() {
            self.end(Outcome::Cancelled);
            return Poll::Ready(Err(self.heard()));
        }
        let polled_here = record.begin_poll_tracked();
        let inside = Inside::enter();
        Waiting::answer_task(|| task.path());
        let polled = call_caught(|| body.as_mut().poll(context).map(Output::into_result));
        drop(inside);
        drop(polled_here);
        let outcome = match polled {
            Err(payload) => Outcome::Panicked(Panic::new(payload)),
            Ok(Poll::Ready(Err(error))) => Outcome::Failed(Failure::new(error)),
            Ok(Poll::Ready(Ok(value))) => return Poll::Ready(self.complete(value)),
            Ok(Poll::Pending) => match park(record, waker, context) {
                None => return Poll::Pending,
                Some(outcome) => outcome,
            },
        };
        self.end(outcome);
        Poll::Ready(Err(self.heard()))
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        if self.body.is_some() {
            // Not its loop has ended, but who held it has let it go.
            self.end(Outcome::Cancelled);
        }
        self.let_go();
    }
}

impl<F> fmt::Debug for Tracked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracked").field(&self.task).finish()
    }
}
