//! `AsyncExecutor`: the handle of an `Executor` that the caller owns.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_executor::Executor;
use lifespan_core::{Blocking, Closed, EventLoop, LoopId, Tag, Timer, Untagged};

use crate::{Sleep, ids};

/// Handle of an `Executor` that the caller owns.
///
/// It is weak: a task that holds one does not keep its executor, and so itself, alive. With a
/// [tag](lifespan_core::tag) it is a type of its own: `AsyncExecutor<Jobs>`.
#[derive(Clone)]
pub struct AsyncExecutor<G = Untagged> {
    executor: Weak<Executor<'static>>,
    id: LoopId,
    tag: PhantomData<fn() -> G>,
}

impl AsyncExecutor {
    /// Returns the handle of an executor that the caller drives, to attach a lifespan to it.
    ///
    /// All handles of one executor have the same id. An `Executor` cannot tell whether anybody
    /// drives it; on one that nobody does, an attached lifespan ends as
    /// [`StartError::NotDriven`](lifespan_core::StartError::NotDriven).
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use async_executor::Executor;
    /// use lifespan_async_executor::AsyncExecutor;
    /// use lifespan_core::Lifespan;
    ///
    /// let executor = Arc::new(Executor::new());
    /// let lifespan = Lifespan::attach(AsyncExecutor::of(&executor)).serve(async |_cx| {});
    /// let report = async_io::block_on(executor.run(lifespan.run()));
    /// assert!(report.is_clean());
    /// ```
    #[must_use]
    pub fn of(executor: &Arc<Executor<'static>>) -> Self {
        Self::with_id(executor, ids::of_shared(executor))
    }
}

impl<G: Tag> AsyncExecutor<G> {
    pub(crate) fn with_id(executor: &Arc<Executor<'static>>, id: LoopId) -> Self {
        Self { executor: Arc::downgrade(executor), id, tag: PhantomData }
    }
}

impl<G: Tag> EventLoop for AsyncExecutor<G> {
    const NAME: &'static str = "async-executor";

    fn id(&self) -> LoopId {
        self.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        let executor = self.executor.upgrade().ok_or_else(|| Closed::new(()))?;
        // Dropping an async-task handle cancels; ours detaches, on every runtime.
        executor.spawn(future).detach();
        Ok(())
    }
}

impl<G: Tag> Timer for AsyncExecutor<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Weak::clone(&self.executor), duration)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl<G: Tag> Blocking for AsyncExecutor<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        // The pool is the process's and would take it, but this loop has ended.
        if self.executor.strong_count() == 0 {
            return Err(Closed::new(()));
        }
        blocking::unblock(work).detach();
        Ok(())
    }
}

impl<G> fmt::Debug for AsyncExecutor<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExecutor").field("id", &self.id).finish_non_exhaustive()
    }
}
