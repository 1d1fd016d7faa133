//! A scope: one shutdown event, one registry, and what its tasks reach through their `Cx`.

mod attempt;
mod blocking;
mod body;
mod bound;
mod builder;
mod cancel_on_drop;
mod close;
pub(crate) mod cx;
mod events;
mod grace;
mod late;
mod local;
mod maker;
mod open;
mod place;
mod replace;
mod scope_report;
mod seat;
mod service;
mod spawn_error;
mod spawner;
mod state;
mod stop_within;
mod supervised;
mod taken;
mod task;
mod time;
mod track;
mod tracked;
mod turn;
mod value;

pub use body::{Factory, TaskFn};
pub use bound::{Bound, SameLoop, WrongLoop};
pub use builder::TaskBuilder;
pub use cancel_on_drop::CancelOnDrop;
pub use cx::Cx;
pub use events::{CxEvents, WaitError};
pub use grace::GraceExtension;
pub(crate) use late::LocalBoxFuture;
pub use local::WrongThread;
pub use open::{OpenScope, ScopeBuilder, ScopeError};
pub use replace::Replace;
pub use scope_report::{ScopeReport, ScopeTask};
pub(crate) use seat::Seat;
pub use service::ServiceBuilder;
pub use spawn_error::SpawnError;
pub use spawner::Spawner;
pub use state::State;
pub use stop_within::Stopped;
pub use task::Task;
pub use time::{Elapsed, Interval, Waited};
pub use track::Tracked;

use std::time::Duration;

use crate::clock::Clock;
use crate::event::{Reason, ShutdownEvent};
use crate::events::Events;
use crate::monitor::Board;
use crate::observers::Observers;
use crate::polls::Polls;
use crate::registry::{Counts, Failures, RecordRef, Registry, StopTimes, Tasks};
use crate::service::{Group, Together};
use crate::sync::{Arc, Mutex, OnceLock, lock};
use crate::task::{Name, Outcome};
use crate::wake::call_caught;
use late::LateHandlers;

/// A node of the tree.
pub(crate) struct Scope {
    event: ShutdownEvent,
    registry: Counts,
    shared: Arc<Shared>,
    /// `None` in the root itself.
    root: Option<Arc<Self>>,
    /// Of a user's scope: the component's, or the root's, in which it lies.
    component: Option<Arc<Self>>,
    late: LateHandlers,
    /// Made for the first one: most scopes have none.
    services: OnceLock<Arc<Group>>,
    /// How long tasks have from a stop to their cancel, if they have no time of their own.
    grace: Mutex<Duration>,
}

/// What every scope of one lifespan shares.
pub(crate) struct Shared {
    /// Set when the lifespan is to stop; nothing is a child of it, because the lifespan stops its
    /// scopes one after the other.
    pub(crate) stop: ShutdownEvent,
    /// Set when the stop is to wait for no grace any more.
    pub(crate) cancel: ShutdownEvent,
    pub(crate) state: State,
    pub(crate) events: Events,
    pub(crate) failures: Arc<Failures>,
    pub(crate) clock: Clock,
    pub(crate) observers: Observers,
    pub(crate) seat: Seat,
    pub(crate) board: Arc<Board>,
    pub(crate) polls: Arc<Polls>,
}

impl Scope {
    pub(crate) fn root(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self::new(Name::from(""), shared, None))
    }

    /// A component's scope: its event is its own, since components stop in order, not together.
    pub(crate) fn component(root: &Arc<Self>, name: Name) -> Arc<Self> {
        Arc::new(Self::new(name, Arc::clone(&root.shared), Some(Arc::clone(root))))
    }

    fn new(path: Name, shared: Arc<Shared>, root: Option<Arc<Self>>) -> Self {
        let failures = Arc::clone(&shared.failures);
        let (clock, stop) = (shared.clock.clone(), shared.stop.trigger());
        let (listener, polls) = (Arc::new(shared.observers.clone()), Arc::clone(&shared.polls));
        let registry = Registry::new(path, failures, clock, stop, listener, polls);
        shared.seat.tasks.add(shared.seat.worker, &registry);
        let registry = Counts::of(registry);
        let (event, late, services) =
            (ShutdownEvent::new(), LateHandlers::default(), OnceLock::new());
        let grace = Mutex::default();
        Self { event, registry, shared, root, component: None, late, services, grace }
    }

    /// A user's scope in this one, of which the record is made.
    fn inner(this: &Arc<Self>, registry: Arc<Registry>, event: ShutdownEvent) -> Arc<Self> {
        let own = registry.record().and_then(|record| record.at().grace());
        Arc::new(Self {
            event,
            registry: Counts::of(registry),
            shared: Arc::clone(&this.shared),
            root: Some(Self::root_of(this)),
            component: Some(Arc::clone(this.component.as_ref().unwrap_or(this))),
            late: LateHandlers::default(),
            services: OnceLock::new(),
            grace: Mutex::new(own.unwrap_or_else(|| this.grace())),
        })
    }

    pub(crate) fn event(&self) -> &ShutdownEvent {
        &self.event
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        self.registry.first()
    }

    /// The registry for who will refer to it as often as there are tasks.
    #[inline]
    pub(crate) fn counted_registry(&self) -> &Arc<Registry> {
        self.registry.of_this_thread()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn late(&self) -> &LateHandlers {
        &self.late
    }

    pub(crate) fn services(&self) -> &Arc<Group> {
        self.services.get_or_init(Arc::default)
    }

    /// Most scopes say nothing of their services, and need no group for that.
    pub(crate) fn set_together(&self, together: Together) {
        if together != Together::default() {
            self.services().set_together(together);
        }
    }

    /// Has the lifespan stop because of a task of this scope.
    pub(crate) fn stop_all(&self, reason: Reason) {
        let _ = call_caught(|| self.shared.stop.trigger().set(reason));
    }

    /// Has this scope stop because of a task of its own: a user's alone, any other with all.
    pub(crate) fn fail(&self, reason: Reason) {
        match self.registry().record() {
            Some(record) => drop(call_caught(|| record.at().stop(reason))),
            None => self.stop_all(reason),
        }
    }

    /// Tells the scope that its stop begins; before its event is set.
    pub(crate) fn begin_stop(&self, times: StopTimes) {
        self.registry().begin_stop_tree(times);
    }

    pub(crate) fn set_grace(&self, grace: Duration) {
        *lock(&self.grace) = grace;
    }

    /// How a task ends that comes too late, from inside: the scope was cancelled, or abandoned at the
    /// deadline, while somebody in it still ran.
    fn outcome_of_late(&self) -> Outcome {
        let is_cancelled = |record: &RecordRef| record.flags().is_cancelled();
        match self.registry().record().filter(|record| is_cancelled(record)) {
            Some(_) => Outcome::Cancelled,
            None => Outcome::LoopClosed,
        }
    }

    fn grace(&self) -> Duration {
        *lock(&self.grace)
    }

    /// The component's or the root's scope, in which this one lies, or which it is.
    fn home(self: &Arc<Self>) -> &Arc<Self> {
        self.component.as_ref().unwrap_or(self)
    }

    fn tasks(&self) -> Tasks {
        Tasks::new(Arc::clone(self.registry()))
    }

    fn root_of(this: &Arc<Self>) -> Arc<Self> {
        Arc::clone(this.root.as_ref().unwrap_or(this))
    }
}
