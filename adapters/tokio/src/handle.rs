//! `Tokio`: the handle of one tokio runtime.

use std::fmt;
use std::time::{Duration, Instant};

use lifespan_core::{Blocking, Closed, EventLoop, LoopId, NoLoop, Timer};
use tokio::runtime::Handle;

use crate::{ids, may_block};

/// Handle of a tokio runtime, that a [`TokioLoop`](crate::TokioLoop) drives or somebody else.
///
/// It uses the runtime that it holds, whatever context the calling thread is in.
#[derive(Clone)]
pub struct Tokio {
    runtime: Handle,
    id: LoopId,
}

impl Tokio {
    pub(crate) fn new(runtime: Handle) -> Self {
        let id = ids::of(&runtime);
        Self { runtime, id }
    }

    /// Returns the runtime that this code runs in, which somebody else drives.
    ///
    /// Its timers must be on, as they are under `#[tokio::main]`.
    ///
    /// # Errors
    /// [`NoLoop`] outside of a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::Lifespan;
    /// use lifespan_tokio::Tokio;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let report = Lifespan::attach(Tokio::current()?).serve(async |_cx| {}).run().await;
    /// assert!(report.is_clean());
    /// # Ok::<(), lifespan_core::NoLoop>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn current() -> Result<Self, NoLoop> {
        let runtime = Handle::try_current().map_err(|_none| NoLoop::new(Self::NAME))?;
        Ok(Self::new(runtime))
    }

    /// Returns tokio's own handle, for libraries that want one.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl EventLoop for Tokio {
    const NAME: &'static str = "tokio";

    fn id(&self) -> LoopId {
        self.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        // Dropping tokio's join handle detaches. A runtime that has shut down drops the future.
        drop(self.runtime.spawn(future));
        Ok(())
    }
}

impl Timer for Tokio {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        // A tokio timer belongs to the runtime that is entered when it is made.
        let _entered = self.runtime.enter();
        tokio::time::sleep(duration)
    }

    fn now(&self) -> Instant {
        let _entered = self.runtime.enter();
        tokio::time::Instant::now().into_std()
    }
}

impl Blocking for Tokio {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        drop(self.runtime.spawn_blocking(|| may_block::run(work)));
        Ok(())
    }
}

impl fmt::Debug for Tokio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokio").field("id", &self.id).finish_non_exhaustive()
    }
}
