//! `TokioLoop`: owns a tokio runtime and drives it.

use std::fmt;
use std::time::Duration;

use lifespan_core::{Inside, InsideLoop, LoopOwner, RunError};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Tokio, may_block};

/// How long dropping the owner waits for threads that are busy.
const LET_GO: Duration = Duration::from_millis(100);

/// Owns a tokio runtime, which is made when it first runs.
///
/// Dropping it never waits long: a thread that is still busy after 100 ms is left behind.
pub struct TokioLoop {
    builder: Builder,
    runtime: Option<Runtime>,
}

impl TokioLoop {
    /// One thread: the one that calls `run`.
    #[must_use]
    pub fn current_thread() -> Self {
        Self::from_builder(Builder::new_current_thread())
    }

    /// Tokio's own choice of worker threads: one for each core.
    #[must_use]
    pub fn multi_thread() -> Self {
        Self::from_builder(Builder::new_multi_thread())
    }

    /// A runtime that you configure. Its timers and its I/O are switched on in any case.
    #[must_use]
    pub fn from_builder(builder: Builder) -> Self {
        Self { builder, runtime: None }
    }

    fn runtime(&mut self) -> Result<&Runtime, RunError> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => {
                let built = self.builder.enable_all().build();
                built.map_err(|error| RunError::Runtime(error.into()))?
            }
        };
        Ok(self.runtime.insert(runtime))
    }
}

impl LoopOwner for TokioLoop {
    type Handle = Tokio;

    fn run<T, F: AsyncFnOnce(&Tokio) -> T>(&mut self, f: F) -> Result<T, RunError> {
        Self::may_block("TokioLoop::run")?;
        let _inside = Inside::enter();
        let runtime = self.runtime()?;
        let handle = Tokio::new(runtime.handle().clone());
        Ok(runtime.block_on(f(&handle)))
    }

    fn may_block(what: &'static str) -> Result<(), InsideLoop> {
        // `block_on` panics inside any tokio runtime, also one that is not ours.
        if may_block::is_forbidden() {
            return Err(InsideLoop::new(what));
        }
        Inside::enter_first(what).map(drop)
    }
}

impl Drop for TokioLoop {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Waiting is forbidden inside a runtime, where tokio panics.
        if Handle::try_current().is_ok() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(LET_GO);
        }
    }
}

impl fmt::Debug for TokioLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioLoop").field("builder", &self.builder).finish_non_exhaustive()
    }
}
