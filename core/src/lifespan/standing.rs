//! A lifespan that has started and serves, whether or not somebody drives its loop: a foreground's.

use std::time::{Duration, Instant};

use super::Report;
use super::drive::Run;
use super::serve::Serve;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::{LoopOwner, Timer};
use crate::monitor::Board;
use crate::scope::Scope;
use crate::sync::Arc;

/// Dropped without a stop, it cancels its tasks, without waiting for that.
pub(crate) struct Standing<L> {
    run: Run<L>,
    began: Instant,
}

impl<L: Timer> Standing<L> {
    pub(crate) fn begin(handle: L) -> Self {
        let began = handle.now();
        let (stop, cancel, board) = (ShutdownEvent::new(), ShutdownEvent::new(), Board::new());
        let (budgets, observers, seat) = Default::default();
        let run = Run::new(handle, stop, cancel, budgets, observers, seat, board);
        run.board().enter_serving();
        Self { run, began }
    }

    /// Stops the tasks as any lifespan does, on the loop that this owner drives.
    pub(crate) fn stop_on<O: LoopOwner<Handle = L>>(self, owner: &mut O) -> Report {
        let event = self.root().shared().stop.clone();
        let stopped = owner.run(async move |handle| self.stop(handle).await);
        stopped.unwrap_or_else(|error| Report::not_run(error, &event))
    }

    async fn stop(self, handle: &L) -> Report {
        let Self { mut run, began } = self;
        run.report.phases.serving = handle.now().saturating_duration_since(began);
        run.ask_to_stop(Reason::Requested);
        run.stop(&mut Serve::none()).await;
        run.finish()
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
    }

    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.run.budgets.deadline = deadline;
    }
}
