//! The shutdown event: a level that is set once, heard by any number of waiters on any loop.

mod handle;
mod held;
mod link;
#[cfg(all(test, loom))]
mod models;
mod nodes;
mod reason;
mod root;
mod tree;
mod trigger;
mod wait;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

pub(crate) use handle::Flag;
use handle::Handle;
pub(crate) use held::HeldEvent;
pub(crate) use link::Link;
pub use reason::{AlreadySet, Reason};
pub use trigger::{DropGuard, ShutdownTrigger};
pub use wait::{Wait, WaitOwned};

use crate::inside::{self, InsideLoop};
use crate::park;

/// A stop request that is set once and stays set.
///
/// It holds no event loop: make it before any loop exists, share it, clone it, wait for it on any
/// loop or on a plain thread. A late waiter is ready at once.
///
/// Compared with `tokio_util::sync::CancellationToken`: [`is_set`](Self::is_set) is one atomic
/// load, the first [`Reason`] is kept, setting a tree does not recurse, no waker runs under a lock,
/// and who may set is a type of its own ([`ShutdownTrigger`]). It carries no hard cancel: that is a
/// matter of tasks, see [`TaskRef::cancel`](crate::TaskRef::cancel). For an event that happens more
/// than once this is the wrong type.
///
/// # Examples
/// ```
/// use lifespan_core::{Reason, ShutdownEvent};
///
/// let event = ShutdownEvent::new();
/// let child = event.child();
/// event.trigger().set(Reason::Signal("SIGTERM"))?;
/// assert!(child.is_set());
/// assert_eq!(child.reason(), Some(Reason::Signal("SIGTERM")));
/// # Ok::<(), lifespan_core::AlreadySet>(())
/// ```
#[derive(Clone)]
pub struct ShutdownEvent(Handle);

impl ShutdownEvent {
    /// Makes an event of its own, not set.
    #[must_use]
    pub fn new() -> Self {
        Self(Handle::root())
    }

    /// Makes an event that is set with this one, and can be set alone.
    ///
    /// It never sets its parent. A child of a set event is born set. When every handle of an event
    /// is dropped, its children belong to its parent.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child())
    }

    /// Tells whether the event is set: one atomic load, whatever else goes on.
    #[must_use]
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.is_set()
    }

    #[inline]
    pub(crate) fn flag(&self) -> Flag<'_> {
        self.0.flag()
    }

    /// Returns why the event was set, once it is: the first reason given, here or in an ancestor.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason()
    }

    /// Tells whether every ancestor is gone, so that only its own triggers can set this event.
    ///
    /// An event without a parent is no orphan.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        self.0.is_orphan()
    }

    /// Makes a remote control that can set this event and cannot wait for it.
    #[must_use]
    pub fn trigger(&self) -> ShutdownTrigger {
        ShutdownTrigger::new(self.0.clone())
    }

    /// Makes a guard that sets this event when it is dropped, unless disarmed.
    pub fn drop_guard(&self) -> DropGuard {
        DropGuard::new(self.trigger())
    }

    /// Waits until the event is set.
    ///
    /// Registration is lazy (at the first poll) and ends with the future.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the event is a level.
    #[inline]
    pub fn wait(&self) -> Wait<'_> {
        Wait::new(&self.0)
    }

    /// As [`wait`](Self::wait), in a `'static` future that owns its event.
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    #[inline]
    pub fn wait_owned(&self) -> WaitOwned {
        WaitOwned::new(self.0.clone())
    }

    /// Waits on a plain thread until the event is set, without a loop.
    ///
    /// # Errors
    /// [`InsideLoop`] at once if this thread is running an event loop, which would stand still.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Reason, ShutdownEvent};
    ///
    /// let event = ShutdownEvent::new();
    /// let waiter = event.clone();
    /// let thread = std::thread::spawn(move || waiter.wait_blocking());
    /// event.trigger().set("closing time")?;
    /// assert!(matches!(thread.join(), Ok(Ok(reason)) if reason == Reason::from("closing time")));
    /// # Ok::<(), lifespan_core::AlreadySet>(())
    /// ```
    pub fn wait_blocking(&self) -> Result<Reason, InsideLoop> {
        inside::refuse("ShutdownEvent::wait_blocking")?;
        park::block_on(self.wait(), None);
        Ok(self.reason().unwrap_or(Reason::Requested))
    }

    /// As [`wait_blocking`](Self::wait_blocking), for `timeout` at the most; `None`: not set by then.
    ///
    /// # Errors
    /// [`InsideLoop`] at once if this thread is running an event loop.
    pub fn wait_blocking_timeout(
        &self,
        timeout: std::time::Duration,
    ) -> Result<Option<Reason>, InsideLoop> {
        inside::refuse("ShutdownEvent::wait_blocking_timeout")?;
        park::block_on(self.wait(), Some(timeout));
        Ok(self.reason())
    }

    /// Runs a future until it ends (`Some`) or the event is set (`None`).
    ///
    /// The event wins a tie, and if it is set already, the future is never polled.
    ///
    /// # Cancel safety
    /// As that of the given future, which is dropped when the event is set.
    pub async fn run_until_set<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut wait = self.wait();
        let mut future = pin!(future);
        poll_fn(|context| {
            if Pin::new(&mut wait).poll(context).is_ready() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

impl Default for ShutdownEvent {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ShutdownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownEvent").field("reason", &self.reason()).finish_non_exhaustive()
    }
}
