//! Runs one handler on the loop's root: within a budget, its panic caught, a stop heard.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use super::report::HandlerOutcome;
use crate::event::ShutdownEvent;
use crate::event_loop::Timer;
use crate::scope::{Cx, LocalBoxFuture};
use crate::task::{BoxError, Failure, Outcome, Output, Panic};
use crate::wake::{call_caught, drop_caught};

/// A handler as it is stored.
pub(super) type Handler<L> =
    Box<dyn for<'t> FnOnce(Cx<'t, L>) -> LocalBoxFuture<'t, Result<(), BoxError>>>;

pub(super) fn boxed<L, R, F>(handler: F) -> Handler<L>
where
    L: 'static,
    R: Output<Value = ()> + 'static,
    F: for<'t> AsyncFnOnce(Cx<'t, L>) -> R + 'static,
{
    Box::new(move |cx| Box::pin(async move { handler(cx).await.into_result() }))
}

/// A future of the root: whatever it does, it ends as an outcome, and its destructor is guarded.
pub(super) struct Caught<'a>(Option<LocalBoxFuture<'a, Result<(), BoxError>>>);

impl<'a> Caught<'a> {
    pub(super) fn new(
        start: impl FnOnce() -> LocalBoxFuture<'a, Result<(), BoxError>> + 'a,
    ) -> Self {
        // Inside the future, so that a handler that panics when called is caught as well.
        Self(Some(Box::pin(async move { start().await })))
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Outcome::Cancelled) };
        let polled = call_caught(|| future.as_mut().poll(context));
        let outcome = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Outcome::Completed,
            Ok(Poll::Ready(Err(error))) => Outcome::Failed(Failure::new(error)),
            Err(payload) => Outcome::Panicked(Panic::new(payload)),
        };
        Poll::Ready(self.end(outcome))
    }

    /// Drops the future; a panic of its destructor is the outcome, unless it had failed before.
    pub(super) fn end(&mut self, outcome: Outcome) -> Outcome {
        outcome.after_drop(drop_caught(self.0.take()))
    }
}

impl Drop for Caught<'_> {
    fn drop(&mut self) {
        let _ = drop_caught(self.0.take());
    }
}

/// Runs a handler within `budget`; `interrupt` ends it at once.
pub(super) async fn run<L: Timer>(
    handle: &L,
    mut handler: Caught<'_>,
    budget: Duration,
    interrupt: Option<&ShutdownEvent>,
) -> HandlerOutcome {
    let mut sleep = pin!(handle.sleep(budget));
    let mut interrupted = interrupt.map(ShutdownEvent::wait);
    poll_fn(|context| {
        if let Some(wait) = &mut interrupted {
            if Pin::new(wait).poll(context).is_ready() {
                return Poll::Ready(cut(&mut handler, HandlerOutcome::Interrupted));
            }
        }
        if let Poll::Ready(outcome) = handler.poll(context) {
            return Poll::Ready(outcome_of(outcome));
        }
        sleep.as_mut().poll(context).map(|slept| match slept {
            Ok(()) => cut(&mut handler, HandlerOutcome::TimedOut(budget)),
            Err(_closed) => cut(&mut handler, HandlerOutcome::Interrupted),
        })
    })
    .await
}

/// Drops a handler that has not ended.
fn cut(handler: &mut Caught<'_>, why: HandlerOutcome) -> HandlerOutcome {
    match handler.end(Outcome::Cancelled) {
        Outcome::Cancelled => why,
        outcome => outcome_of(outcome),
    }
}

fn outcome_of(outcome: Outcome) -> HandlerOutcome {
    match outcome {
        Outcome::Completed => HandlerOutcome::Completed,
        Outcome::Failed(failure) => HandlerOutcome::Failed(failure),
        Outcome::Panicked(panic) => HandlerOutcome::Panicked(panic),
        Outcome::Cancelled | Outcome::LoopClosed => HandlerOutcome::Interrupted,
    }
}
