//! A lifespan inside a loop that somebody else owns and drives.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::presence::{Absence, Presence};
use super::run::SaysStopped;
use super::{BoundSources, Lifespan, Report, StartError, Watch, drive};
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::inside::Inside;
use crate::sync::Arc;
use crate::wake::call_caught;

/// How long a loop may take to its first turn, unless a start-up handler may take less.
const PATIENCE: Duration = Duration::from_secs(5);

/// In place of a loop's owner: the loop is somebody else's, and runs already.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attached<L> {
    handle: L,
}

impl<L: Timer> Lifespan<Attached<L>, L> {
    /// Begins a lifespan on a loop that somebody else drives.
    ///
    /// The handle comes from the adapter: `Tokio::current()` under `#[tokio::main]`, for example.
    pub fn attach(handle: L) -> Self {
        Self::new(Attached { handle })
    }

    /// Runs all of it as a part of the caller's task, until it has stopped.
    ///
    /// Handlers and the foreground are polled by this future, which is not `Send` because they need
    /// not be; tasks run on the loop. A loop that nobody drives does not keep it waiting: if it has
    /// not taken a turn within five seconds, or within the
    /// [`start_timeout`](Lifespan::start_timeout) if that is less, the report says
    /// [`StartError::NotDriven`]. If the loop ends meanwhile, the lifespan stops.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what it started, without waiting for that, and without the
    /// shutdown handlers.
    pub async fn run(self) -> Report {
        let Self { owner: Attached { handle }, mut plan, sources } = self;
        let (event, cancel) = (plan.event(), ShutdownEvent::new());
        // Whatever ends this: a source is released when the monitor shows that all has stopped.
        let mut bound = BoundSources::default();
        let stopped = SaysStopped(Arc::clone(&plan.board));
        if let Err(error) = sources.bind(&event, &cancel, &mut bound) {
            return Report::not_started(error, &event);
        }
        let (loop_id, adapter) = (handle.id(), handle.name());
        let waited = PATIENCE.min(plan.budgets.start);
        let Some(presence) = Presence::on(&handle, waited) else {
            return Report::not_started(StartError::LoopEnded { loop_id, adapter }, &event);
        };
        let mut absence = pin!(presence.absence());
        let mut is_present = true;
        let mut driven = pin!(drive::drive(&handle, plan, cancel));
        let (mut report, watch) = poll_fn(|context| {
            let _inside = Inside::enter();
            if is_present {
                match absence.as_mut().poll(context) {
                    Poll::Pending => {}
                    Poll::Ready(Absence::NotDriven) => {
                        let error = StartError::NotDriven { loop_id, adapter, waited };
                        return Poll::Ready((Report::not_started(error, &event), None));
                    }
                    Poll::Ready(Absence::Ended) => {
                        is_present = false;
                        let _ = call_caught(|| event.trigger().set(Reason::LoopClosed));
                    }
                }
            }
            driven.as_mut().poll(context)
        })
        .await;
        drop(stopped);
        drop(bound);
        report.loop_ended = !is_present;
        Watch::end(watch, report)
    }
}
