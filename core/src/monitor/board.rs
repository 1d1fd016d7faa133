//! What a lifespan shows of itself while it runs: its phase, its parts, what it waits for.
//!
//! The loop writes, any thread reads, also while the loop is blocked. It keeps nothing alive, and
//! no foreign code runs under its lock.

use std::time::{Duration, Instant};

use super::crew::Crew;
use super::phase::{Phase, PhaseCell};
use super::reached::Reached;
use super::snapshot::NodeState;
use super::steps::Steps;
use crate::clock::Clock;
use crate::event::ShutdownEvent;
use crate::observers::Observers;
use crate::registry::{RecordRef, Registry};
use crate::sync::{Arc, Mutex, OnceLock, Weak, lock};
use crate::task::Name;

pub(crate) struct Board {
    phase: PhaseCell,
    observers: Observers,
    reached: Reached,
    /// The workers that it is one of.
    crew: OnceLock<Weak<Crew>>,
    pub(super) inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    /// `None` until it runs.
    run: Option<Running>,
    root: Weak<Registry>,
    /// The components, in order of registration.
    parts: Vec<Part>,
    pub(super) steps: Steps,
    /// When a stop was asked for.
    asked: Option<Instant>,
    pub(super) stopping: Option<Stopping>,
}

/// The stop, as it is planned when it is asked for, and then as the loop has begun it.
#[derive(Clone, Copy)]
pub(super) struct Stopping {
    /// When the drain is over.
    pub(super) began: Instant,
    /// The overall deadline, if that fits the clock.
    pub(super) deadline: Option<Instant>,
    /// Whether the loop has begun it.
    pub(super) is_heard: bool,
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
    pub(crate) fn enter_stop(&self, drain: Duration, deadline: Duration) {
        self.advance(|phase| match phase {
            Phase::Serving if !drain.is_zero() => Phase::Draining,
            Phase::Draining => Phase::Draining,
            _ => Phase::Stopping,
        });
        let drain = if self.phase() == Phase::Draining { drain } else { Duration::ZERO };
        if let Some(Running { clock, .. }) = self.running() {
            let now = clock.now();
            self.plan_stop(now, now.checked_add(drain), deadline);
        }
    }

    /// The first time counts. `began` is `None` if the drain goes on for ever.
    fn plan_stop(&self, asked: Instant, began: Option<Instant>, deadline: Duration) {
        let mut inner = lock(&self.inner);
        inner.asked.get_or_insert(asked);
        if let (None, Some(began)) = (inner.stopping, began) {
            let deadline = began.checked_add(deadline);
            inner.stopping = Some(Stopping { began, deadline, is_heard: false });
        }
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
        lock(&self.inner).stopping = Some(Stopping { began, deadline, is_heard: true });
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
        let Some(Stopping { began, deadline, .. }) = lock(&self.inner).stopping else {
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
}
