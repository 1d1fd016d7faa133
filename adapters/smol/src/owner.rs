//! `SmolLoop`: owns an executor and drives it, on one thread or on several.

use std::fmt;
use std::sync::Arc;

use lifespan_core::{DriverThreads, Inside, LoopId, LoopOwner, RunError, StandsStill};
use smol::Executor;

use crate::Smol;

/// Owns a smol executor.
pub struct SmolLoop {
    executor: Arc<Executor<'static>>,
    id: LoopId,
    threads: usize,
}

impl SmolLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_threads(1)
    }

    /// So many threads, the one that calls `run` among them; 0 counts as 1.
    #[must_use]
    pub fn with_threads(threads: usize) -> Self {
        Self { executor: Arc::new(Executor::new()), id: LoopId::unique(), threads }
    }
}

impl Default for SmolLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl SmolLoop {
    fn drive<T, F>(&self, threads: usize, f: F) -> Result<T, RunError>
    where
        F: AsyncFnOnce(&Smol) -> T,
    {
        let _inside = Inside::enter_first("SmolLoop::run")?;
        let handle = Smol::new(&self.executor, self.id);
        let helpers = DriverThreads::new();
        for _ in 1..threads {
            let executor = Arc::clone(&self.executor);
            helpers
                .start("lifespan-smol", move |ended| smol::block_on(executor.run(ended.wait())))
                .map_err(|error| RunError::Runtime(error.into()))?;
        }
        Ok(smol::block_on(self.executor.run(f(&handle))))
    }
}

impl LoopOwner for SmolLoop {
    type Handle = Smol;

    fn run<T, F: AsyncFnOnce(&Smol) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(self.threads, f)
    }
}

/// Its other threads drive it while it runs, and not between.
impl StandsStill for SmolLoop {
    fn run_alone<T, F: AsyncFnOnce(&Smol) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(1, f)
    }
}

impl fmt::Debug for SmolLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolLoop").field("id", &self.id).finish_non_exhaustive()
    }
}
