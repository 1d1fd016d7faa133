//! `SmolLocalLoop` and `SmolLocal`: one thread, and tasks that need not be `Send`.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lifespan_core::{
    Blocking, Closed, EventLoop, LocalLoop, LoopId, LoopOwner, OnThread, RunError, StandsStill,
    Tag, Timer, Untagged,
};
use smol::LocalExecutor;

use crate::{Sleep, Smol, SmolLoop};

/// Owns two executors on one thread: one for tasks that are `Send`, one for those that are not.
pub struct SmolLocalLoop<G = Untagged> {
    tasks: Rc<LocalExecutor<'static>>,
    owner: SmolLoop<G>,
}

impl SmolLocalLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: Rc::default(), owner: SmolLoop::new() }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `SmolLocal<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> SmolLocalLoop<G> {
        SmolLocalLoop { tasks: self.tasks, owner: self.owner.tag() }
    }
}

impl Default for SmolLocalLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Tag> LoopOwner for SmolLocalLoop<G> {
    type Handle = SmolLocal<G>;

    fn run<T, F: AsyncFnOnce(&SmolLocal<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let tasks = &self.tasks;
        self.owner.run(async |executor: &Smol<G>| {
            let _here = OnThread::hold(executor.id(), Rc::clone(tasks));
            tasks.run(f(&SmolLocal { executor: executor.clone() })).await
        })
    }
}

impl<G: Tag> StandsStill for SmolLocalLoop<G> {}

impl<G> fmt::Debug for SmolLocalLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolLocalLoop").finish_non_exhaustive()
    }
}

/// Handle of a loop with a local executor, which is found on the loop's own thread only.
#[derive(Clone, Debug)]
pub struct SmolLocal<G = Untagged> {
    executor: Smol<G>,
}

impl<G: Tag> EventLoop for SmolLocal<G> {
    const NAME: &'static str = "smol-local";

    fn id(&self) -> LoopId {
        self.executor.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.executor.spawn(future)
    }
}

impl<G: Tag> LocalLoop for SmolLocal<G> {
    fn is_on_its_thread(&self) -> bool {
        OnThread::find::<LocalExecutor<'static>>(self.id()).is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let tasks = OnThread::find::<LocalExecutor<'static>>(self.id());
        tasks.ok_or_else(|| Closed::new(()))?.spawn(future).detach();
        Ok(())
    }
}

impl<G: Tag> Timer for SmolLocal<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        self.executor.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.executor.now()
    }
}

impl<G: Tag> Blocking for SmolLocal<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        self.executor.spawn_blocking(work)
    }
}
