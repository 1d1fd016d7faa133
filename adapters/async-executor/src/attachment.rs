//! `LocalAttachment`: what a lifespan needs inside a `LocalExecutor` that somebody else drives.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use async_executor::{Executor, LocalExecutor, Task};
use lifespan_core::OnThread;

use crate::{AsyncExecutorLocal, ids};

/// Keeps a `LocalExecutor` open to a lifespan, until it is dropped.
///
/// Meanwhile a task on the executor drives a second one, which takes what is spawned from other
/// threads. When this is dropped, that task ends as soon as the executor runs again, and what the
/// handles had spawned ends with it, as `LoopClosed`. It keeps no executor alive.
#[must_use = "the executor is open to a lifespan only while this lives"]
pub struct LocalAttachment {
    handle: AsyncExecutorLocal,
    /// Dropping an async-task handle cancels.
    _pump: Task<()>,
    _reachable: OnThread,
}

impl AsyncExecutorLocal {
    /// Opens an executor that the caller drives to a lifespan, on this thread.
    ///
    /// # Examples
    /// ```
    /// use std::rc::Rc;
    ///
    /// use async_executor::LocalExecutor;
    /// use lifespan_async_executor::AsyncExecutorLocal;
    /// use lifespan_core::Lifespan;
    ///
    /// let executor = Rc::new(LocalExecutor::new());
    /// let attachment = AsyncExecutorLocal::attach(&executor);
    /// let lifespan = Lifespan::attach(attachment.handle()).serve(async |_cx| {});
    /// let report = async_io::block_on(executor.run(lifespan.run()));
    /// assert!(report.is_clean());
    /// ```
    pub fn attach(executor: &Rc<LocalExecutor<'static>>) -> LocalAttachment {
        let beside = Arc::new(Executor::new());
        let handle = Self::new(&beside, ids::of_local(executor));
        let reachable = handle.hold(executor);
        // The only strong reference of `beside` lives in the task, and so goes with it.
        let pump = executor.spawn(async move { beside.run(std::future::pending()).await });
        LocalAttachment { handle, _pump: pump, _reachable: reachable }
    }
}

impl LocalAttachment {
    /// Returns a handle, for `Lifespan::attach`.
    #[must_use]
    pub fn handle(&self) -> AsyncExecutorLocal {
        self.handle.clone()
    }
}

impl fmt::Debug for LocalAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAttachment").field("handle", &self.handle).finish_non_exhaustive()
    }
}
