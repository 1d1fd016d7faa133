//! `AsyncExecutorLoop`: drives an `Executor` of the caller's, on one thread or on several.

use std::fmt;
use std::sync::Arc;

use async_executor::Executor;
use lifespan_core::{DriverThreads, Inside, LoopOwner, RunError, StandsStill};

use crate::AsyncExecutor;

/// Drives an `Executor` that the caller owns and may share.
///
/// Tasks that still live after a run belong to the executor: they go on if somebody else drives it,
/// and are dropped with the last `Arc` of it, not with this.
pub struct AsyncExecutorLoop {
    executor: Arc<Executor<'static>>,
    handle: AsyncExecutor,
    driver_threads: usize,
}

impl AsyncExecutorLoop {
    /// Drives this executor, on the thread that calls `run`.
    #[must_use]
    pub fn on(executor: Arc<Executor<'static>>) -> Self {
        let handle = AsyncExecutor::of(&executor);
        Self { executor, handle, driver_threads: 0 }
    }

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

impl AsyncExecutorLoop {
    fn drive<T, F>(&self, driver_threads: usize, f: F) -> Result<T, RunError>
    where
        F: AsyncFnOnce(&AsyncExecutor) -> T,
    {
        let _inside = Inside::enter_first("AsyncExecutorLoop::run")?;
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

impl LoopOwner for AsyncExecutorLoop {
    type Handle = AsyncExecutor;

    fn run<T, F: AsyncFnOnce(&AsyncExecutor) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(self.driver_threads, f)
    }
}

/// As long as nobody else drives the executor; driver threads do while it runs, and not between.
impl StandsStill for AsyncExecutorLoop {
    fn run_alone<T, F: AsyncFnOnce(&AsyncExecutor) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(0, f)
    }
}

impl fmt::Debug for AsyncExecutorLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExecutorLoop")
            .field("handle", &self.handle)
            .field("driver_threads", &self.driver_threads)
            .finish_non_exhaustive()
    }
}
