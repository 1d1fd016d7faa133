//! What makes the bodies of a service: kept from attempt to attempt, and dropped under a guard of its
//! own.

use std::panic::resume_unwind;
use std::thread;

use crate::wake::{Payload, drop_caught};

/// A factory, until the service has ended.
///
/// What it captures a body has, too. Where the destructors of both panic, the second one must not leave
/// this: it would end the process.
pub(super) struct Maker<F>(Option<F>);

impl<F: Clone> Maker<F> {
    pub(super) fn new(factory: F) -> Self {
        Self(Some(factory))
    }

    /// Returns a clone, for one attempt; `None` if the service has ended.
    pub(super) fn copy(&self) -> Option<F> {
        self.0.clone()
    }
}

impl<F> Maker<F> {
    /// Drops it, where no attempt is to come any more.
    pub(super) fn end(&mut self) -> Result<(), Payload> {
        drop_caught(self.0.take())
    }
}

/// A panic is raised again for who drops the supervision, unless that has heard of the body's.
impl<F> Drop for Maker<F> {
    fn drop(&mut self) {
        match self.end() {
            Err(payload) if !thread::panicking() => resume_unwind(payload.into_inner()),
            _ => {}
        }
    }
}
