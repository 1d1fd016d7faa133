//! `SmolLoop`: owns an executor and drives it, on one thread or on several.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use lifespan_core::{
    DriverThreads, Inside, LoopId, LoopOwner, RunError, StandsStill, Tag, TagClaim, Untagged,
};
use smol::Executor;

use crate::Smol;

/// Owns a smol executor.
pub struct SmolLoop<G = Untagged> {
    executor: Arc<Executor<'static>>,
    id: LoopId,
    threads: usize,
    tag: PhantomData<fn() -> G>,
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
        let executor = Arc::new(Executor::new());
        Self { executor, id: LoopId::unique(), threads, tag: PhantomData }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `Smol<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> SmolLoop<G> {
        let Self { executor, id, threads, .. } = self;
        SmolLoop { executor, id, threads, tag: PhantomData }
    }
}

impl Default for SmolLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Tag> SmolLoop<G> {
    fn drive<T, F>(&self, threads: usize, f: F) -> Result<T, RunError>
    where
        F: AsyncFnOnce(&Smol<G>) -> T,
    {
        let _inside = Inside::enter_first("SmolLoop::run")?;
        let _claim = TagClaim::new::<G>(self.id)?;
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

impl<G: Tag> LoopOwner for SmolLoop<G> {
    type Handle = Smol<G>;

    fn run<T, F: AsyncFnOnce(&Smol<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(self.threads, f)
    }
}

/// Its other threads drive it while it runs, and not between.
impl<G: Tag> StandsStill for SmolLoop<G> {
    fn run_alone<T, F: AsyncFnOnce(&Smol<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.drive(1, f)
    }
}

impl<G> fmt::Debug for SmolLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolLoop").field("id", &self.id).finish_non_exhaustive()
    }
}
