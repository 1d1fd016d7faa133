//! Runs a lifespan on the loop of its owner, alone or as one of several.

use super::{BoundSources, Lifespan, Report, Watch, drive};
use crate::event::ShutdownEvent;
use crate::event_loop::{LoopOwner, Timer};
use crate::monitor::{Board, Phase};
use crate::observers::Observers;
use crate::scope::Seat;
use crate::sync::Arc;

impl<O: LoopOwner> Lifespan<O> {
    /// Runs it; `cancel` has its stop wait for no grace any more.
    pub(crate) fn run_until(self, cancel: ShutdownEvent) -> Report
    where
        O::Handle: Timer,
    {
        let Self { mut owner, mut plan, sources } = self;
        let event = plan.event();
        // Whatever ends this: a source is released when the monitor shows that all has stopped.
        let mut bound = BoundSources::default();
        let stopped = SaysStopped(Arc::clone(&plan.board));
        if let Err(error) = sources.bind(&event, &cancel, &mut bound) {
            return Report::not_started(error, &event);
        }
        let driven = owner.run(async move |handle| drive::drive(handle, plan, cancel).await);
        drop(stopped);
        drop(bound);
        let (report, watch) = driven.unwrap_or_else(|error| (Report::not_run(error, &event), None));
        // A loop may wait for its threads, and that is watched, too.
        drop(owner);
        Watch::end(watch, report)
    }
}

/// Says, when it is dropped, that the lifespan has stopped.
pub(super) struct SaysStopped(pub(super) Arc<Board>);

impl Drop for SaysStopped {
    fn drop(&mut self) {
        self.0.enter(Phase::Stopped);
    }
}

/// For whoever runs several of them.
impl<O, L> Lifespan<O, L> {
    /// Tells which worker it is, and who lists its tasks.
    pub(crate) fn seat_at(&mut self, seat: Seat) {
        self.plan.seat = seat;
    }

    /// Adds the observers of all of them.
    pub(crate) fn observe_for(&mut self, observers: &Observers) {
        self.plan.observers.add_all(observers);
    }

    /// Tells whether the caller gave an event, which others may set; ask before
    /// [`stop_event`](Self::stop_event) makes one.
    pub(crate) fn was_given_an_event(&self) -> bool {
        self.plan.event.is_some()
    }

    /// What its monitors show.
    pub(crate) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.plan.board)
    }

    /// Returns the event that it will run with.
    pub(crate) fn stop_event(&mut self) -> ShutdownEvent {
        self.plan.event()
    }
}
