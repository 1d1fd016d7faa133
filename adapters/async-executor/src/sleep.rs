//! `Sleep`: the timer of both handles.

use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_executor::Executor;
use lifespan_core::Closed;

/// A timer of async-io, whose own thread drives it.
///
/// When it is due it says whether its executor is still there.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    timer: async_io::Timer,
    executor: Weak<Executor<'static>>,
}

impl Sleep {
    pub(crate) fn new(executor: Weak<Executor<'static>>, duration: Duration) -> Self {
        Self { timer: async_io::Timer::after(duration), executor } // beyond the clock: never
    }
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.executor.strong_count() == 0 {
            return Poll::Ready(Err(Closed::new(())));
        }
        ready!(Pin::new(&mut self.timer).poll(context));
        Poll::Ready(Ok(()))
    }
}
