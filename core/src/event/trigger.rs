//! Who may set an event: a remote control, and a guard that sets on drop.

use std::fmt;
use std::panic::resume_unwind;

use super::handle::Handle;
use super::reason::{AlreadySet, Reason};
use crate::wake::call_caught;

/// Sets a [`ShutdownEvent`](crate::ShutdownEvent); cannot wait for it.
///
/// Dropping it does nothing: for a stop on drop there is [`DropGuard`].
#[derive(Clone)]
pub struct ShutdownTrigger(Handle);

impl ShutdownTrigger {
    pub(super) fn new(node: Handle) -> Self {
        Self(node)
    }

    /// Sets the event and everything below it, and wakes every waiter.
    ///
    /// The first reason stays. A panicking waker loses nobody else's wake-up.
    ///
    /// # Panics
    /// If a waker panics: the first panic is raised again when all are woken. The event is set all the
    /// same.
    ///
    /// # Errors
    /// [`AlreadySet`] with the reason that stays and the one given here.
    pub fn set(&self, reason: impl Into<Reason>) -> Result<(), AlreadySet> {
        self.0.set(reason.into())
    }

    /// Tells whether the event is set: one atomic load.
    #[must_use]
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.is_set()
    }
}

impl fmt::Debug for ShutdownTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownTrigger").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

/// Sets a [`ShutdownEvent`](crate::ShutdownEvent) when it is dropped.
///
/// Not `Clone`, so that exactly one owner decides.
#[derive(Debug)]
#[must_use = "the event is set when the guard is dropped"]
pub struct DropGuard {
    trigger: ShutdownTrigger,
    armed: bool,
}

impl DropGuard {
    pub(super) fn new(trigger: ShutdownTrigger) -> Self {
        Self { trigger, armed: true }
    }

    /// Gives the trigger back and leaves the event alone.
    #[must_use]
    pub fn disarm(mut self) -> ShutdownTrigger {
        self.armed = false;
        self.trigger.clone()
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let set = call_caught(|| self.trigger.set(Reason::GuardDropped));
        match set {
            // Raised while another panic unwinds, it would abort the process.
            Err(payload) if !std::thread::panicking() => resume_unwind(payload.into_inner()),
            // Already set: what the guard is for has happened.
            _ => (),
        }
    }
}
