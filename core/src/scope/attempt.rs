//! One attempt of a service: a body runs to its end, or is told to end and cut when its grace is over.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use super::tracked::Home;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::service::Member;
use crate::task::{Failure, Outcome, Output, Panic};
use crate::wake::{call_caught, drop_caught};

/// How a body is told to end, because another one begins again.
pub(super) struct Orders<'a> {
    /// Set when it is told.
    pub(super) told: &'a ShutdownEvent,
    /// The event that the body sees.
    pub(super) event: &'a ShutdownEvent,
    /// How long it may take then.
    pub(super) grace: Duration,
}

/// Runs a body to its end, and drops it.
pub(super) async fn run<Fut, R>(mut body: Pin<&mut Option<Fut>>) -> Outcome
where
    Fut: Future<Output = R>,
    R: Output,
{
    poll_fn(|context| poll_body(body.as_mut(), context)).await
}

/// As `run`; a body that is told to end has its grace for that.
pub(super) async fn run_until_told<L, Fut, R>(
    home: &Home<L, ()>,
    member: &Member,
    mut body: Pin<&mut Option<Fut>>,
    orders: Orders<'_>,
) -> Outcome
where
    L: Timer,
    Fut: Future<Output = R>,
    R: Output,
{
    let Orders { told, event, grace: limit } = orders;
    let mut wait = told.wait();
    // `None` before it is told, and again when its grace is over.
    let mut grace = pin!(None);
    let (mut has_begun, mut is_told, mut is_over) = (false, false, false);
    poll_fn(|context| {
        let polled = poll_body(body.as_mut(), context);
        if !std::mem::replace(&mut has_begun, true) {
            member.begun();
        }
        if polled.is_ready() {
            return polled;
        }
        if !is_told && Pin::new(&mut wait).poll(context).is_ready() {
            is_told = true;
            let reason = told.reason().unwrap_or(Reason::Requested);
            let _ = call_caught(|| event.trigger().set(reason));
            grace.set(Some(home.place().handle.sleep(limit)));
        }
        if let Some(sleep) = grace.as_mut().as_pin_mut() {
            is_over = sleep.poll(context).is_ready();
        }
        if is_over {
            grace.set(None);
        }
        // What it protects ends in a poll of the body, after which this looks again.
        if is_over && !home.record().flags().is_protected() {
            return Poll::Ready(drop_body(body.as_mut(), Outcome::Cancelled));
        }
        Poll::Pending
    })
    .await
}

/// Polls a body once; one that has ended is gone when this says so.
fn poll_body<Fut, R>(mut body: Pin<&mut Option<Fut>>, context: &mut Context<'_>) -> Poll<Outcome>
where
    Fut: Future<Output = R>,
    R: Output,
{
    let Some(future) = body.as_mut().as_pin_mut() else { return Poll::Ready(Outcome::Cancelled) };
    let polled = call_caught(|| future.poll(context).map(R::into_result));
    let outcome = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(Ok(value))) => Outcome::Completed.after_drop(drop_caught(value)),
        Ok(Poll::Ready(Err(error))) => Outcome::Failed(Failure::new(error)),
        Err(payload) => Outcome::Panicked(Panic::new(payload)),
    };
    Poll::Ready(drop_body(body, outcome))
}

/// Drops a body; a panic of its destructor is the outcome, unless it had failed before.
fn drop_body<Fut>(mut body: Pin<&mut Option<Fut>>, outcome: Outcome) -> Outcome {
    outcome.after_drop(call_caught(|| body.set(None)))
}
