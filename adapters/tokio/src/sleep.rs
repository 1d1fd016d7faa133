//! `Sleep`: tokio's timer, which panics when its runtime has gone; this one says so.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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
    pub(crate) fn new(home: &Arc<Home>, duration: std::time::Duration) -> Self {
        // A tokio timer belongs to the runtime that is entered when it is made.
        let timer = home.inside(|| tokio::time::sleep(duration));
        Self { timer, home: Arc::clone(home) }
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
