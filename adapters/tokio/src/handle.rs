//! `Tokio`: the handle of one tokio runtime.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lifespan_core::{Blocking, Closed, EventLoop, LoopId, NoLoop, Tag, Timer, Untagged};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::home::Home;
use crate::{Entered, Sleep, may_block};

/// Handle of a tokio runtime, that a [`TokioLoop`](crate::TokioLoop) drives or somebody else.
///
/// It uses the runtime that it holds, whatever context the calling thread is in. With a
/// [tag](lifespan_core::tag) it is a type of its own: `Tokio<Jobs>`.
#[derive(Clone)]
pub struct Tokio<G = Untagged> {
    home: Arc<Home>,
    tag: PhantomData<fn() -> G>,
}

impl Tokio {
    /// Returns the runtime that this code runs in, which somebody else drives.
    ///
    /// # Errors
    /// [`NoLoop`] outside of a tokio runtime, or in one whose timers are off; under
    /// `#[tokio::main]` they are on. Where they are off, tokio's own panic is what tells so: the panic
    /// hook shows it, and it goes no further.
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
        Self::of(&runtime)
    }

    /// Returns the handle of a runtime that somebody else drives.
    ///
    /// For its end, one task of ours waits in it.
    ///
    /// # Errors
    /// [`NoLoop`] if the timers of the runtime are off: build it with `enable_time` or `enable_all`.
    pub fn of(runtime: &Handle) -> Result<Self, NoLoop> {
        let handle = Self::new(runtime);
        if handle.home.has_timers() { Ok(handle) } else { Err(NoLoop::without_timers(Self::NAME)) }
    }
}

impl<G: Tag> Tokio<G> {
    pub(crate) fn new(runtime: &Handle) -> Self {
        Self { home: Home::of(runtime), tag: PhantomData }
    }

    /// Returns tokio's own handle, for libraries that want one.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.home.runtime
    }

    /// Takes a future that needs a tokio runtime around it to any loop: a tokio socket, a client.
    ///
    /// The runtime is entered for each poll and for the drop. Somebody has to drive it: a
    /// multi-thread runtime drives itself.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_tokio::Tokio;
    ///
    /// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    /// let tokio = Tokio::of(runtime.handle())?;
    /// // No tokio runtime around this one: "there is no reactor running", without `enter`.
    /// futures_lite::future::block_on(tokio.enter(async {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enter<F: Future>(&self, future: F) -> Entered<F> {
        Entered::new(self.runtime().clone(), future)
    }
}

impl<G: Tag> EventLoop for Tokio<G> {
    const NAME: &'static str = "tokio";

    fn id(&self) -> LoopId {
        self.home.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        if self.home.has_ended() {
            return Err(Closed::new(()));
        }
        // Dropping tokio's join handle detaches. A runtime that shuts down just now drops the future.
        drop(self.runtime().spawn(future));
        Ok(())
    }
}

impl<G: Tag> Timer for Tokio<G> {
    type Sleep = Sleep;

    #[inline]
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(&self.home, duration)
    }

    fn now(&self) -> Instant {
        self.home.inside(tokio::time::Instant::now).into_std()
    }

    fn tend_timers(&self) -> bool {
        // Of a pool's threads the one that woke last by a timer or by I/O has the driver. If the task
        // that it runs next blocks, the others sleep on, and no timer of the runtime fires (tokio's
        // issue 4730). A task wakes one of them, which takes the driver when it has run it.
        let is_pool = self.runtime().runtime_flavor() == RuntimeFlavor::MultiThread;
        if is_pool {
            drop(self.runtime().spawn(async {}));
        }
        is_pool
    }
}

impl<G: Tag> Blocking for Tokio<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        if self.home.has_ended() {
            return Err(Closed::new(()));
        }
        drop(self.runtime().spawn_blocking(|| may_block::run(work)));
        Ok(())
    }
}

impl<G> fmt::Debug for Tokio<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokio").field("id", &self.home.id).finish_non_exhaustive()
    }
}
