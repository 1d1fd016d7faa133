//! `AnyLoop`: the erased handle, for code without generics.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::event_loop::{Closed, EventLoop, LoopId, Timer};
use crate::sync::Arc;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Handle of a loop with timers, whichever it is.
///
/// It is the default of [`Cx`](crate::Cx), so that `async fn work(cx: &Cx<'_>)` needs no generics;
/// [`Cx::erased`](crate::Cx::erased) makes one. It costs a box for each task and each sleep: code
/// that is generic over `L` costs none.
#[derive(Clone)]
pub struct AnyLoop(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn id(&self) -> LoopId;
    fn seed(&self) -> u64;
    fn spawn(&self, future: BoxFuture<()>) -> Result<(), Closed>;
    fn sleep(&self, duration: Duration) -> BoxFuture<Result<(), Closed>>;
    fn now(&self) -> Instant;
    fn has_virtual_time(&self) -> bool;
    fn tend_timers(&self) -> bool;
}

impl<L: Timer> Erased for L {
    fn name(&self) -> &'static str {
        L::name(self)
    }

    fn id(&self) -> LoopId {
        EventLoop::id(self)
    }

    fn seed(&self) -> u64 {
        EventLoop::seed(self)
    }

    fn spawn(&self, future: BoxFuture<()>) -> Result<(), Closed> {
        EventLoop::spawn(self, future)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<Result<(), Closed>> {
        Box::pin(Timer::sleep(self, duration))
    }

    fn now(&self) -> Instant {
        Timer::now(self)
    }

    fn has_virtual_time(&self) -> bool {
        Timer::has_virtual_time(self)
    }

    fn tend_timers(&self) -> bool {
        Timer::tend_timers(self)
    }
}

impl AnyLoop {
    pub(crate) fn new(handle: impl Timer) -> Self {
        Self(Arc::new(handle))
    }
}

impl EventLoop for AnyLoop {
    const NAME: &'static str = "any";

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn id(&self) -> LoopId {
        self.0.id()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.0.spawn(Box::pin(future))
    }
}

impl Timer for AnyLoop {
    type Sleep = BoxFuture<Result<(), Closed>>;

    fn sleep(&self, duration: Duration) -> BoxFuture<Result<(), Closed>> {
        self.0.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn has_virtual_time(&self) -> bool {
        self.0.has_virtual_time()
    }

    fn tend_timers(&self) -> bool {
        self.0.tend_timers()
    }
}

impl fmt::Debug for AnyLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyLoop({}, {})", EventLoop::name(self), self.0.id())
    }
}
