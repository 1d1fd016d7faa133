//! What a lifespan shows of itself while it runs: its phase, its parts, what it waits for.
//!
//! The loop writes, any thread reads, also while the loop is blocked. It keeps nothing alive, and
//! no foreign code runs under its lock.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::health::{Awaited, AwaitedKind};
use super::phase::{Phase, PhaseCell};
use super::reached::Reached;
use super::snapshot::NodeState;
use crate::clock::Clock;
use crate::event::ShutdownEvent;
use crate::observers::Observers;
use crate::registry::{RecordRef, Registry, TaskRef};
use crate::sync::{Arc, Mutex, OnceLock, Weak, lock};
use crate::task::Name;

pub(crate) struct Board {
    phase: PhaseCell,
    observers: Observers,
    reached: Reached,
    /// The workers that it is one of.
    crew: OnceLock<Weak<Crew>>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// `None` until it runs.
    run: Option<Running>,
    root: Weak<Registry>,
    /// The components, in order of registration.
    parts: Vec<Part>,
    steps: Vec<(u64, Step)>,
    /// How many steps there were.
    counted: u64,
    /// When a stop was asked for, and when that was heard.
    asked: Option<Instant>,
    /// When the stop began, its drain over, and its overall deadline if that fits the clock.
    stopping: Option<(Instant, Option<Instant>)>,
}

/// The clock and the event of a lifespan that runs.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) clock: Clock,
    pub(super) stop: ShutdownEvent,
    pub(super) began: Instant,
}

/// A component.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: Name,
    pub(super) state: NodeState,
    pub(super) registry: Weak<Registry>,
    /// When its start began.
    pub(super) since: Option<Instant>,
}

/// Something that the lifespan waits for.
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

impl Board {
    pub(crate) fn new(observers: Observers) -> Arc<Self> {
        let (phase, reached) = (PhaseCell::new(), Reached::new());
        let (crew, inner) = (OnceLock::new(), Mutex::default());
        Arc::new(Self { phase, observers, reached, crew, inner })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Its phase counts for these workers, too.
    pub(super) fn join(&self, crew: Weak<Crew>) {
        let _ = self.crew.set(crew); // a board is one worker's
    }

    pub(super) fn has_started(&self) -> bool {
        self.phase.has_started()
    }

    /// What is set when this phase has come; `None` for the first.
    pub(super) fn reached(&self, phase: Phase) -> Option<&ShutdownEvent> {
        self.reached.event(phase)
    }

    /// Moves on to a phase, unless it is as late already.
    pub(crate) fn enter(&self, phase: Phase) {
        self.advance(|_| phase);
    }

    /// Moves on, and then tells the observers, and who waits for that.
    fn advance(&self, next: impl Fn(Phase) -> Phase) {
        if let Some(phase) = self.phase.advance(next) {
            self.observers.phase_changed(phase);
            self.reached.tell(phase);
            if let Some(crew) = self.crew.get().and_then(Weak::upgrade) {
                crew.refresh();
            }
        }
    }

    /// Everything has started, unless a stop came.
    pub(crate) fn enter_serving(&self) {
        self.advance(|phase| match phase {
            Phase::Starting => Phase::Serving,
            later => later,
        });
    }

    /// A stop was asked for: what serves drains if it is to, all else stops.
    pub(crate) fn enter_stop(&self, drain: Duration) {
        if let (None, Some(running)) = (self.asked(), self.running()) {
            let now = running.clock.now();
            lock(&self.inner).asked.get_or_insert(now);
        }
        self.advance(|phase| match phase {
            Phase::Serving if !drain.is_zero() => Phase::Draining,
            Phase::Draining => Phase::Draining,
            _ => Phase::Stopping,
        });
    }

    /// Begins a run. Also what clones of the monitor made before show.
    pub(crate) fn begin(&self, clock: Clock, stop: ShutdownEvent) {
        let began = clock.now();
        lock(&self.inner).run = Some(Running { clock, stop, began });
        self.observers.phase_changed(self.phase());
    }

    pub(crate) fn list_root(&self, registry: &Arc<Registry>) {
        lock(&self.inner).root = Arc::downgrade(registry);
    }

    pub(crate) fn list_components<'a>(&self, names: impl Iterator<Item = &'a Name>) {
        let part = |name: &Name| Part {
            name: name.clone(),
            state: NodeState::Waiting,
            registry: Weak::new(),
            since: None,
        };
        let parts = names.map(part).collect();
        lock(&self.inner).parts = parts;
    }

    /// Notes that the start of a component begins.
    pub(crate) fn begin_component(&self, part: usize, registry: &Arc<Registry>) {
        let Some(running) = self.running() else { return };
        let since = Some(running.clock.now());
        if let Some(part) = lock(&self.inner).parts.get_mut(part) {
            part.state = NodeState::Starting;
            part.registry = Arc::downgrade(registry);
            part.since = since;
        }
    }

    pub(crate) fn set_state(&self, part: usize, state: NodeState) {
        if let Some(part) = lock(&self.inner).parts.get_mut(part) {
            part.state = state;
        }
    }

    /// The stop begins, or began before the loop heard of it; with its overall deadline.
    pub(crate) fn enter_stopping(&self, began: Instant, deadline: Option<Instant>) {
        lock(&self.inner).stopping = Some((began, deadline));
        self.enter(Phase::Stopping);
    }

    /// When a stop was asked for.
    pub(crate) fn asked(&self) -> Option<Instant> {
        lock(&self.inner).asked
    }

    /// For how long it has been stopping, and what is left of the overall deadline.
    pub(crate) fn stopping(&self) -> (Duration, Option<Duration>) {
        let Some(running) = self.running() else { return (Duration::ZERO, None) };
        let now = running.clock.now();
        let inner = lock(&self.inner);
        let asked = inner.asked.map(|asked| (asked, None));
        let Some((began, deadline)) = inner.stopping.or(asked) else {
            return (Duration::ZERO, None);
        };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        (now.saturating_duration_since(began), left)
    }

    /// All that lives in any scope.
    pub(crate) fn live(&self) -> Vec<RecordRef> {
        let parts = self.parts().into_iter().filter_map(|part| part.registry.upgrade());
        let registries = self.root().into_iter().chain(parts);
        registries.flat_map(|registry| registry.all_tasks()).collect()
    }

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
        inner.counted += 1;
        let key = inner.counted;
        inner.steps.push((key, Step { what, since, budget }));
        drop(inner);
        StepGuard { board: Arc::clone(self), key }
    }

    pub(super) fn running(&self) -> Option<Running> {
        lock(&self.inner).run.clone()
    }

    pub(super) fn root(&self) -> Option<Arc<Registry>> {
        lock(&self.inner).root.upgrade()
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        lock(&self.inner).parts.clone()
    }

    /// False from the first moment of a stop, whether or not the loop has heard of it.
    pub(super) fn is_ready(&self) -> bool {
        self.phase() == Phase::Serving
            && self.running().is_some_and(|running| !running.stop.is_set())
    }

    /// What is waited for now, the longest wait first.
    pub(crate) fn awaited(&self) -> Vec<Awaited> {
        let Some(running) = self.running() else { return Vec::new() };
        let now = running.clock.now();
        let inner = lock(&self.inner);
        let (steps, deadline) = (inner.steps.clone(), inner.stopping.and_then(|(_, end)| end));
        drop(inner);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        let mut awaited = Vec::new();
        for (_, step) in steps {
            let waited = now.saturating_duration_since(step.since);
            let limit = |budget: Duration| {
                let own = (budget != Duration::MAX).then(|| budget.saturating_sub(waited));
                [own, left].into_iter().flatten().min()
            };
            match step.what {
                What::One(kind, name) => {
                    let (path, left) = (String::from(name.as_str()), limit(step.budget));
                    awaited.push(Awaited {
                        kind,
                        path,
                        waited,
                        is_polled: false,
                        left,
                        spawned_at: None,
                    });
                }
                What::Serve(spawned_at) => {
                    let (kind, left) = (AwaitedKind::Serve, limit(step.budget));
                    let (path, spawned_at) = (String::new(), Some(spawned_at));
                    awaited.push(Awaited {
                        kind,
                        path,
                        waited,
                        is_polled: false,
                        left,
                        spawned_at,
                    });
                }
                What::Tasks(registry) => {
                    let Some(registry) = registry.upgrade() else { continue };
                    for record in registry.all_tasks() {
                        let left = limit(record.at().grace().unwrap_or(step.budget));
                        let task = TaskRef::new(record);
                        awaited.push(Awaited::task(&task, waited, left));
                    }
                }
            }
        }
        awaited
    }
}

/// Something that the lifespan waits for while this lives.
#[must_use = "it is waited for while this lives"]
pub(crate) struct StepGuard {
    board: Arc<Board>,
    key: u64,
}

impl Drop for StepGuard {
    fn drop(&mut self) {
        lock(&self.board.inner).steps.retain(|(key, _)| *key != self.key);
    }
}
