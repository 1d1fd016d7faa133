//! `AsyncStdLoop`: runs on async-std's global executor from a plain thread.

use async_std::task;
use lifespan_core::{Inside, InsideLoop, LoopOwner, RunError};

use crate::AsyncStd;

/// Stands in for the owner of async-std's global executor, which the process owns.
///
/// The thread that calls `run` polls the root and the handlers; tasks run on async-std's threads.
/// Unlike with other owners, a task that still lives when `run` returns does not stand still: those
/// threads go on, and dropping this drops no task. Two of these are two names of one loop.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct AsyncStdLoop {}

impl AsyncStdLoop {
    /// Starts nothing yet. async-std reads the number of its threads from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl LoopOwner for AsyncStdLoop {
    type Handle = AsyncStd;

    fn run<T, F: AsyncFnOnce(&AsyncStd) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let _inside = Inside::enter_first("AsyncStdLoop::run")?;
        // A task or a `block_on` of async-std that is not ours: waiting here would block its thread.
        if task::try_current().is_some() {
            return Err(InsideLoop::new("AsyncStdLoop::run").into());
        }
        let handle = AsyncStd::global();
        Ok(task::block_on(f(&handle)))
    }
}
