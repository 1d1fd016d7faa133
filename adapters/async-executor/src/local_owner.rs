//! `AsyncExecutorLocalLoop`: drives a `LocalExecutor` of the caller's.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use async_executor::{Executor, LocalExecutor};
use lifespan_core::{EventLoop, Inside, LoopOwner, RunError, StandsStill, Tag, TagClaim, Untagged};

use crate::{AsyncExecutorLocal, ids};

/// Drives a `LocalExecutor` that the caller owns and may share on its thread.
///
/// After a run, `!Send` tasks that still live belong to the executor, as with
/// [`AsyncExecutorLoop`](crate::AsyncExecutorLoop); `Send` ones stand still until the next run, and
/// are dropped with this.
pub struct AsyncExecutorLocalLoop<G = Untagged> {
    local: Rc<LocalExecutor<'static>>,
    /// For what is spawned from elsewhere; a `LocalExecutor` takes nothing from another thread.
    beside: Arc<Executor<'static>>,
    handle: AsyncExecutorLocal<G>,
}

impl AsyncExecutorLocalLoop {
    /// Drives this executor, on its thread.
    #[must_use]
    pub fn on(executor: Rc<LocalExecutor<'static>>) -> Self {
        let beside = Arc::new(Executor::new());
        let handle = AsyncExecutorLocal::new(&beside, ids::of_local(&executor));
        Self { local: executor, beside, handle }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `AsyncExecutorLocal<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> AsyncExecutorLocalLoop<G> {
        let Self { local, beside, handle } = self;
        let handle = AsyncExecutorLocal::new(&beside, handle.id());
        AsyncExecutorLocalLoop { local, beside, handle }
    }
}

impl<G: Tag> LoopOwner for AsyncExecutorLocalLoop<G> {
    type Handle = AsyncExecutorLocal<G>;

    fn run<T, F: AsyncFnOnce(&AsyncExecutorLocal<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let _inside = Inside::enter_first("AsyncExecutorLocalLoop::run")?;
        let _claim = TagClaim::new::<G>(self.handle.id())?;
        let _reachable = self.handle.hold(&self.local);
        // Neither starves the other: `Executor::run` yields after 200 tasks in a row.
        Ok(async_io::block_on(self.local.run(self.beside.run(f(&self.handle)))))
    }
}

/// As long as nobody else drives the executor.
impl<G: Tag> StandsStill for AsyncExecutorLocalLoop<G> {}

impl<G: Tag> fmt::Debug for AsyncExecutorLocalLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExecutorLocalLoop")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
