//! What a lifespan waits for: noted by the loop, and where that is blocked, known all the same.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::board::{Board, Stopping};
use super::health::{Awaited, AwaitedKind};
use crate::registry::{RecordRef, Registry, TaskRef};
use crate::sync::{Arc, Weak, lock};
use crate::task::Name;

/// The steps that are being waited for.
#[derive(Default)]
pub(super) struct Steps {
    list: Vec<(u64, Step)>,
    /// How many there were.
    counted: u64,
}

#[derive(Clone)]
struct Step {
    what: What,
    since: Instant,
    budget: Duration,
}

#[derive(Clone)]
enum What {
    /// A handler of a component, or the drain.
    One(AwaitedKind, Name),
    Serve(&'static Location<'static>),
    /// The tasks of a scope.
    Tasks(Weak<Registry>),
}

/// Something that the lifespan waits for while this lives.
#[must_use = "it is waited for while this lives"]
pub(crate) struct StepGuard {
    board: Arc<Board>,
    key: u64,
}

impl Drop for StepGuard {
    fn drop(&mut self) {
        lock(&self.board.inner).steps.list.retain(|(key, _)| *key != self.key);
    }
}

impl Board {
    /// Notes that a handler or the drain is waited for, while what is returned lives.
    pub(crate) fn await_one(
        self: &Arc<Self>,
        kind: AwaitedKind,
        name: Name,
        budget: Duration,
    ) -> StepGuard {
        self.push(What::One(kind, name), budget)
    }

    /// Notes that the foreground is waited for.
    pub(crate) fn await_serve(
        self: &Arc<Self>,
        budget: Duration,
        spawned_at: &'static Location<'static>,
    ) -> StepGuard {
        self.push(What::Serve(spawned_at), budget)
    }

    /// Notes that the tasks of a scope are waited for.
    pub(crate) fn await_tasks(
        self: &Arc<Self>,
        registry: &Arc<Registry>,
        grace: Duration,
    ) -> StepGuard {
        self.push(What::Tasks(Arc::downgrade(registry)), grace)
    }

    fn push(self: &Arc<Self>, what: What, budget: Duration) -> StepGuard {
        let since = self.running().map_or_else(Instant::now, |running| running.clock.now());
        let mut inner = lock(&self.inner);
        let steps = &mut inner.steps;
        steps.counted += 1;
        let key = steps.counted;
        steps.list.push((key, Step { what, since, budget }));
        drop(inner);
        StepGuard { board: Arc::clone(self), key }
    }

    /// What is waited for now, in the order in which the wait began.
    pub(crate) fn awaited(&self) -> Vec<Awaited> {
        let Some(running) = self.running() else { return Vec::new() };
        let now = running.clock.now();
        let inner = lock(&self.inner);
        let (steps, stopping) = (inner.steps.list.clone(), inner.stopping);
        drop(inner);
        let over = Over { now, end: stopping.and_then(|stopping| stopping.deadline) };
        let mut awaited = Vec::new();
        for (_, Step { what, since, budget }) in steps {
            let waited = now.saturating_duration_since(since);
            match what {
                What::One(kind, name) => {
                    let path = String::from(name.as_str());
                    awaited.push(Awaited::one(kind, path, waited, over.left(waited, budget)));
                }
                What::Serve(spawned_at) => {
                    let left = over.left(waited, budget);
                    let serve = Awaited::one(AwaitedKind::Serve, String::new(), waited, left);
                    awaited.push(Awaited { spawned_at: Some(spawned_at), ..serve });
                }
                What::Tasks(registry) => {
                    let Some(registry) = registry.upgrade() else { continue };
                    awaited.extend(over.tasks(registry.all_tasks(), waited, budget));
                }
            }
        }
        if let Some(Stopping { began, is_heard: false, .. }) = stopping {
            // A loop that has not heard of the stop is held by one of them.
            if began <= now {
                let waited = now.saturating_duration_since(began);
                awaited.extend(over.tasks(self.live(), waited, Duration::MAX));
            }
        }
        awaited
    }
}

/// What time there is.
struct Over {
    now: Instant,
    /// The overall deadline.
    end: Option<Instant>,
}

impl Over {
    /// What is left of a budget and of the deadline.
    fn left(&self, waited: Duration, budget: Duration) -> Option<Duration> {
        let own = (budget != Duration::MAX).then(|| budget.saturating_sub(waited));
        let all = self.end.map(|end| end.saturating_duration_since(self.now));
        [own, all].into_iter().flatten().min()
    }

    fn tasks(
        &self,
        records: Vec<RecordRef>,
        waited: Duration,
        grace: Duration,
    ) -> impl Iterator<Item = Awaited> {
        records.into_iter().map(move |record| {
            let left = self.left(waited, record.at().grace().unwrap_or(grace));
            Awaited::task(&TaskRef::new(record), waited, left)
        })
    }
}
