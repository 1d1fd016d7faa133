//! `Smol`: the handle of one smol executor, and its timer.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use lifespan_core::{Blocking, Closed, EventLoop, LoopId, Timer};
use smol::Executor;

/// Handle of an executor that a [`SmolLoop`](crate::SmolLoop) drives, or of smol's global one.
///
/// It is weak: a task that holds one does not keep its executor, and so itself, alive.
#[derive(Clone)]
pub struct Smol {
    executor: Home,
    id: LoopId,
}

#[derive(Clone)]
enum Home {
    Owned(Weak<Executor<'static>>),
    /// The executor of `smol::spawn`, which lives as long as the process.
    Global,
}

impl Smol {
    pub(crate) fn new(executor: &Arc<Executor<'static>>, id: LoopId) -> Self {
        Self { executor: Home::Owned(Arc::downgrade(executor)), id }
    }

    /// Returns the global executor of `smol::spawn`, whose own threads drive it.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::Lifespan;
    /// use lifespan_smol::Smol;
    ///
    /// smol::block_on(async {
    ///     let report = Lifespan::attach(Smol::global()).serve(async |_cx| {}).run().await;
    ///     assert!(report.is_clean());
    /// });
    /// ```
    #[must_use]
    pub fn global() -> Self {
        // The identity of a loop that the process has one of.
        static ID: OnceLock<LoopId> = OnceLock::new();
        Self { executor: Home::Global, id: *ID.get_or_init(LoopId::unique) }
    }
}

impl EventLoop for Smol {
    const NAME: &'static str = "smol";

    fn id(&self) -> LoopId {
        self.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        let task = match &self.executor {
            Home::Owned(executor) => {
                executor.upgrade().ok_or_else(|| Closed::new(()))?.spawn(future)
            }
            Home::Global => smol::spawn(future),
        };
        // Dropping an async-task handle cancels; ours detaches, on every runtime.
        task.detach();
        Ok(())
    }
}

impl Timer for Smol {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep(smol::Timer::after(duration)) // a time beyond the clock is never
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl Blocking for Smol {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        // The pool is the process's and would take it, but this loop may have ended.
        if let Home::Owned(executor) = &self.executor {
            executor.upgrade().ok_or_else(|| Closed::new(()))?;
        }
        smol::unblock(work).detach();
        Ok(())
    }
}

impl fmt::Debug for Smol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smol").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A timer of smol, whose own thread drives it.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep(smol::Timer);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(())
    }
}
