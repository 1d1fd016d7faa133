//! `AsyncExecutorLocalLoop`: drives a `LocalExecutor` of the caller's.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use async_executor::{Executor, LocalExecutor};
use lifespan_core::{Inside, LoopOwner, RunError, StandsStill};

use crate::{AsyncExecutorLocal, ids};

/// Drives a `LocalExecutor` that the caller owns and may share on its thread.
///
/// After a run, `!Send` tasks that still live belong to the executor, as with
/// [`AsyncExecutorLoop`](crate::AsyncExecutorLoop); `Send` ones stand still until the next run, and
/// are dropped with this.
pub struct AsyncExecutorLocalLoop {
    local: Rc<LocalExecutor<'static>>,
    /// For what is spawned from elsewhere; a `LocalExecutor` takes nothing from another thread.
    beside: Arc<Executor<'static>>,
    handle: AsyncExecutorLocal,
}

impl AsyncExecutorLocalLoop {
    /// Drives this executor, on its thread.
    #[must_use]
    pub fn on(executor: Rc<LocalExecutor<'static>>) -> Self {
        let beside = Arc::new(Executor::new());
        let handle = AsyncExecutorLocal::new(&beside, ids::of_local(&executor));
        Self { local: executor, beside, handle }
    }
}

impl LoopOwner for AsyncExecutorLocalLoop {
    type Handle = AsyncExecutorLocal;

    fn run<T, F: AsyncFnOnce(&AsyncExecutorLocal) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let _inside = Inside::enter_first("AsyncExecutorLocalLoop::run")?;
        let _reachable = self.handle.hold(&self.local);
        // Neither starves the other: `Executor::run` yields after 200 tasks in a row.
        Ok(async_io::block_on(self.local.run(self.beside.run(f(&self.handle)))))
    }
}

/// As long as nobody else drives the executor.
impl StandsStill for AsyncExecutorLocalLoop {}

impl fmt::Debug for AsyncExecutorLocalLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExecutorLocalLoop")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
