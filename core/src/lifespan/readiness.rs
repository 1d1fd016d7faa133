//! The part of a start that waits until services are ready.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::drive::Run;
use super::planned::PlannedTasks;
use super::start_error::StartError;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::monitor::AwaitedKind;
use crate::registry::TaskRef;
use crate::sync::Arc;
use crate::task::{Name, Outcome};

/// Why a wait for services ended before they were ready.
pub(super) enum Unready {
    /// A stop came, or the loop has ended.
    Interrupted,
    Failed(StartError),
}

impl<L: Timer> Run<L> {
    /// Spawns the tasks of the root, and waits until those are ready that must be. Tells whether they
    /// run, and no stop came.
    pub(super) async fn start_root(&mut self, tasks: PlannedTasks<L>) -> bool {
        let (root, budget) = (Arc::clone(&self.root), self.budgets.start);
        let Some(awaited) = self.spawn_planned(tasks, root) else { return false };
        if awaited.is_empty() {
            return true;
        }
        let (handle, stop) = (self.handle.clone(), self.stop_event().clone());
        let waited = self.wait_ready(awaited, budget, handle.now(), &handle, &stop).await;
        waited.map_err(|unready| self.end_wait(unready)).is_ok()
    }

    /// Waits until all of these are ready, for what is left of a budget at the most.
    pub(super) fn wait_ready<'a>(
        &self,
        tasks: Vec<TaskRef>,
        budget: Duration,
        began: Instant,
        handle: &'a L,
        stop: &'a ShutdownEvent,
    ) -> impl Future<Output = Result<(), Unready>> + use<'a, L> {
        let board = Arc::clone(self.board());
        async move {
            let left = budget.saturating_sub(handle.now().saturating_duration_since(began));
            let mut over = pin!(handle.sleep(left));
            for task in tasks {
                let name = Name::from(task.path());
                let _awaited = board.await_one(AwaitedKind::Startup, name, left);
                let mut ready = task.ready();
                let mut stopped = stop.wait();
                let outcome = poll_fn(|context| {
                    if Pin::new(&mut stopped).poll(context).is_ready() {
                        return Poll::Ready(Err(Unready::Interrupted));
                    }
                    if let Poll::Ready(is_ready) = Pin::new(&mut ready).poll(context) {
                        let outcome =
                            is_ready.map_err(|not_ready| Some(not_ready.outcome().clone()));
                        return Poll::Ready(
                            outcome.map_err(|outcome| failed(&task, outcome, budget)),
                        );
                    }
                    over.as_mut().poll(context).map(|slept| match slept {
                        Ok(()) => Err(failed(&task, None, budget)),
                        Err(_closed) => Err(Unready::Interrupted),
                    })
                });
                outcome.await?;
            }
            Ok(())
        }
    }

    pub(super) fn end_wait(&mut self, unready: Unready) {
        match unready {
            Unready::Failed(error) => self.fail_start(error),
            // The event is set, or the loop has ended.
            Unready::Interrupted => self.ask_to_stop(Reason::LoopClosed),
        }
    }
}

fn failed(task: &TaskRef, outcome: Option<Outcome>, budget: Duration) -> Unready {
    Unready::Failed(StartError::NotReady { service: task.path(), outcome, budget })
}
