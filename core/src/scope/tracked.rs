//! The tracked future that a loop runs: the one place that says what panic, cancel and drop mean.
//!
//! Invariants, cited below:
//! 1. It settles on every exit: end, error, panic, cancel, and its own drop, polled or not.
//! 2. The body is gone before it settles, and its destructor runs under `catch_unwind`.
//! 3. No panic leaves it: what one runtime would turn into an error and another into an abort is
//!    an outcome here.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::builder::Registered;
use super::place::{Own, Place};
use super::value::ValueSlot;
use super::{Cx, TaskFn, cx};
use crate::inside::Inside;
use crate::registry::{FirstPoll, RecordAt, TaskRef};
use crate::roll_call::Waiting;
use crate::sync::Arc;
use crate::task::{Failure, Outcome, Output, Panic};
use crate::waiters::WakerId;
use crate::wake::{Payload, call_caught, drop_caught};

/// A body that has not started, and the task that it is to be.
pub(super) struct Start<F, L> {
    body: Option<F>,
    place: Arc<Place<L>>,
    own: Own,
}

impl<F, L> Start<F, L> {
    /// Takes over the tracked future's reference to the record.
    pub(super) fn new(body: F, registered: Registered<L>) -> Self {
        let Registered { place, slot } = registered;
        Self { body: Some(body), place, own: Own::new(slot) }
    }

    /// Takes the body out, unless the task was cancelled before: then it settles, the body unpolled.
    /// From now on the caller settles.
    pub(super) fn begin(&mut self) -> Option<F> {
        if self.record().flags().must_end() {
            return None;
        }
        self.body.take()
    }

    pub(super) fn record(&self) -> RecordAt<'_> {
        self.place.record(self.own.slot)
    }
}

impl<F, L> Drop for Start<F, L> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let dropped = drop_caught(body); // before it settles: invariant 2
            settle(self.record(), dropped_by_loop(self.record()), dropped);
        }
    }
}

/// Makes the future that the loop runs. The body is made inside, so that it is stored once.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn tracked<L, F, R>(
    mut start: Start<F, L>,
    value: ValueSlot<R::Value>,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Send + Sync + 'static,
    F: for<'x> TaskFn<'x, L, R> + Send + 'static,
    R: Output<Value: Send + 'static>,
{
    async move {
        let Some(body) = start.begin() else { return };
        let (place, own) = (&start.place, &start.own);
        let Some(body) = make(place, own, body, |body, cx| body(cx)) else { return };
        let body = pin!(body);
        Running { body, place, own, value, waker: WakerId::NONE, settled: false }.await;
    }
}

/// As [`tracked`], for a body that stays on its thread.
pub(super) async fn tracked_local<L, F, R>(mut start: Start<F, L>, value: ValueSlot<R::Value>)
where
    F: AsyncFnOnce(Cx<'_, L>) -> R,
    R: Output<Value: 'static>,
{
    let Some(body) = start.begin() else { return };
    let (place, own) = (&start.place, &start.own);
    let Some(body) = make(place, own, body, |body, cx| body(cx)) else { return };
    let body = pin!(body);
    Running { body, place, own, value, waker: WakerId::NONE, settled: false }.await;
}

/// Makes the future of the body; if there is none, the task has settled.
fn make<'x, L, F, Fut>(
    place: &'x Arc<Place<L>>,
    own: &'x Own,
    body: F,
    call: impl FnOnce(F, Cx<'x, L>) -> Fut,
) -> Option<Option<Fut>> {
    let cx = cx::make_own(Arc::clone(place), own);
    let _inside = Inside::enter();
    match call_caught(|| call(body, cx)) {
        Ok(future) => Some(Some(future)),
        Err(payload) => {
            settle(place.record(own.slot), Outcome::Panicked(Panic::new(payload)), Ok(()));
            None
        }
    }
}

/// Polls a body to its end. It is dropped before the body where that stands: it empties the place of
/// the body first, and settles then.
struct Running<'a, Fut, T: 'static, L> {
    body: Pin<&'a mut Option<Fut>>,
    place: &'a Place<L>,
    own: &'a Own,
    value: ValueSlot<T>,
    /// The waker that the record holds.
    waker: WakerId,
    settled: bool,
}

impl<Fut, T, R, L> Future for Running<'_, Fut, T, L>
where
    Fut: Future<Output = R>,
    R: Output<Value = T>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let record = self.place.record(self.own.slot);
        if record.flags().must_end() {
            return self.finish(Outcome::Cancelled);
        }
        let Some(body) = self.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let inside = Inside::enter();
        Waiting::answer_task(|| TaskRef::new(record.refer()).path());
        let polled = call_caught(|| body.poll(context).map(R::into_result));
        drop(inside);
        match polled {
            Err(payload) => self.finish(Outcome::Panicked(Panic::new(payload))),
            Ok(Poll::Ready(Err(error))) => self.finish(Outcome::Failed(Failure::new(error))),
            Ok(Poll::Ready(Ok(value))) => self.complete(value),
            Ok(Poll::Pending) => self.park(context),
        }
    }
}

impl<Fut, T: 'static, L> Running<'_, Fut, T, L> {
    fn record(&self) -> RecordAt<'_> {
        self.place.record(self.own.slot)
    }

    /// Lets a cancel reach this future (record, invariant 3), and ends it if one came meanwhile:
    /// a body that cancels itself goes no further than its next await.
    fn park(&mut self, context: &Context<'_>) -> Poll<()> {
        let flags = self.record().flags();
        let id = WakerId::of(context.waker());
        // A cancel takes the stored waker; a protected body needs another, for the next demand.
        if self.waker != id || flags.is_cancelled() {
            let first = if self.waker == WakerId::NONE { FirstPoll::Yes } else { FirstPoll::No };
            let stored = call_caught(|| context.waker().clone());
            match stored {
                Ok(waker) => self.record().store_waker(waker, first),
                Err(payload) => return self.finish(Outcome::Panicked(Panic::new(payload))),
            }
            self.waker = id;
        }
        if self.record().flags().must_end() {
            return self.finish(Outcome::Cancelled);
        }
        Poll::Pending
    }

    fn complete(&mut self, value: T) -> Poll<()> {
        let dropped = self.drop_body();
        let kept = if self.record().flags().has_handle() {
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
            settle(self.record(), outcome, dropped);
        }
        // If the handle has gone meanwhile, the value is ours to drop.
        let value = std::mem::replace(&mut self.value, ValueSlot::none());
        let _ = drop_caught(value);
        Poll::Ready(())
    }
}

impl<Fut, T: 'static, L> Drop for Running<'_, Fut, T, L> {
    fn drop(&mut self) {
        if !self.settled {
            let _ = self.finish(dropped_by_loop(self.record()));
        }
    }
}

/// What it means that the loop drops a tracked future which has not ended.
pub(super) fn dropped_by_loop(record: RecordAt<'_>) -> Outcome {
    if record.flags().is_cancelled() { Outcome::Cancelled } else { Outcome::LoopClosed }
}

/// Settles, a panic in a destructor being the outcome, unless the body had failed before.
pub(super) fn settle(record: RecordAt<'_>, outcome: Outcome, dropped: Result<(), Payload>) {
    let outcome = match dropped {
        Err(payload) if !outcome.is_failure() => Outcome::Panicked(Panic::new(payload)),
        _ => outcome,
    };
    record.settle(outcome);
}
