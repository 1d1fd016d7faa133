//! `TokioLocalLoop` and `TokioLocal`: one thread, and tasks that need not be `Send`.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lifespan_core::{
    Blocking, Closed, EventLoop, InsideLoop, LocalLoop, LoopId, LoopOwner, OnThread, RunError,
    StandsStill, Tag, Timer, Untagged,
};
use tokio::task::LocalSet;

use crate::{Sleep, Tokio, TokioLoop};

/// Owns a current-thread runtime and a `LocalSet` on it.
pub struct TokioLocalLoop<G = Untagged> {
    // Dropped before the runtime: its tasks may hold what belongs to that.
    tasks: Rc<LocalSet>,
    owner: TokioLoop<G>,
}

impl TokioLocalLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: Rc::default(), owner: TokioLoop::current_thread() }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `TokioLocal<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> TokioLocalLoop<G> {
        TokioLocalLoop { tasks: self.tasks, owner: self.owner.tag() }
    }
}

impl Default for TokioLocalLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Tag> LoopOwner for TokioLocalLoop<G> {
    type Handle = TokioLocal<G>;

    fn run<T, F: AsyncFnOnce(&TokioLocal<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let tasks = &self.tasks;
        self.owner.run(async |runtime: &Tokio<G>| {
            let _here = OnThread::hold(runtime.id(), Rc::clone(tasks));
            tasks.run_until(f(&TokioLocal { runtime: runtime.clone() })).await
        })
    }

    fn may_block(what: &'static str) -> Result<(), InsideLoop> {
        TokioLoop::<G>::may_block(what)
    }
}

impl<G: Tag> StandsStill for TokioLocalLoop<G> {}

impl<G> fmt::Debug for TokioLocalLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioLocalLoop").finish_non_exhaustive()
    }
}

/// Handle of a runtime with a `LocalSet`, which is found on the loop's own thread only.
#[derive(Clone, Debug)]
pub struct TokioLocal<G = Untagged> {
    runtime: Tokio<G>,
}

impl<G: Tag> EventLoop for TokioLocal<G> {
    const NAME: &'static str = "tokio-local";

    fn id(&self) -> LoopId {
        self.runtime.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.runtime.spawn(future)
    }
}

impl<G: Tag> LocalLoop for TokioLocal<G> {
    fn is_on_its_thread(&self) -> bool {
        OnThread::find::<LocalSet>(self.id()).is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let tasks = OnThread::find::<LocalSet>(self.id()).ok_or_else(|| Closed::new(()))?;
        drop(tasks.spawn_local(future)); // detaches
        Ok(())
    }
}

impl<G: Tag> Timer for TokioLocal<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        self.runtime.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }
}

impl<G: Tag> Blocking for TokioLocal<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        self.runtime.spawn_blocking(work)
    }
}
