//! `TokioLocalLoop` and `TokioLocal`: one thread, and tasks that need not be `Send`.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lifespan_core::{
    Blocking, Closed, EventLoop, LocalLoop, LoopId, LoopOwner, OnThread, RunError, StandsStill,
    Timer,
};
use tokio::task::LocalSet;

use crate::{Tokio, TokioLoop};

/// Owns a current-thread runtime and a `LocalSet` on it.
pub struct TokioLocalLoop {
    // Dropped before the runtime: its tasks may hold what belongs to that.
    tasks: Rc<LocalSet>,
    owner: TokioLoop,
}

impl TokioLocalLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: Rc::default(), owner: TokioLoop::current_thread() }
    }
}

impl Default for TokioLocalLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl LoopOwner for TokioLocalLoop {
    type Handle = TokioLocal;

    fn run<T, F: AsyncFnOnce(&TokioLocal) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let tasks = &self.tasks;
        self.owner.run(async |runtime: &Tokio| {
            let _here = OnThread::hold(runtime.id(), Rc::clone(tasks));
            tasks.run_until(f(&TokioLocal { runtime: runtime.clone() })).await
        })
    }
}

impl StandsStill for TokioLocalLoop {}

impl fmt::Debug for TokioLocalLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioLocalLoop").finish_non_exhaustive()
    }
}

/// Handle of a runtime with a `LocalSet`, which is found on the loop's own thread only.
#[derive(Clone, Debug)]
pub struct TokioLocal {
    runtime: Tokio,
}

impl EventLoop for TokioLocal {
    const NAME: &'static str = "tokio-local";

    fn id(&self) -> LoopId {
        self.runtime.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.runtime.spawn(future)
    }
}

impl LocalLoop for TokioLocal {
    fn is_on_its_thread(&self) -> bool {
        OnThread::find::<LocalSet>(self.id()).is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let tasks = OnThread::find::<LocalSet>(self.id()).ok_or_else(|| Closed::new(()))?;
        drop(tasks.spawn_local(future)); // detaches
        Ok(())
    }
}

impl Timer for TokioLocal {
    type Sleep = <Tokio as Timer>::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.runtime.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }
}

impl Blocking for TokioLocal {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        self.runtime.spawn_blocking(work)
    }
}
