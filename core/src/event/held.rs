//! An event with a waiter that stays registered between waits: the turns of a ticker take no lock.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ShutdownEvent;
use super::node::{Node, Registration};
use crate::sync::{AtomicU32, Ordering};
use crate::waiters::{NIL, SharedWakerId};

/// The event of one task, and the registration that the task's waits share.
///
/// A registration that is kept costs at most one wake-up that nobody asked for: an event is set once.
/// It keeps a reference to the task's waker, as the task's record does, and ends with this.
pub(crate) struct HeldEvent {
    event: ShutdownEvent,
    /// The key of the registration, `NIL` if there is none, or `TAKEN`.
    key: AtomicU32,
    waker: SharedWakerId,
}

/// A wait has the registration.
const TAKEN: u32 = NIL - 1;

impl HeldEvent {
    pub(crate) fn new(event: ShutdownEvent) -> Self {
        Self { event, key: AtomicU32::new(NIL), waker: SharedWakerId::default() }
    }

    pub(crate) fn event(&self) -> &ShutdownEvent {
        &self.event
    }

    /// Waits for the event; a second wait at the same time has a registration of its own.
    #[inline]
    pub(crate) fn wait(&self) -> HeldWait<'_> {
        let key = self.key.load(Ordering::Relaxed);
        // Acquire pairs with the Release of `give_back`: who takes a key finds the id of its waker.
        // Where it is taken nothing is written, so that only its holder ever changes it.
        let taken = key != TAKEN
            && self.key.compare_exchange(key, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let node = &*self.event.0;
        if taken {
            let me = Registration { key, waker: self.waker.load() };
            HeldWait { node, me, owner: Some(self) }
        } else {
            HeldWait { node, me: Registration::NONE, owner: None }
        }
    }

    #[inline]
    fn give_back(&self, me: &Registration) {
        self.waker.store(me.waker);
        self.key.store(me.key, Ordering::Release);
    }
}

impl Drop for HeldEvent {
    fn drop(&mut self) {
        let key = self.key.load(Ordering::Acquire);
        if key != NIL && key != TAKEN {
            self.event.0.drop_wait(&mut Registration { key, waker: self.waker.load() });
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
    /// That of the event: a poll need not look for it.
    node: &'a Node,
    me: Registration,
    /// Who has the registration when the wait has ended; `None`: it ends with the wait.
    owner: Option<&'a HeldEvent>,
}

impl Future for HeldWait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let node = self.node;
        node.poll_wait(&mut self.me, context.waker())
    }
}

impl Drop for HeldWait<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.owner {
            Some(held) => held.give_back(&self.me),
            None => self.node.drop_wait(&mut self.me),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Waker;

    use super::*;

    fn poll(wait: &mut HeldWait<'_>) -> Poll<()> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
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
    fn a_second_wait_at_the_same_time_registers_itself_and_leaves() {
        let held = HeldEvent::new(ShutdownEvent::new());
        let mut first = held.wait();
        assert!(poll(&mut first).is_pending());
        let mut second = held.wait();
        assert!(poll(&mut second).is_pending());
        assert_eq!(held.event.0.waiters(), 2);
        drop(second);
        assert_eq!(held.event.0.waiters(), 1);
        drop(first);
        assert_eq!(held.event.0.waiters(), 1);
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
