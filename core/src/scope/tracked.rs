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
use super::place::{Own, Place, Post};
use super::turn::Turn;
use super::value::{Sender, ValueSlot};
use super::{Cx, TaskFn, cx};
use crate::inside::Inside;
use crate::registry::{FirstPoll, RecordAt, TaskRef};
use crate::roll_call::Waiting;
use crate::sync::Arc;
use crate::task::{Failure, Outcome, Output, Panic};
use crate::waiters::WakerId;
use crate::wake::{Payload, call_caught, drop_caught};

/// A body that has not started, and the task that it is to be.
pub(super) struct Start<F, L, T: 'static> {
    body: Option<F>,
    home: Home<L, T>,
}

/// What a tracked future has besides its body; small, because it lies in each of them.
pub(super) struct Home<L, T: 'static> {
    post: Post<L>,
    value: Sender<T>,
}

impl<F, L, T> Start<F, L, T> {
    /// Takes over the tracked future's reference to the record.
    #[inline]
    pub(super) fn new(body: F, registered: Registered<'_, L>, value: ValueSlot<T>) -> Self {
        let Registered { place, slot, .. } = registered;
        let post = Post { place: Arc::clone(place), own: Own::new(slot) };
        Self { body: Some(body), home: Home { post, value: Sender::new(value) } }
    }

    /// Takes the body out, unless the task was cancelled before: then it settles, the body unpolled.
    /// From now on the caller settles.
    #[inline]
    pub(super) fn begin(&mut self) -> Option<F> {
        if self.home.record().flags().must_end() {
            return None;
        }
        self.body.take()
    }

    pub(super) fn home(&self) -> &Home<L, T> {
        &self.home
    }

    /// Waits for the turn of the task. `None`: it could not be waited for, and the task has settled.
    pub(super) async fn in_turn(self) -> Option<Self> {
        match Turn::of(self.home.record()).await {
            Ok(()) => Some(self),
            Err(payload) => {
                self.fail(payload);
                None
            }
        }
    }

    /// Settles a body that never began, because its turn could not be waited for.
    fn fail(mut self, payload: Payload) {
        let dropped = drop_caught(self.body.take()); // before it settles: invariant 2
        settle(self.home.record(), Outcome::Panicked(Panic::new(payload)), dropped);
    }
}

impl<F, L, T> Drop for Start<F, L, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let dropped = drop_caught(body); // before it settles: invariant 2
            let record = self.home.record();
            settle(record, dropped_by_loop(record), dropped);
        }
    }
}

impl<L, T> Home<L, T> {
    #[inline]
    pub(super) fn record(&self) -> RecordAt<'_> {
        self.post.record()
    }

    pub(super) fn place(&self) -> &Arc<Place<L>> {
        &self.post.place
    }

    /// Hands the value to the handle, or drops it if there is none.
    pub(super) fn keep(&self, value: T) -> Result<(), Payload> {
        if self.value.is_unit() {
            return Ok(());
        }
        if self.record().flags().has_handle() {
            self.value.put(value);
            return Ok(());
        }
        drop_caught(value)
    }

    /// Makes the future of the body; if there is none, the task has settled.
    #[inline]
    fn make<'x, F, Fut>(
        &'x self,
        body: F,
        call: impl FnOnce(F, Cx<'x, L>) -> Fut,
    ) -> Option<Option<Fut>> {
        let cx = cx::make_own(&self.post);
        let _inside = Inside::enter();
        match call_caught(|| call(body, cx)) {
            Ok(future) => Some(Some(future)),
            Err(payload) => {
                settle(self.record(), Outcome::Panicked(Panic::new(payload)), Ok(()));
                None
            }
        }
    }
}

/// Makes the future that the loop runs. The body is made inside, so that it is stored once.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn tracked<L, F, R>(
    mut start: Start<F, L, R::Value>,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Send + Sync + 'static,
    F: for<'x> TaskFn<'x, L, R> + Send + 'static,
    R: Output<Value: Send + 'static>,
{
    async move {
        let Some(body) = start.begin() else { return };
        let home = &start.home;
        let Some(body) = home.make(body, |body, cx| body(cx)) else { return };
        Running::new(pin!(body), home).await;
    }
}

/// As [`tracked`], of a task that has to wait for its turn; who need not wait has a smaller future.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn tracked_in_turn<L, F, R>(
    start: Start<F, L, R::Value>,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Send + Sync + 'static,
    F: for<'x> TaskFn<'x, L, R> + Send + 'static,
    R: Output<Value: Send + 'static>,
{
    async move {
        if let Some(start) = start.in_turn().await {
            tracked(start).await;
        }
    }
}

/// As [`tracked_in_turn`], for a body that stays on its thread.
pub(super) async fn tracked_local_in_turn<L, F, R>(start: Start<F, L, R::Value>)
where
    F: AsyncFnOnce(Cx<'_, L>) -> R,
    R: Output<Value: 'static>,
{
    if let Some(start) = start.in_turn().await {
        tracked_local(start).await;
    }
}

/// As [`tracked`], for a body that stays on its thread.
pub(super) async fn tracked_local<L, F, R>(mut start: Start<F, L, R::Value>)
where
    F: AsyncFnOnce(Cx<'_, L>) -> R,
    R: Output<Value: 'static>,
{
    let Some(body) = start.begin() else { return };
    let home = &start.home;
    let Some(body) = home.make(body, |body, cx| body(cx)) else { return };
    Running::new(pin!(body), home).await;
}

/// Polls a body to its end. It is dropped before the body where that stands: it empties the place of
/// the body first, and settles then.
pub(super) struct Running<'a, Fut, L, T: 'static> {
    body: Pin<&'a mut Option<Fut>>,
    /// `None` when the task has settled.
    home: Option<&'a Home<L, T>>,
    /// The waker that the record holds.
    waker: WakerId,
}

impl<Fut, L, T, R> Future for Running<'_, Fut, L, T>
where
    Fut: Future<Output = R>,
    R: Output<Value = T>,
{
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(home) = self.home else { return Poll::Ready(()) };
        let record = home.record();
        let _polled = record.begin_poll();
        // In the first poll `begin` has just looked.
        if self.waker != WakerId::NONE && record.flags().must_end() {
            return self.finish(Outcome::Cancelled);
        }
        let inside = Inside::enter();
        Waiting::answer_task(|| TaskRef::new(record.refer()).path());
        // A body that returns is dropped under the same guard; a panic then finds the output here.
        let mut output = None;
        let polled = call_caught(|| {
            let Some(body) = self.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
            let polled = body.poll(context).map(|returned| output = Some(returned.into_result()));
            if polled.is_ready() {
                self.body.set(None);
            }
            polled
        });
        drop(inside);
        let dropped = match polled {
            Ok(Poll::Pending) => return self.park(record, context),
            Ok(Poll::Ready(())) => Ok(()),
            Err(payload) => Err(payload),
        };
        match (output, dropped) {
            (Some(Ok(value)), dropped) => {
                let kept = home.keep(value);
                self.complete(record, dropped.and(kept))
            }
            (Some(Err(error)), dropped) => {
                self.settle(Outcome::Failed(Failure::new(error)), dropped)
            }
            (None, Err(payload)) => self.finish(Outcome::Panicked(Panic::new(payload))),
            (None, Ok(())) => Poll::Ready(()), // there was no body: it has settled
        }
    }
}

impl<'a, Fut, L, T: 'static> Running<'a, Fut, L, T> {
    #[inline]
    pub(super) fn new(body: Pin<&'a mut Option<Fut>>, home: &'a Home<L, T>) -> Self {
        Self { body, home: Some(home), waker: WakerId::NONE }
    }

    #[inline]
    fn park(&mut self, record: RecordAt<'_>, context: &Context<'_>) -> Poll<()> {
        match park(record, &mut self.waker, context) {
            None => Poll::Pending,
            Some(outcome) => self.finish(outcome),
        }
    }

    fn drop_body(&mut self) -> Result<(), Payload> {
        let _inside = Inside::enter();
        call_caught(|| self.body.set(None))
    }

    #[cold]
    fn finish(&mut self, outcome: Outcome) -> Poll<()> {
        let dropped = self.drop_body();
        self.settle(outcome, dropped)
    }

    /// As `settle`, of a body that has returned a value.
    #[inline]
    fn complete(&mut self, record: RecordAt<'_>, dropped: Result<(), Payload>) -> Poll<()> {
        if dropped.is_err() {
            return self.settle(Outcome::Completed, dropped);
        }
        self.home = None;
        record.complete();
        Poll::Ready(())
    }

    #[cold]
    fn settle(&mut self, outcome: Outcome, dropped: Result<(), Payload>) -> Poll<()> {
        if let Some(home) = self.home.take() {
            settle(home.record(), outcome, dropped);
        }
        Poll::Ready(())
    }
}

impl<Fut, L, T: 'static> Drop for Running<'_, Fut, L, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(home) = self.home {
            let _polled = home.record().begin_poll();
            let _ = self.finish(dropped_by_loop(home.record()));
        }
    }
}

/// Lets a cancel reach a future that is pending (record, invariant 3), and tells how it ends if one
/// came meanwhile: a body that cancels itself goes no further than its next await. `stored` names
/// the waker that the record holds.
#[inline]
pub(super) fn park(
    record: RecordAt<'_>,
    stored: &mut WakerId,
    context: &Context<'_>,
) -> Option<Outcome> {
    // A cancel takes the stored waker; a protected body needs another, for the next demand.
    if *stored == WakerId::of(context.waker()) && !record.flags().is_cancelled() {
        return None;
    }
    store_waker(record, stored, context)
}

fn store_waker(
    record: RecordAt<'_>,
    stored: &mut WakerId,
    context: &Context<'_>,
) -> Option<Outcome> {
    let first = if *stored == WakerId::NONE { FirstPoll::Yes } else { FirstPoll::No };
    match call_caught(|| context.waker().clone()) {
        Ok(waker) => record.store_waker(waker, first),
        Err(payload) => return Some(Outcome::Panicked(Panic::new(payload))),
    }
    *stored = WakerId::of(context.waker());
    record.flags().must_end().then_some(Outcome::Cancelled)
}

/// What it means that the loop drops a tracked future which has not ended.
pub(super) fn dropped_by_loop(record: RecordAt<'_>) -> Outcome {
    if record.flags().is_cancelled() { Outcome::Cancelled } else { Outcome::LoopClosed }
}

/// Settles, a panic in a destructor being the outcome, unless the body had failed before.
pub(super) fn settle(record: RecordAt<'_>, outcome: Outcome, dropped: Result<(), Payload>) {
    record.settle(outcome.after_drop(dropped));
}
