//! Stops the tasks of one scope: asks, waits for their grace, cancels, and never waits for ever.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::handler::{self, Caught};
use super::listed::Listed;
use super::report::HandlerOutcome;
use super::serve::Serve;
use crate::event::{Reason, Wait};
use crate::event_loop::Timer;
use crate::monitor::AwaitedKind;
use crate::registry::{RecordRef, StopTimes, TaskRef, Watch};
use crate::scope::{Scope, Shared};
use crate::task::Name;
use crate::wake::call_caught;
use crate::yield_now::yield_now;

/// How long the loop gets, after the deadline, to drop what can be dropped.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// The stop of a lifespan: one deadline over all.
pub(super) struct Stop<'a, L> {
    handle: &'a L,
    reason: Reason,
    /// Holds the event that is set when no grace counts any more.
    shared: &'a Shared,
    /// `None`: later than the clock can tell.
    deadline: Option<Instant>,
    /// The loop of an attached lifespan has ended meanwhile: its clock tells no time any more.
    loop_ended: Cell<bool>,
}

impl<'a, L: Timer> Stop<'a, L> {
    pub(super) fn new(
        handle: &'a L,
        began: Instant,
        deadline: Duration,
        reason: Reason,
        shared: &'a Shared,
    ) -> Self {
        let deadline = began.checked_add(deadline);
        Self { handle, reason, shared, deadline, loop_ended: Cell::new(false) }
    }

    /// Runs a shutdown handler; it is polled once even when the deadline is over.
    pub(super) async fn handler(
        &self,
        handler: Caught<'_>,
        budget: Duration,
        name: &Name,
    ) -> HandlerOutcome {
        let _awaited = self.shared.board.await_one(AwaitedKind::Shutdown, name.clone(), budget);
        let left = self.left().unwrap_or(Duration::MAX);
        handler::run(self.handle, handler, budget.min(left), None).await
    }

    /// Stops what lives in a scope, and the foreground with it. What is left then, cannot be
    /// dropped.
    pub(super) async fn tasks(
        &self,
        scope: &Scope,
        grace: Duration,
        serve: &mut Serve<'_>,
        listed: &Listed,
    ) {
        let times = StopTimes { began: self.handle.now(), grace, deadline: self.deadline };
        scope.begin_stop(times);
        let board = &self.shared.board;
        let _awaited = board.await_tasks(scope.registry(), grace);
        serve.show(board, grace);
        // Set before, when this is the look after the shutdown handlers.
        let _ = call_caught(|| scope.event().trigger().set(self.reason.clone()));
        loop {
            let changed = scope.registry().watch();
            // Read once: what is set after this is heard by the wait, which does not look again.
            let is_withdrawn = self.shared.cancel.is_set();
            let next = self.cancel_what_is_due(scope, serve, times, is_withdrawn, listed);
            if !scope.registry().is_busy() && !serve.is_live() {
                return;
            }
            let Some(wait) = next else {
                self.force(scope, listed).await;
                return;
            };
            let cancelled = (!is_withdrawn).then(|| self.shared.cancel.wait());
            let is_over = changed.is_over();
            self.wait(changed, cancelled, serve, wait).await;
            if is_over {
                yield_now().await; // as in `scope::close`
            }
        }
    }

    /// Cancels every task whose grace is over, and tells how long until the next one's is; `None`
    /// when the deadline is over.
    fn cancel_what_is_due(
        &self,
        scope: &Scope,
        serve: &mut Serve<'_>,
        times: StopTimes,
        is_withdrawn: bool,
        listed: &Listed,
    ) -> Option<Duration> {
        let now = self.handle.now();
        let left = self.left().unwrap_or(Duration::MAX);
        if left.is_zero() {
            serve.cancel();
            return None;
        }
        let next = scope.registry().cancel_due(times, now, is_withdrawn, None, |record| {
            list(record.clone(), listed);
        });
        let next = next.min(left);
        let serve_has = times.left_of(times.grace, now);
        if !serve.is_live() {
            return Some(next);
        }
        if serve_has.is_zero() || is_withdrawn {
            serve.cancel();
            return Some(next);
        }
        Some(next.min(serve_has))
    }

    /// Waits until something has changed: the scope, the foreground, the time, the second signal.
    async fn wait(
        &self,
        mut changed: Watch<'_>,
        mut cancelled: Option<Wait<'_>>,
        serve: &mut Serve<'_>,
        limit: Duration,
    ) {
        let mut sleep = pin!(self.handle.sleep(limit));
        poll_fn(|context| {
            if serve.is_live() && serve.poll(context).is_ready() {
                return Poll::Ready(());
            }
            if Pin::new(&mut changed).poll(context).is_ready() {
                return Poll::Ready(());
            }
            if let Some(cancelled) = &mut cancelled {
                if Pin::new(cancelled).poll(context).is_ready() {
                    return Poll::Ready(());
                }
            }
            sleep.as_mut().poll(context).map(|slept| self.loop_ended.set(slept.is_err()))
        })
        .await;
    }

    /// Drops what can be dropped, protected or not.
    ///
    /// Nothing starts here any more: who goes on spawning would hold up the stop.
    async fn force(&self, scope: &Scope, listed: &Listed) {
        scope.registry().close();
        let mut sleep = pin!(self.handle.sleep(LAST_LOOK));
        loop {
            let (mut changed, now) = (scope.registry().watch(), self.handle.now());
            // Each time: a destructor may have started another task.
            for record in scope.registry().all_tasks() {
                if record.force_late(now) {
                    list(record, listed);
                }
            }
            scope.registry().force_scopes();
            if !scope.registry().is_busy() {
                return;
            }
            let over = poll_fn(|context| match sleep.as_mut().poll(context) {
                Poll::Ready(_over) => Poll::Ready(true),
                Poll::Pending => Pin::new(&mut changed).poll(context).map(|()| false),
            });
            if over.await {
                return;
            }
        }
    }

    /// Drops what handlers and destructors started after the deadline, in a scope that is closed.
    pub(super) async fn rest(&self, scope: &Scope, listed: &Listed) {
        let is_new = |record: &RecordRef| !record.flags().is_forced();
        if scope.registry().snapshot().iter().any(is_new) {
            self.force(scope, listed).await;
        }
    }

    /// `None`: later than the clock can tell.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// What is left of the deadline; `None`: all the time there is.
    fn left(&self) -> Option<Duration> {
        if self.loop_ended.get() {
            return Some(Duration::ZERO);
        }
        let now = self.handle.now();
        self.deadline.map(|deadline| deadline.saturating_duration_since(now))
    }
}

fn list(record: RecordRef, listed: &Listed) {
    let task = TaskRef::new(record);
    listed.add_forced(task);
}
