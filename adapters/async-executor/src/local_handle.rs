//! `AsyncExecutorLocal`: the handle of a `LocalExecutor` that the caller owns.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_executor::{Executor, LocalExecutor};
use lifespan_core::{
    Blocking, Closed, EventLoop, LocalLoop, LoopId, OnThread, Tag, Timer, Untagged,
};

use crate::{AsyncExecutor, Sleep};

/// Handle of a `LocalExecutor` that the caller owns.
///
/// It may be anywhere: what it spawns goes through an `Executor` that is driven beside the local
/// one, by the same thread, and what is not `Send` goes to the local one, from that thread only.
/// Like every handle here it keeps neither alive.
#[derive(Clone, Debug)]
pub struct AsyncExecutorLocal<G = Untagged> {
    beside: AsyncExecutor<G>,
}

impl<G: Tag> AsyncExecutorLocal<G> {
    pub(crate) fn new(beside: &Arc<Executor<'static>>, id: LoopId) -> Self {
        Self { beside: AsyncExecutor::with_id(beside, id) }
    }

    /// Makes the local executor reachable from this handle's clones on this thread.
    pub(crate) fn hold(&self, local: &Rc<LocalExecutor<'static>>) -> OnThread {
        OnThread::hold(self.id(), Rc::new(Rc::downgrade(local)))
    }

    fn local(&self) -> Option<Rc<LocalExecutor<'static>>> {
        OnThread::find::<Weak<LocalExecutor<'static>>>(self.id())?.upgrade()
    }
}

impl<G: Tag> EventLoop for AsyncExecutorLocal<G> {
    const NAME: &'static str = "async-executor-local";

    fn id(&self) -> LoopId {
        self.beside.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.beside.spawn(future)
    }
}

impl<G: Tag> Timer for AsyncExecutorLocal<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        self.beside.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.beside.now()
    }
}

impl<G: Tag> Blocking for AsyncExecutorLocal<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        self.beside.spawn_blocking(work)
    }
}

impl<G: Tag> LocalLoop for AsyncExecutorLocal<G> {
    fn is_on_its_thread(&self) -> bool {
        self.local().is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let local = self.local().ok_or_else(|| Closed::new(()))?;
        local.spawn(future).detach();
        Ok(())
    }
}
