//! `Entered`: a future that needs a tokio runtime around it, polled on any loop.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

pin_project! {
    /// Polls and drops a future inside a tokio runtime, whoever polls it; made by
    /// [`Tokio::enter`](crate::Tokio::enter).
    #[must_use = "futures do nothing unless polled"]
    pub struct Entered<F> {
        runtime: Handle,
        // Emptied before the drop, so that the future never outlives the inside of its runtime.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Entered<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.runtime.enter();
            this.future.set(None);
        }
    }
}

impl<F> Entered<F> {
    pub(crate) fn new(runtime: Handle, future: F) -> Self {
        Self { runtime, future: Some(future) }
    }
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = this.runtime.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending; // polled after its end, which a future need not answer
        };
        let polled = future.poll(context);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled
    }
}

impl<F> fmt::Debug for Entered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("runtime", &self.runtime.id()).finish_non_exhaustive()
    }
}
