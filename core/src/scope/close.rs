//! The end of a scope that a user has opened: stop, wait, cancel, report.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::scope_report::{ScopeReport, ScopeTask};
use super::{Cx, OpenScope};
use crate::event_loop::Timer;
use crate::registry::{RecordRef, Registry, StopTimes, TaskRef};
use crate::sync::Arc;
use crate::wake::call_caught;
use crate::yield_now::yield_now;

/// How long the loop gets, after the deadline, to drop what can be dropped.
const LAST_LOOK: Duration = Duration::from_millis(50);

impl<L> OpenScope<L> {
    /// Stops the tasks, waits for their grace, cancels what is left, and says how all ended.
    ///
    /// Tasks that come meanwhile are born stopped and are awaited; when it has ended, nothing can be
    /// spawned in the scope any more. What cannot be dropped, a closure on a thread for example, is a
    /// straggler when the scope's deadline is over.
    ///
    /// A task of this scope, or of one inside it, may close it, too: it is told to stop as all others
    /// are, but it is not waited for and not cancelled; the scope ends with it.
    ///
    /// # Cancel safety
    /// Dropping the future drops the handle, and so cancels what is left.
    pub async fn close<M: Timer>(self, cx: &Cx<'_, M>) -> ScopeReport {
        self.begin_stop(cx.handle().now()); // before its event is set
        let _ = call_caught(|| self.stop());
        self.end(cx).await
    }

    /// Waits until the tasks have ended by themselves, and says how; nothing is stopped.
    ///
    /// As the end of an `asyncio.TaskGroup` or a nursery. Tasks may still spawn others. If the scope
    /// is stopped meanwhile, by a failure in a fail-fast one or together with the scope around it, it
    /// goes on as [`close`](Self::close) does. A scope inside it is waited for as a task is, and does not
    /// end while somebody holds its handle.
    ///
    /// # Cancel safety
    /// Dropping the future drops the handle, and so cancels what is left.
    pub async fn finish<M: Timer>(self, cx: &Cx<'_, M>) -> ScopeReport {
        self.node().registry().close_when_empty();
        self.end(cx).await
    }

    /// Tells those in it when their grace is over, and returns that; the first time counts.
    fn begin_stop(&self, now: Instant) -> StopTimes {
        let (grace, deadline) = (self.node().grace(), now.checked_add(self.deadline));
        let times = StopTimes { began: now, grace, deadline };
        self.node().registry().begin_stop_tree(times)
    }

    async fn end<M: Timer>(mut self, cx: &Cx<'_, M>) -> ScopeReport {
        let closing = Closing { scope: &self, handle: cx.handle(), spared: self.spared(cx) };
        let stragglers = closing.run().await;
        let is_spared = closing.spared.is_some();
        let report = ScopeReport::new(self.node().registry().take_tally(), stragglers);
        if is_spared {
            self.on_drop = super::open::OnDrop::Detach;
        }
        report
    }

    /// The caller itself, if it is a task of this scope or of one inside it.
    fn spared<M>(&self, cx: &Cx<'_, M>) -> Option<RecordRef> {
        let caller = cx.record()?.refer();
        let own = self.node().registry();
        let mut at = Arc::clone(caller.registry());
        while !at.is(own) {
            let outer = at.record()?.registry();
            at = Arc::clone(outer);
        }
        Some(caller)
    }
}

/// One scope while it ends.
struct Closing<'a, L, M> {
    scope: &'a OpenScope<L>,
    handle: &'a M,
    spared: Option<RecordRef>,
}

impl<L, M: Timer> Closing<'_, L, M> {
    fn registry(&self) -> &Arc<Registry> {
        self.scope.node().registry()
    }

    /// Returns what is left behind.
    async fn run(&self) -> Vec<ScopeTask> {
        let shared = self.scope.node().shared();
        loop {
            let mut changed = self.registry().watch();
            // Looked for once: between two looks the last of the others may end, and nobody tells.
            let Some(awaited) = self.awaited() else { return Vec::new() };
            let is_stopping = self.scope.shutdown().is_set();
            // Read once: what is set after this is heard by the wait, which does not look again.
            let is_withdrawn = shared.cancel.is_set();
            let mut next = Duration::MAX;
            if is_stopping {
                let now = self.handle.now();
                let times = self.scope.begin_stop(now);
                let left = times.deadline.map(|end| end.saturating_duration_since(now));
                let left = left.unwrap_or(Duration::MAX);
                if left.is_zero() {
                    return self.force().await;
                }
                next = self.cancel_due(times, now, is_withdrawn).min(left);
            }
            // Who hears of late tasks may start others, which are late at once: the loop has its turn.
            if changed.is_over() {
                yield_now().await;
                continue;
            }
            let mut stopped = (!is_stopping).then(|| self.scope.shutdown().wait());
            let mut withdrawn = (is_stopping && !is_withdrawn).then(|| shared.cancel.wait());
            let mut ended = awaited.finished();
            // Nothing is due before it stops.
            let mut sleep = pin!(is_stopping.then(|| self.handle.sleep(next)));
            let slept = poll_fn(|context| {
                if Pin::new(&mut changed).poll(context).is_ready()
                    || is_ready(&mut stopped, context)
                    || is_ready(&mut withdrawn, context)
                    || Pin::new(&mut ended).poll(context).is_ready()
                {
                    return Poll::Ready(Ok(()));
                }
                sleep.as_mut().as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll(context))
            });
            if slept.await.is_err() {
                // The loop of the caller has ended: its clock tells no time any more.
                return self.force().await;
            }
        }
    }

    /// Whose end to wait for: the scope's own, which comes a moment after that of its last task; where
    /// that is not before the caller's, another task's. `None`: nothing lives but who is spared.
    fn awaited(&self) -> Option<TaskRef> {
        let scope = self.scope.task_ref();
        if scope.is_finished() {
            return None;
        }
        match self.spared {
            Some(_) => self.one_left().map(TaskRef::new),
            None => Some(scope.clone()),
        }
    }

    fn cancel_due(&self, times: StopTimes, now: Instant, is_withdrawn: bool) -> Duration {
        self.registry().cancel_due(times, now, is_withdrawn, self.spared.as_ref(), |_| {})
    }

    /// Drops what can be dropped, protected or not, and returns what is left.
    async fn force(&self) -> Vec<ScopeTask> {
        self.registry().refuse_in_tree();
        let mut sleep = pin!(self.handle.sleep(LAST_LOOK));
        loop {
            let now = self.handle.now();
            for record in self.others() {
                record.force_late(now);
            }
            let Some(left) = self.one_left() else { return Vec::new() };
            let mut ended = TaskRef::new(left).finished();
            let is_over = poll_fn(|context| match Pin::new(&mut ended).poll(context) {
                Poll::Ready(_outcome) => Poll::Ready(false),
                Poll::Pending => sleep.as_mut().poll(context).map(|_slept| true),
            });
            if is_over.await {
                break;
            }
        }
        let now = self.handle.now();
        let left = self.others().into_iter();
        left.map(|record| {
            let age = record.age(now);
            ScopeTask::straggler(&TaskRef::new(record), age)
        })
        .collect()
    }

    /// The live tasks here and below, without the caller.
    fn others(&self) -> Vec<RecordRef> {
        let mut tasks = self.registry().all_tasks();
        if let Some(spared) = &self.spared {
            tasks.retain(|record| !record.is(spared));
        }
        tasks
    }

    /// One of them, from the middle: whether those that came first end first or last, half of them have
    /// ended with it, and few looks at all that are left will do.
    fn one_left(&self) -> Option<RecordRef> {
        let others = self.others();
        let middle = others.len() / 2;
        others.into_iter().nth(middle)
    }
}

fn is_ready<F: Future + Unpin>(
    future: &mut Option<F>,
    context: &mut std::task::Context<'_>,
) -> bool {
    future.as_mut().is_some_and(|future| Pin::new(future).poll(context).is_ready())
}
