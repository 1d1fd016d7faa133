//! The futures that wait for an event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handle::{Handle, Registration};

/// Completes when its event is set; made by [`ShutdownEvent::wait`](crate::ShutdownEvent::wait).
#[must_use = "futures do nothing unless polled"]
pub struct Wait<'a> {
    event: &'a Handle,
    me: Registration,
}

impl<'a> Wait<'a> {
    #[inline]
    pub(super) fn new(event: &'a Handle) -> Self {
        Self { event, me: Registration::NONE }
    }
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { event, me } = &mut *self;
        event.poll_wait(me, context.waker())
    }
}

impl Drop for Wait<'_> {
    #[inline]
    fn drop(&mut self) {
        self.event.drop_wait(&mut self.me);
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("is_set", &self.event.is_set()).finish_non_exhaustive()
    }
}

/// As [`Wait`], `'static`; made by [`ShutdownEvent::wait_owned`](crate::ShutdownEvent::wait_owned).
#[must_use = "futures do nothing unless polled"]
pub struct WaitOwned {
    event: Handle,
    me: Registration,
}

impl WaitOwned {
    #[inline]
    pub(super) fn new(event: Handle) -> Self {
        Self { event, me: Registration::NONE }
    }
}

impl Future for WaitOwned {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { event, me } = &mut *self;
        event.poll_wait(me, context.waker())
    }
}

impl Drop for WaitOwned {
    #[inline]
    fn drop(&mut self) {
        self.event.drop_wait(&mut self.me);
    }
}

impl fmt::Debug for WaitOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitOwned").field("is_set", &self.event.is_set()).finish_non_exhaustive()
    }
}
