//! `Smol`: the handle of one smol executor, and its timer.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use lifespan_core::{Blocking, Closed, EventLoop, LoopId, Tag, Timer, Untagged};
use smol::Executor;

/// Handle of an executor that a [`SmolLoop`](crate::SmolLoop) drives, or of smol's global one.
///
/// It is weak: a task that holds one does not keep its executor, and so itself, alive. With a
/// [tag](lifespan_core::tag) it is a type of its own: `Smol<Jobs>`.
#[derive(Clone)]
pub struct Smol<G = Untagged> {
    executor: Home,
    id: LoopId,
    tag: PhantomData<fn() -> G>,
}

#[derive(Clone, Debug)]
enum Home {
    Owned(Weak<Executor<'static>>),
    /// The executor of `smol::spawn`, which lives as long as the process.
    Global,
}

impl Home {
    fn has_ended(&self) -> bool {
        matches!(self, Self::Owned(executor) if executor.strong_count() == 0)
    }
}

impl<G: Tag> Smol<G> {
    pub(crate) fn new(executor: &Arc<Executor<'static>>, id: LoopId) -> Self {
        Self { executor: Home::Owned(Arc::downgrade(executor)), id, tag: PhantomData }
    }
}

impl Smol {
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
        Self { executor: Home::Global, id: *ID.get_or_init(LoopId::unique), tag: PhantomData }
    }
}

impl<G: Tag> EventLoop for Smol<G> {
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

impl<G: Tag> Timer for Smol<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        // A time beyond the clock is never.
        Sleep { timer: smol::Timer::after(duration), home: self.executor.clone() }
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl<G: Tag> Blocking for Smol<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        // The pool is the process's and would take it.
        if self.executor.has_ended() {
            return Err(Closed::new(()));
        }
        smol::unblock(work).detach();
        Ok(())
    }
}

impl<G> fmt::Debug for Smol<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smol").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A timer of smol, whose own thread drives it.
///
/// When it is due it says whether its executor is still there.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    timer: smol::Timer,
    home: Home,
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.home.has_ended() {
            return Poll::Ready(Err(Closed::new(())));
        }
        ready!(Pin::new(&mut self.timer).poll(context));
        Poll::Ready(Ok(()))
    }
}
