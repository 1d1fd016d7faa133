//! `Sleep`: the timer under async-std's own `sleep`, with a name and without a box.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lifespan_core::Closed;

/// A timer of async-io, which is what `async_std::task::sleep` waits for.
///
/// That one is an `async fn`, whose future has no name (async-std's `task/sleep.rs`, `utils.rs`).
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep(async_io::Timer);

impl Sleep {
    pub(crate) fn new(duration: Duration) -> Self {
        Self(async_io::Timer::after(duration)) // a time beyond the clock is never
    }
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(Ok(())) // async-std's executor never ends
    }
}
