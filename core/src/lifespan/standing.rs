//! A lifespan that has started and serves, whether or not somebody drives its loop: a foreground's.

use std::time::Duration;

use super::drive::Run;
use super::hard_end::{HardEnd, Watch, WatchPlan};
use super::serve::Serve;
use super::{Budgets, Report};
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::{LoopOwner, Timer};
use crate::monitor::{Board, Phase};
use crate::observers::Observers;
use crate::scope::{Scope, Seat};
use crate::sync::Arc;

/// Dropped without a stop, it cancels its tasks, without waiting for that.
pub(crate) struct Standing<L> {
    run: Run<L>,
    watch: WatchPlan,
}

impl<L: Timer> Standing<L> {
    pub(crate) fn begin(handle: L) -> Self {
        let (stop, cancel, observers) = <(ShutdownEvent, ShutdownEvent, Observers)>::default();
        let board = Board::new(observers.clone());
        let (budgets, seat) = (Budgets::default(), Seat::default());
        let run = Run::new(handle, stop, cancel, budgets, observers, seat, board);
        run.draft.enter(Phase::Serving);
        run.board().enter_serving();
        Self { run, watch: WatchPlan::default() }
    }

    /// Stops the tasks as any lifespan does, on the loop that this owner drives; the watch goes on
    /// until the loop is gone.
    pub(crate) fn stop_on<O: LoopOwner<Handle = L>>(
        self,
        owner: &mut O,
    ) -> (Report, Option<Watch>) {
        let event = self.root().shared().stop.clone();
        match owner.run(async move |_handle| self.stop().await) {
            Ok(driven) => driven,
            Err(error) => (Report::not_run(error, &event), None),
        }
    }

    async fn stop(self) -> (Report, Option<Watch>) {
        let Self { mut run, watch } = self;
        run.ask_to_stop(Reason::Requested);
        // Not when it was asked for, which may be long ago.
        run.stop_began = Some(run.handle.now());
        let watch = run.watch(watch);
        run.stop(&mut Serve::none()).await;
        (run.finish(), watch)
    }
}

impl<L> Standing<L> {
    pub(crate) fn handle(&self) -> &L {
        &self.run.handle
    }

    pub(crate) fn root(&self) -> &Arc<Scope> {
        &self.run.root
    }

    pub(crate) fn set_grace(&mut self, grace: Duration) {
        self.run.budgets.grace = grace;
        self.run.root.set_grace(grace);
    }

    pub(crate) fn set_hard_end(&mut self, hard_end: HardEnd) {
        self.watch.hard_end = hard_end;
    }

    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.run.budgets.deadline = deadline;
    }
}
