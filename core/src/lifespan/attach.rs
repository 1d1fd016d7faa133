//! A lifespan inside a loop that somebody else owns and drives.

use std::future::{Future, poll_fn};
use std::pin::pin;

use super::{Lifespan, Report, drive};
use crate::event::ShutdownEvent;
use crate::event_loop::Timer;
use crate::inside::Inside;

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
    /// not be; tasks run on the loop.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what it started, without waiting for that, and without the
    /// shutdown handlers.
    pub async fn run(self) -> Report {
        let Self { owner: Attached { handle }, mut plan, sources } = self;
        let (event, cancel) = (plan.event(), ShutdownEvent::new());
        let bound = match sources.bind(&event, &cancel) {
            Ok(bound) => bound,
            Err(error) => return Report::not_started(error, &event),
        };
        let mut driven = pin!(drive::drive(&handle, plan, cancel));
        let report = poll_fn(|context| {
            let _inside = Inside::enter();
            driven.as_mut().poll(context)
        })
        .await;
        drop(bound);
        report
    }
}
