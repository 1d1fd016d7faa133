//! The tracked future that a loop runs: the one place that says what panic, cancel and drop mean.
//!
//! Invariants, cited below:
//! 1. It settles on every exit: end, error, panic, cancel, and its own drop, polled or not.
//! 2. The body is gone before it settles, and its destructor runs under `catch_unwind`.
//! 3. No panic leaves it: what one runtime would turn into an error and another into an abort is
//!    an outcome here.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::value::ValueSlot;
use super::{Cx, Scope, TaskFn, cx};
use crate::inside::Inside;
use crate::registry::{RecordRef, TaskRef};
use crate::roll_call::Waiting;
use crate::sync::Arc;
use crate::task::{Failure, Outcome, Output, Panic};
use crate::waiters::WakerId;
use crate::wake::{Payload, call_caught, drop_caught};

/// A body that has not started, and the record of it.
pub(super) struct Start<F> {
    body: Option<F>,
    record: Option<RecordRef>,
}

impl<F> Start<F> {
    pub(super) fn new(body: F, record: RecordRef) -> Self {
        Self { body: Some(body), record: Some(record) }
    }

    /// Takes both out, unless the task was cancelled before: then it settles, the body unpolled.
    pub(super) fn begin(&mut self) -> Option<(F, RecordRef)> {
        let cancelled = self.record.as_ref().is_some_and(|record| record.flags().must_end());
        if cancelled {
            return None;
        }
        self.body.take().zip(self.record.take())
    }

    /// Makes the future of the body; if there is none, the task has settled.
    fn make<'x, L, Fut>(
        &mut self,
        handle: L,
        scope: Arc<Scope>,
        call: impl FnOnce(F, Cx<'x, L>) -> Fut,
    ) -> Option<(Option<Fut>, RecordRef)> {
        let (body, record) = self.begin()?;
        let cx = cx::make(handle, scope, Some(record.clone()));
        let _inside = Inside::enter();
        match call_caught(|| call(body, cx)) {
            Ok(future) => Some((Some(future), record)),
            Err(payload) => {
                settle(&record, Outcome::Panicked(Panic::new(payload)), Ok(()));
                None
            }
        }
    }
}

impl<F> Drop for Start<F> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            let dropped = drop_caught(self.body.take()); // before it settles: invariant 2
            settle(&record, dropped_by_loop(&record), dropped);
        }
    }
}

/// Makes the future that the loop runs. The body is made inside, so that it is stored once.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn tracked<L, F, R>(
    start: Start<F>,
    handle: L,
    scope: Arc<Scope>,
    value: ValueSlot<R::Value>,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Send + Sync + 'static,
    F: for<'x> TaskFn<'x, L, R> + Send + 'static,
    R: Output<Value: Send + 'static>,
{
    async move {
        let mut start = start;
        let Some((body, record)) = start.make(handle, scope, |body, cx| body(cx)) else { return };
        run(pin!(body), record, value).await;
    }
}

/// As [`tracked`], for a body that stays on its thread.
pub(super) async fn tracked_local<L, F, R>(
    start: Start<F>,
    handle: L,
    scope: Arc<Scope>,
    value: ValueSlot<R::Value>,
) where
    F: AsyncFnOnce(Cx<'_, L>) -> R,
    R: Output<Value: 'static>,
{
    let mut start = start;
    let Some((body, record)) = start.make(handle, scope, |body, cx| body(cx)) else { return };
    run(pin!(body), record, value).await;
}

/// Polls a body to its end. `Running` is dropped before the body where that stands: it empties the
/// place of the body first, and settles then.
async fn run<Fut, R>(body: Pin<&mut Option<Fut>>, record: RecordRef, value: ValueSlot<R::Value>)
where
    Fut: Future<Output = R>,
    R: Output<Value: 'static>,
{
    let mut running = Running { body, record, value, waker: WakerId::NONE, settled: false };
    poll_fn(|context| running.poll(context)).await;
}

struct Running<'a, Fut, T: 'static> {
    body: Pin<&'a mut Option<Fut>>,
    record: RecordRef,
    value: ValueSlot<T>,
    /// The waker that the record holds.
    waker: WakerId,
    settled: bool,
}

impl<Fut, T, R> Running<'_, Fut, T>
where
    Fut: Future<Output = R>,
    R: Output<Value = T>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.record.flags().must_end() {
            return self.finish(Outcome::Cancelled);
        }
        let Some(body) = self.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let inside = Inside::enter();
        Waiting::answer_task(|| TaskRef::new(self.record.clone()).path());
        let polled = call_caught(|| body.poll(context).map(R::into_result));
        drop(inside);
        match polled {
            Err(payload) => self.finish(Outcome::Panicked(Panic::new(payload))),
            Ok(Poll::Ready(Err(error))) => self.finish(Outcome::Failed(Failure::new(error))),
            Ok(Poll::Ready(Ok(value))) => self.complete(value),
            Ok(Poll::Pending) => self.park(context),
        }
    }

    /// Lets a cancel reach this future (record, invariant 3), and ends it if one came meanwhile:
    /// a body that cancels itself goes no further than its next await.
    fn park(&mut self, context: &Context<'_>) -> Poll<()> {
        let flags = self.record.flags();
        let id = WakerId::of(context.waker());
        // A cancel takes the stored waker; a protected body needs another, for the next demand.
        if self.waker != id || flags.is_cancelled() {
            let stored = call_caught(|| context.waker().clone());
            match stored {
                Ok(waker) => self.record.store_waker(waker),
                Err(payload) => return self.finish(Outcome::Panicked(Panic::new(payload))),
            }
            self.waker = id;
        }
        if self.record.flags().must_end() {
            return self.finish(Outcome::Cancelled);
        }
        Poll::Pending
    }
}

impl<Fut, T: 'static> Running<'_, Fut, T> {
    fn complete(&mut self, value: T) -> Poll<()> {
        let dropped = self.drop_body();
        let kept = if self.record.flags().has_handle() {
            self.value.put(value);
            Ok(())
        } else {
            drop_caught(value)
        };
        self.settle(Outcome::Completed, dropped.and(kept))
    }

    fn drop_body(&mut self) -> Result<(), Payload> {
        let _inside = Inside::enter();
        call_caught(|| self.body.set(None))
    }

    fn finish(&mut self, outcome: Outcome) -> Poll<()> {
        let dropped = self.drop_body();
        self.settle(outcome, dropped)
    }

    fn settle(&mut self, outcome: Outcome, dropped: Result<(), Payload>) -> Poll<()> {
        if !std::mem::replace(&mut self.settled, true) {
            settle(&self.record, outcome, dropped);
        }
        // If the handle has gone meanwhile, the value is ours to drop.
        let value = std::mem::replace(&mut self.value, ValueSlot::none());
        let _ = drop_caught(value);
        Poll::Ready(())
    }
}

impl<Fut, T: 'static> Drop for Running<'_, Fut, T> {
    fn drop(&mut self) {
        if !self.settled {
            let _ = self.finish(dropped_by_loop(&self.record));
        }
    }
}

/// What it means that the loop drops a tracked future which has not ended.
pub(super) fn dropped_by_loop(record: &RecordRef) -> Outcome {
    if record.flags().is_cancelled() { Outcome::Cancelled } else { Outcome::LoopClosed }
}

/// Settles, a panic in a destructor being the outcome, unless the body had failed before.
pub(super) fn settle(record: &RecordRef, outcome: Outcome, dropped: Result<(), Payload>) {
    let outcome = match dropped {
        Err(payload) if !outcome.is_failure() => Outcome::Panicked(Panic::new(payload)),
        _ => outcome,
    };
    record.registry().settle(record, outcome);
}
