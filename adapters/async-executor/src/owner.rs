//! `AsyncExecutorLoop`: drives an `Executor` of the caller's, on one thread or on several.

use std::fmt;
use std::sync::Arc;

use async_executor::Executor;
use lifespan_core::{
    DriverThreads, EventLoop, Inside, LoopOwner, RunError, StandsStill, Tag, TagClaim, Untagged,
};

use crate::AsyncExecutor;

/// Drives an `Executor` that the caller owns and may share.
///
/// Tasks that still live after a run belong to the executor: they go on if somebody else drives it,
/// and are dropped with the last `Arc` of it, not with this.
pub struct AsyncExecutorLoop<G = Untagged> {
    executor: Arc<Executor<'static>>,
    handle: AsyncExecutor<G>,
    driver_threads: usize,
}

impl AsyncExecutorLoop {
    /// Drives this executor, on the thread that calls `run`.
    #[must_use]
    pub fn on(executor: Arc<Executor<'static>>) -> Self {
        let handle = AsyncExecutor::of(&executor);
        Self { executor, handle, driver_threads: 0 }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `AsyncExecutor<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> AsyncExecutorLoop<G> {
        let Self { executor, handle, driver_threads } = self;
        let handle = AsyncExecutor::with_id(&executor, handle.id());
        AsyncExecutorLoop { executor, handle, driver_threads }
    }
}

impl<G> AsyncExecutorLoop<G> {
    /// Sets how many more threads drive the executor until the run ends. Default: none.
    ///
    /// The end of the run waits for them for 100 ms at the most: a thread that a task blocks leaves
    /// when the task lets it, and holds the executor until then.
    #[must_use]
    pub fn driver_threads(mut self, threads: usize) -> Self {
        self.driver_threads = threads;
        self
    }
}

impl<G: Tag> AsyncExecutorLoop<G> {
    fn drive<T, F>(&self, driver_threads: usize, f: F) -> Result<T, RunError>
    where
        F: AsyncFnOnce(&AsyncExecutor<G>) -> T,
    {
        let _inside = Inside::enter_first("AsyncExecutorLoop::run")?;
        let _claim = TagClaim::new::<G>(self.handle.id())?;
        let drivers = DriverThreads::new();
        for _ in 0..driver_threads {
            let executor = Arc::clone(&self.executor);
            drivers
                .start("lifespan-async-executor", move |ended| {
                    async_io::block_on(executor.run(ended.wait()));
                })
                .map_err(|error| RunError::Runtime(error.into()))?;
        }
        Ok(async_io::block_on(self.executor.run(f(&self.handle))))
    }
}

impl<G: Tag> LoopOwner for AsyncExecutorLoop<G> {
    type Handle = AsyncExecutor<G>;

    fn run<T, F: AsyncFnOnce(&AsyncExecutor<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(self.driver_threads, f)
    }
}

/// As long as nobody else drives the executor; driver threads do while it runs, and not between.
impl<G: Tag> StandsStill for AsyncExecutorLoop<G> {
    fn run_alone<T, F: AsyncFnOnce(&AsyncExecutor<G>) -> T>(
        &mut self,
        f: F,
    ) -> Result<T, RunError> {
        self.drive(0, f)
    }
}

impl<G> fmt::Debug for AsyncExecutorLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExecutorLoop")
            .field("handle", &self.handle)
            .field("driver_threads", &self.driver_threads)
            .finish_non_exhaustive()
    }
}
