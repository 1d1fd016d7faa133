//! An event with a waiter that stays registered between waits: the turns of a ticker take no lock.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ShutdownEvent;
use super::handle::Registration;
use crate::sync::OnceLock;
use crate::waiters::WakerId;

/// The event of one task, and a registration that all waits on the same waker share.
///
/// It is that of the first wait, and of the task's own waker in all but rare cases; a wait on another
/// waker has a registration of its own. What is kept costs at most one wake-up that nobody asked for: an
/// event is set once. It keeps a reference to the task's waker, as the task's record does, and ends with
/// this.
pub(crate) struct HeldEvent {
    event: ShutdownEvent,
    kept: OnceLock<Registration>,
}

impl HeldEvent {
    pub(crate) fn new(event: ShutdownEvent) -> Self {
        Self { event, kept: OnceLock::new() }
    }

    pub(crate) fn event(&self) -> &ShutdownEvent {
        &self.event
    }

    /// Waits for the event.
    #[inline]
    pub(crate) fn wait(&self) -> HeldWait<'_> {
        HeldWait { held: self, me: Registration::NONE }
    }
}

impl Drop for HeldEvent {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.get_mut() {
            self.event.0.drop_wait(kept);
        }
    }
}

impl fmt::Debug for HeldEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event.fmt(f)
    }
}

/// Completes when the event is set.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct HeldWait<'a> {
    held: &'a HeldEvent,
    /// Of a wait that does not share the one that is kept.
    me: Registration,
}

impl Future for HeldWait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let HeldWait { held, me } = &mut *self;
        if held.event.is_set() {
            return Poll::Ready(());
        }
        let kept = held.kept.get();
        if kept.is_some_and(|kept| kept.waker == WakerId::of(context.waker())) {
            // A setter wakes this waker, or has already taken it to do so.
            return Poll::Pending;
        }
        let polled = held.event.0.poll_wait(me, context.waker());
        if kept.is_none() && me.is_registered() {
            let mine = std::mem::replace(me, Registration::NONE);
            // Another wait may have been faster.
            *me = held.kept.set(mine).err().unwrap_or(Registration::NONE);
        }
        polled
    }
}

impl Drop for HeldWait<'_> {
    #[inline]
    fn drop(&mut self) {
        self.held.event.0.drop_wait(&mut self.me);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::counted::{self, Count};

    fn poll(wait: &mut HeldWait<'_>) -> Poll<()> {
        counted::poll(wait, Waker::noop())
    }

    #[test]
    fn waits_one_after_the_other_register_once() {
        let held = HeldEvent::new(ShutdownEvent::new().child());
        for _ in 0..3 {
            assert!(poll(&mut held.wait()).is_pending());
            assert_eq!(held.event.0.waiters(), 1);
        }
        assert!(held.event.trigger().set("set").is_ok());
        assert!(poll(&mut held.wait()).is_ready());
    }

    #[test]
    fn waits_at_the_same_time_share_it() {
        let held = HeldEvent::new(ShutdownEvent::new());
        let (mut first, mut second) = (held.wait(), held.wait());
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        assert_eq!(held.event.0.waiters(), 1);
        drop(first);
        assert_eq!(held.event.0.waiters(), 1);
    }

    #[test]
    fn a_wait_on_another_waker_registers_itself_and_leaves() {
        let held = HeldEvent::new(ShutdownEvent::new());
        let mut first = held.wait();
        assert!(poll(&mut first).is_pending());
        let mut second = held.wait();
        let (count, other) = Count::new();
        assert!(counted::poll(&mut second, &other).is_pending());
        assert_eq!(held.event.0.waiters(), 2);
        drop(second);
        assert_eq!(held.event.0.waiters(), 1);
        let mut third = held.wait();
        assert!(counted::poll(&mut third, &other).is_pending());
        assert!(held.event.trigger().set("set").is_ok());
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn the_registration_ends_with_the_event_of_the_task() {
        let event = ShutdownEvent::new();
        let held = HeldEvent::new(event.clone());
        assert!(poll(&mut held.wait()).is_pending());
        drop(held);
        assert_eq!(event.0.waiters(), 0);
    }
}
