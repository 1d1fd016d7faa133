//! `SmolLocalLoop` and `SmolLocal`: one thread, and tasks that need not be `Send`.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lifespan_core::{
    Blocking, Closed, EventLoop, LocalLoop, LoopId, LoopOwner, OnThread, RunError, StandsStill,
    Timer,
};
use smol::LocalExecutor;

use crate::{Sleep, Smol, SmolLoop};

/// Owns two executors on one thread: one for tasks that are `Send`, one for those that are not.
pub struct SmolLocalLoop {
    tasks: Rc<LocalExecutor<'static>>,
    owner: SmolLoop,
}

impl SmolLocalLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: Rc::default(), owner: SmolLoop::new() }
    }
}

impl Default for SmolLocalLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl LoopOwner for SmolLocalLoop {
    type Handle = SmolLocal;

    fn run<T, F: AsyncFnOnce(&SmolLocal) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let tasks = &self.tasks;
        self.owner.run(async |executor: &Smol| {
            let _here = OnThread::hold(executor.id(), Rc::clone(tasks));
            tasks.run(f(&SmolLocal { executor: executor.clone() })).await
        })
    }
}

impl StandsStill for SmolLocalLoop {}

impl fmt::Debug for SmolLocalLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolLocalLoop").finish_non_exhaustive()
    }
}

/// Handle of a loop with a local executor, which is found on the loop's own thread only.
#[derive(Clone, Debug)]
pub struct SmolLocal {
    executor: Smol,
}

impl EventLoop for SmolLocal {
    const NAME: &'static str = "smol-local";

    fn id(&self) -> LoopId {
        self.executor.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.executor.spawn(future)
    }
}

impl LocalLoop for SmolLocal {
    fn is_on_its_thread(&self) -> bool {
        OnThread::find::<LocalExecutor<'static>>(self.id()).is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let tasks = OnThread::find::<LocalExecutor<'static>>(self.id());
        tasks.ok_or_else(|| Closed::new(()))?.spawn(future).detach();
        Ok(())
    }
}

impl Timer for SmolLocal {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        self.executor.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.executor.now()
    }
}

impl Blocking for SmolLocal {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        self.executor.spawn_blocking(work)
    }
}
