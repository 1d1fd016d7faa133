//! `Monitor`: what any thread may ask a lifespan, also while its loop is blocked.

mod board;
mod crew;
mod health;
mod phase;
mod reached;
mod snapshot;
mod steps;

pub(crate) use board::Board;
pub(crate) use crew::Crew;
pub use health::{Awaited, AwaitedKind, Health};
pub use phase::Phase;
pub use snapshot::{Node, NodeKind, NodeState, Snapshot};
pub(crate) use steps::StepGuard;

use std::fmt;
use std::time::Duration;

use crate::event::ShutdownEvent;
use crate::inside::{self, InsideLoop};
use crate::sync::Arc;

/// Looks at a lifespan from anywhere: before it runs, while it runs, and when it has ended.
///
/// Made by [`Lifespan::monitor`](crate::Lifespan::monitor), [`Workers::monitor`](crate::Workers::monitor)
/// and [`Cx::monitor`](crate::Cx::monitor). It asks nothing of the loop, so it answers from another
/// thread while a task blocks that: for probes over HTTP, and for "why does it not stop?". Holding
/// one keeps nothing alive, and stops nothing.
///
/// # Examples
/// ```
/// use lifespan_core::{Lifespan, LoopOwner, Phase, Report, Timer};
///
/// fn watched<O: LoopOwner<Handle: Timer>>(lifespan: Lifespan<O>) -> Report {
///     let monitor = lifespan.monitor();
///     let report = lifespan
///         .task("probe", async |cx| {
///             println!("{}", cx.monitor().snapshot());
///             cx.trigger().set("seen enough").ok();
///         })
///         .run();
///     assert_eq!(monitor.phase(), Phase::Stopped);
///     report
/// }
/// ```
#[derive(Clone)]
pub struct Monitor(Shown);

#[derive(Clone)]
enum Shown {
    Lifespan(Arc<Board>),
    Workers(Arc<Crew>),
}

impl Monitor {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        Self(Shown::Lifespan(board))
    }

    pub(crate) fn of_workers(crew: Arc<Crew>) -> Self {
        Self(Shown::Workers(crew))
    }

    /// Returns in which phase the lifespan is: one atomic load.
    ///
    /// Workers serve when all do, and stop when the first one does.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.0 {
            Shown::Lifespan(board) => board.phase(),
            Shown::Workers(crew) => crew.phase(),
        }
    }

    /// Tells whether everything has started, or had started before the stop: one atomic load.
    #[must_use]
    pub fn has_started(&self) -> bool {
        match &self.0 {
            Shown::Lifespan(board) => board.has_started(),
            Shown::Workers(crew) => crew.has_started(),
        }
    }

    /// Waits until the lifespan has reached a phase or passed it by; returns in which it is then.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: a phase never goes back.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Monitor, Phase};
    ///
    /// async fn told(monitor: Monitor) {
    ///     monitor.wait_for(Phase::Serving).await;
    ///     if monitor.has_started() {
    ///         println!("up");
    ///     }
    /// }
    /// ```
    pub async fn wait_for(&self, phase: Phase) -> Phase {
        if let Some(reached) = self.reached(phase) {
            reached.wait().await;
        }
        self.phase()
    }

    /// As [`wait_for`](Self::wait_for), on a plain thread and for `timeout` at the most.
    ///
    /// # Errors
    /// [`InsideLoop`] at once if this thread is running an event loop, which would stand still.
    pub fn wait_for_blocking_timeout(
        &self,
        phase: Phase,
        timeout: Duration,
    ) -> Result<Phase, InsideLoop> {
        inside::refuse("Monitor::wait_for_blocking_timeout")?;
        if let Some(reached) = self.reached(phase) {
            reached.wait_blocking_timeout(timeout)?;
        }
        Ok(self.phase())
    }

    /// Returns how the lifespan is: live, ready, its phase, and what it waits for.
    ///
    /// Workers are ready when all are.
    #[must_use]
    pub fn health(&self) -> Health {
        match &self.0 {
            Shown::Lifespan(board) => Health::of(board),
            Shown::Workers(crew) => crew.health(),
        }
    }

    /// Returns all that lives in it: components, scopes and tasks, with their states and ages.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match &self.0 {
            Shown::Lifespan(board) => Snapshot::of(board),
            Shown::Workers(crew) => crew.snapshot(),
        }
    }
}

impl Monitor {
    fn reached(&self, phase: Phase) -> Option<&ShutdownEvent> {
        match &self.0 {
            Shown::Lifespan(board) => board.reached(phase),
            Shown::Workers(crew) => crew.reached(phase),
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("phase", &self.phase()).finish_non_exhaustive()
    }
}
