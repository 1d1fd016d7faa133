//! What the workers of one run share, and the life of each one's thread.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::Work;
use crate::event::{Link, Reason, ShutdownEvent};
use crate::event_loop::{LoopOwner, Timer};
use crate::lifespan::{Lifespan, Report, StartError};
use crate::monitor::Crew;
use crate::observers::Observers;
use crate::registry::WorkerTasks;
use crate::scope::Seat;
use crate::sync::{Arc, Mutex, lock};
use crate::task::Panic;
use crate::wake::{Payload, call_caught};
use crate::worker::Worker;

/// What the workers of one run share.
#[derive(Clone)]
pub(super) struct Hub {
    /// Set when all are to stop. Linked both ways with the event of each worker's lifespan.
    pub(super) event: ShutdownEvent,
    /// Set when no stop is to wait for a grace any more; that of each worker is a child.
    pub(super) cancel: ShutdownEvent,
    pub(super) tasks: WorkerTasks,
    pub(super) crew: Arc<Crew>,
    /// Those of every worker.
    pub(super) observers: Observers,
    /// Each worker that asked for a stop while nobody had, and its reason; before the event is set,
    /// so that it is here when the event is seen.
    asked: Arc<Mutex<Vec<(Worker, Reason)>>>,
}

impl Hub {
    pub(super) fn new(count: usize) -> Self {
        let (event, cancel, tasks, observers, asked) = Default::default();
        Self { event, cancel, tasks, crew: Crew::new(count), observers, asked }
    }

    pub(super) fn ask_to_stop(&self, reason: Reason) {
        let _ = call_caught(|| self.event.trigger().set(reason));
    }

    /// Why the workers stopped, and which one was the first.
    pub(super) fn why(&self) -> (Reason, Option<Worker>) {
        let reason = self.event.reason().unwrap_or(Reason::Requested);
        let asked = lock(&self.asked);
        let first = asked.iter().find(|(_, asked)| *asked == reason).map(|(worker, _)| *worker);
        (reason, first)
    }

    /// Starts the thread of one worker.
    pub(super) fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        worker: Worker,
        work: &'scope Work<'_>,
    ) -> Started<'scope> {
        let builder = Builder::new().name(format!("lifespan-worker-{}", worker.index()));
        let thread = builder.spawn_scoped(scope, move || {
            let _ended = Ended { worker, hub: self };
            work(worker, self)
        });
        // Now, not when it is waited for: those that run already have to stop.
        let thread = thread.map_err(|error| self.not_started(worker, StartError::Thread(error)));
        Started { hub: self, worker, thread }
    }

    /// Stops all because of one, which the report names if it was the first.
    fn stopped_by(&self, worker: Worker, reason: Reason) {
        if !self.event.is_set() {
            lock(&self.asked).push((worker, reason.clone()));
        }
        self.ask_to_stop(reason);
    }

    fn not_started(&self, worker: Worker, error: StartError) -> Report {
        self.stopped_by(worker, Reason::StartFailed);
        Report::not_started(error, &self.event)
    }

    /// Passes a stop on between all and one, both ways, while what is returned lives.
    fn link<O, L: crate::EventLoop>(
        &self,
        worker: Worker,
        lifespan: &mut Lifespan<O, L>,
    ) -> [Link; 2] {
        let was_given = lifespan.was_given_an_event();
        let event = lifespan.stop_event();
        let (hub, down) = (self.clone(), event.trigger());
        let up = Link::new(&event, move |reason| {
            if was_given {
                // It may be that of several workers, and names none.
                hub.ask_to_stop(reason);
            } else {
                hub.stopped_by(worker, reason);
            }
        });
        [up, Link::new(&self.event, move |reason| drop(down.set(reason)))]
    }
}

/// Describes a worker's lifespan and runs it, on the worker's own thread.
pub(super) fn work<O: LoopOwner<Handle: Timer>>(
    describe: impl Fn(Worker) -> Lifespan<O>,
    worker: Worker,
    hub: &Hub,
) -> Report {
    let mut lifespan = match call_caught(|| describe(worker)) {
        Ok(lifespan) => lifespan,
        Err(payload) => {
            return hub.not_started(worker, StartError::DescriptionPanicked(Panic::new(payload)));
        }
    };
    lifespan.observe_for(&hub.observers);
    hub.crew.add(worker, lifespan.board());
    lifespan.seat_at(Seat { worker, tasks: hub.tasks.clone() });
    let links = hub.link(worker, &mut lifespan);
    let report = lifespan.run_until(hub.cancel.child());
    drop(links);
    report
}

/// Stops all when a worker's thread ends in any way: a loop that panics is no exception.
struct Ended<'a> {
    worker: Worker,
    hub: &'a Hub,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.hub.stopped_by(self.worker, Reason::LoopClosed);
    }
}

/// A worker whose thread runs, or could not be made.
pub(super) struct Started<'scope> {
    hub: &'scope Hub,
    worker: Worker,
    thread: Result<ScopedJoinHandle<'scope, Report>, Report>,
}

impl Started<'_> {
    /// Waits for its end.
    pub(super) fn report(self) -> Report {
        let Self { hub, worker, thread } = self;
        match thread {
            Ok(thread) => thread.join().unwrap_or_else(|payload| {
                let panic = Panic::new(Payload::caught(payload));
                hub.not_started(worker, StartError::LoopPanicked(panic))
            }),
            Err(report) => report,
        }
    }
}
