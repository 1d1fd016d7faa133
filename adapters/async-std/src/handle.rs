//! `AsyncStd`: the handle of async-std's global executor.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use async_std::task;
use lifespan_core::{Blocking, Closed, EventLoop, LoopId, Timer};

use crate::Sleep;

/// A process has one global executor, so this identity is the process's: all handles share it.
static ID: OnceLock<LoopId> = OnceLock::new();

/// Handle of async-std's global executor, of which a process has one.
///
/// Its threads start with the first task and never end, so nothing that it starts is refused, and
/// whoever has the handle has a loop that is driven.
#[derive(Clone)]
pub struct AsyncStd {
    id: LoopId,
}

impl AsyncStd {
    /// Returns the handle of the global executor, inside any of async-std's tasks or outside.
    ///
    /// # Examples
    /// ```
    /// use lifespan_async_std::AsyncStd;
    /// use lifespan_core::Lifespan;
    ///
    /// async_std::task::block_on(async {
    ///     let report = Lifespan::attach(AsyncStd::global()).serve(async |_cx| {}).run().await;
    ///     assert!(report.is_clean());
    /// });
    /// ```
    #[must_use]
    pub fn global() -> Self {
        Self { id: *ID.get_or_init(LoopId::unique) }
    }
}

impl EventLoop for AsyncStd {
    const NAME: &'static str = "async-std";

    fn id(&self) -> LoopId {
        self.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        // Dropping async-std's join handle detaches (its `task/join_handle.rs`).
        drop(task::spawn(future));
        Ok(())
    }
}

impl Timer for AsyncStd {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(duration)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl Blocking for AsyncStd {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        drop(task::spawn_blocking(work));
        Ok(())
    }
}

impl fmt::Debug for AsyncStd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncStd").field("id", &self.id).finish_non_exhaustive()
    }
}
