//! `Sleep`: tokio's timer, which panics when its runtime has gone; this one says so.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lifespan_core::Closed;
use pin_project_lite::pin_project;

use crate::home::Home;

pin_project! {
    /// Completes when its time has come, or its runtime has ended; made by [`Tokio`](crate::Tokio).
    #[must_use = "futures do nothing unless polled"]
    pub struct Sleep {
        #[pin]
        timer: tokio::time::Sleep,
        home: Arc<Home>,
    }
}

impl Sleep {
    #[inline]
    pub(crate) fn new(home: &Arc<Home>, duration: Duration) -> Self {
        if home.is_entered() { Self::here(home, duration) } else { Self::entering(home, duration) }
    }

    /// Makes the timer where it is to lie: with a count that a panic would have to take back, or in the
    /// middle of more code, the compiler has it made elsewhere and moved, each turn of a ticker.
    #[inline(always)]
    fn here(home: &Arc<Home>, duration: Duration) -> Self {
        // A panic would leave a count behind. There is none: the runtime is entered, and has timers.
        let home = ManuallyDrop::new(Arc::clone(home));
        let timer = tokio::time::sleep(duration);
        Self { timer, home: ManuallyDrop::into_inner(home) }
    }

    /// As `new`, where another runtime is entered, or none: a tokio timer belongs to the one that is
    /// entered when it is made.
    #[cold]
    fn entering(home: &Arc<Home>, duration: Duration) -> Self {
        let _entered = home.runtime.enter();
        Self::here(home, duration)
    }
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.home.has_ended() {
            return Poll::Ready(Err(Closed::new(())));
        }
        let timer = this.timer;
        // On another thread the runtime may end between the look and the poll, which panics then.
        match catch_unwind(AssertUnwindSafe(|| timer.poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(_ended) if this.home.has_ended() => Poll::Ready(Err(Closed::new(()))),
            Err(payload) => resume_unwind(payload),
        }
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep").field("timer", &self.timer).finish_non_exhaustive()
    }
}
