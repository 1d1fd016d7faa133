//! A cloneable, untyped handle of a task, and the future of its end.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{RecordRef, Vitals};
use crate::event::Reason;
use crate::other_loop;
use crate::roll_call::Waiting;
use crate::sync::Arc;
use crate::task::{Name, Outcome, Registration, TaskId, TaskState};

/// Names a task of any type: look at it, stop it, cancel it, wait for its end.
///
/// It works after the end too: the outcome stays as long as somebody holds one.
#[derive(Clone)]
pub struct TaskRef(RecordRef);

impl TaskRef {
    #[inline]
    pub(crate) fn new(record: RecordRef) -> Self {
        Self(record)
    }

    pub(crate) fn record(&self) -> &RecordRef {
        &self.0
    }

    /// Returns the task's id.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.0.at().id()
    }

    /// Returns the name, if the task was given one.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        self.0.at().name()
    }

    /// Returns where the task stands: its scope and its name or id, as in `db/poller`.
    #[must_use]
    pub fn path(&self) -> String {
        let scope = self.0.registry().path();
        let slash = if scope.is_empty() { "" } else { "/" };
        match self.name() {
            Some(name) => format!("{scope}{slash}{name}"),
            None => format!("{scope}{slash}{}", self.id()),
        }
    }

    /// Returns the line that spawned the task.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.0.at().spawned_at()
    }

    /// Returns what the task is doing: it is queued, runs, is being stopped, or has ended.
    #[must_use]
    pub fn state(&self) -> TaskState {
        match self.0.at().state() {
            TaskState::Running if self.vitals().is_some_and(|vitals| vitals.restarts()) => {
                TaskState::Restarting
            }
            state => state,
        }
    }

    /// Returns how often the body has begun: once, unless it is a service or still queued.
    ///
    /// One that was cancelled before its first poll counts as begun.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        let once = || u64::from(!self.0.flags().is_queued());
        self.vitals().and_then(|vitals| vitals.attempts()).unwrap_or_else(once)
    }

    /// Returns how the last attempt ended that has ended.
    ///
    /// Of a service that begins again it is how the attempt before ended; of a task that has ended,
    /// its [`outcome`](Self::outcome).
    #[must_use]
    pub fn last_outcome(&self) -> Option<Outcome> {
        self.outcome().or_else(|| self.vitals()?.last())
    }

    fn vitals(&self) -> Option<Arc<Vitals>> {
        self.0.registry().find_vitals(self.id())
    }

    /// Returns how long the task has lived, or lived, in the loop's time.
    ///
    /// Since it first waited for something, or was first listed: a task that ends in its first poll
    /// has no age worth a look at the clock, and says zero. A closure on a thread counts from its spawn,
    /// and a scope from its opening.
    ///
    /// Until its end. Where that was a completion which only its [`Task`](crate::Task) could tell of, with
    /// no other `TaskRef` held, no listing and no observer, the clock was not read: until it is first asked
    /// for its age after that, and from then on it says the same.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.age(self.0.registry().clock().now())
    }

    /// Tells whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.flags().is_finished()
    }

    /// Returns how the task ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.at().outcome()
    }

    /// Asks the task to end by itself: sets the event that it sees. Tells whether it was live.
    ///
    /// # Panics
    /// If a waker panics; the stop has been made all the same.
    pub fn stop(&self) -> bool {
        self.0.at().stop(Reason::Requested)
    }

    /// Has the task's body dropped, now, whether or not the result is awaited.
    ///
    /// The returned future completes when the body *has been dropped*, and gives the outcome; it
    /// never raises the task's own error. A task that had ended keeps its outcome. Several may
    /// cancel and wait.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the cancel.
    ///
    /// # Panics
    /// If a waker panics; the cancel has been made all the same.
    pub fn cancel(&self) -> Finished {
        self.0.cancel();
        self.finished()
    }

    /// Waits for the end of the task; any number may.
    ///
    /// A failure counts as heard only by who awaits the [`Task`](crate::Task): if nobody does, it is in
    /// the report, though somebody has waited here.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing for the task.
    pub fn finished(&self) -> Finished {
        Finished::new(self.clone())
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRef")
            .field("id", &self.id())
            .field("path", &self.path())
            .field("state", &self.state())
            .field("outcome", &self.outcome())
            .finish()
    }
}

/// Completes with the outcome when a task has ended and its body is gone.
#[must_use = "a cancel that gave it is made already; await this to know when the body is gone"]
pub struct Finished {
    task: TaskRef,
    me: Registration,
}

impl Finished {
    #[inline]
    pub(crate) fn new(task: TaskRef) -> Self {
        Self { task, me: Registration::NONE }
    }

    pub(crate) fn task(&self) -> &TaskRef {
        &self.task
    }

    /// Whether the task has completed, which needs no look at the outcome.
    #[inline]
    pub(crate) fn is_completed(&mut self) -> bool {
        let is_completed = self.task.0.flags().is_completed();
        if is_completed {
            self.me = Registration::NONE; // settling has taken it
        }
        is_completed
    }
}

impl Future for Finished {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { task, me } = &mut *self;
        let polled = task.0.at().poll_finished(me, context.waker());
        if polled.is_pending() {
            Waiting::answer(|| format!("the end of task {}", task.path()));
            // A closure ends on its thread, whether or not its loop is driven.
            if !task.0.flags().is_blocking() {
                other_loop::waits_for(|| task.0.registry().top().address(), || task.path());
            }
        }
        polled
    }
}

impl Drop for Finished {
    #[inline]
    fn drop(&mut self) {
        let Self { task, me } = self;
        if me.is_registered() {
            task.0.at().forget_waiter(me);
        }
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Finished").field(&self.task).finish()
    }
}
