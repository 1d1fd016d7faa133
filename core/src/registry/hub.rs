//! Who watches a registry as a whole, and the wait for a change of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Registry, StopTimes};
use crate::roll_call::Waiting;
use crate::sync::lock;
use crate::waiters::{Head, Taken, Waiters};

/// Who watches the registry as a whole.
#[derive(Default)]
pub(super) struct Hub {
    pub(super) waiters: Waiters,
    pub(super) watching: Head,
    /// How often those who watched were taken.
    pub(super) changes: u64,
    /// `None` until its stop begins.
    pub(super) times: Option<StopTimes>,
    /// The scope ends when nothing lives in it. Only of a user's.
    pub(super) closing: bool,
    /// It has (tree, invariant 1).
    pub(super) ended: bool,
}

impl Hub {
    /// Counts a change, and takes those who watch.
    pub(super) fn change(&mut self) -> Taken {
        let mut waiting = Taken::default();
        self.waiters.drain(&mut self.watching, &mut waiting);
        self.changes += 1;
        waiting
    }
}

/// Waits for a change of a registry; made by [`Registry::watch`].
///
/// No wake-up is lost: who changes the registry counts and takes the waiters in one locked section,
/// and a waiter reads the count and registers in one.
pub(crate) struct Watch<'a> {
    pub(super) registry: &'a Registry,
    /// The count when this was made. While it stands, `key` names an entry of our own.
    pub(super) seen: u64,
    pub(super) key: Option<u32>,
}

impl Future for Watch<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut hub = lock(&self.registry.hub);
        if hub.changes != self.seen {
            drop(hub);
            self.key = None;
            return Poll::Ready(());
        }
        let Hub { waiters, watching, .. } = &mut *hub;
        let old = match self.key {
            Some(key) => waiters.replace(key, waker),
            None => {
                self.key = Some(waiters.insert(watching, waker));
                None
            }
        };
        drop(hub);
        drop(old);
        Waiting::answer(|| String::from("the end of every task of a scope"));
        Poll::Pending
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut hub = lock(&self.registry.hub);
        let Hub { waiters, watching, changes, .. } = &mut *hub;
        let waker = if *changes == self.seen { waiters.remove(watching, key) } else { None };
        drop(hub);
        drop(waker);
    }
}
