//! `TokioLoop`: owns a tokio runtime and drives it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use lifespan_core::{Inside, InsideLoop, LoopOwner, RunError, Tag, TagClaim, Untagged};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Tokio, may_block};

/// How long dropping the owner waits for threads that are busy.
const LET_GO: Duration = Duration::from_millis(100);

/// Owns a tokio runtime, which is made when it first runs.
///
/// Dropping it never waits long: a thread that is still busy after 100 ms is left behind. Inside
/// a loop, where nothing may wait, a thread of its own does that.
pub struct TokioLoop<G = Untagged> {
    builder: Builder,
    runtime: Option<Runtime>,
    tag: PhantomData<fn() -> G>,
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
        Self { builder, runtime: None, tag: PhantomData }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `Tokio<G>`.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Cx, Lifespan, tag};
    /// use lifespan_tokio::{Tokio, TokioLoop};
    ///
    /// tag!(pub struct Jobs;);
    ///
    /// async fn work(_cx: Cx<'_, Tokio<Jobs>>) {}
    ///
    /// let report = Lifespan::on(TokioLoop::multi_thread().tag::<Jobs>())
    ///     .task("work", work)
    ///     .until_idle()
    ///     .run();
    /// assert!(report.is_clean());
    /// ```
    #[must_use]
    pub fn tag<G: Tag>(mut self) -> TokioLoop<G> {
        let builder = std::mem::replace(&mut self.builder, Builder::new_current_thread());
        TokioLoop { builder, runtime: self.runtime.take(), tag: PhantomData }
    }
}

impl<G> TokioLoop<G> {
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

impl<G: Tag> LoopOwner for TokioLoop<G> {
    type Handle = Tokio<G>;

    fn run<T, F: AsyncFnOnce(&Tokio<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        Self::may_block("TokioLoop::run")?;
        let _inside = Inside::enter();
        let runtime = self.runtime()?;
        let handle = Tokio::new(runtime.handle());
        let _claim = TagClaim::new::<G>(lifespan_core::EventLoop::id(&handle))?;
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

impl<G> Drop for TokioLoop<G> {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Waiting is forbidden inside a loop: tokio panics there, and other loops stand still.
        let is_inside = Inside::enter_first("dropping a TokioLoop").is_err();
        if is_inside || Handle::try_current().is_ok() {
            let_go_elsewhere(runtime);
        } else {
            runtime.shutdown_timeout(LET_GO);
        }
    }
}

/// Has a thread that may block wait for the runtime's threads.
fn let_go_elsewhere(runtime: Runtime) {
    let (give, take) = channel::<Runtime>();
    let wait = move || take.recv().map(|runtime| runtime.shutdown_timeout(LET_GO));
    match thread::Builder::new().name("lifespan-tokio-drop".into()).spawn(wait) {
        Ok(_detached) => drop(give.send(runtime)),
        Err(_no_thread) => runtime.shutdown_background(),
    }
}

impl<G> fmt::Debug for TokioLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioLoop").field("builder", &self.builder).finish_non_exhaustive()
    }
}
