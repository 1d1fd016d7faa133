//! Wakes many wakers so that a panicking one loses nobody else's wake-up.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// A panic that was caught. Dropping it never panics, whatever the payload's destructor does, so
/// that a panic which nobody asks for can be ignored anywhere.
pub(crate) struct Payload(Box<dyn Any + Send>);

impl Payload {
    /// Of a panic that was caught elsewhere: by a thread that was joined.
    pub(crate) fn caught(payload: Box<dyn Any + Send>) -> Self {
        Self(payload)
    }

    pub(crate) fn into_inner(mut self) -> Box<dyn Any + Send> {
        self.take()
    }

    pub(crate) fn as_any(&self) -> &(dyn Any + Send) {
        self.0.as_ref()
    }

    fn take(&mut self) -> Box<dyn Any + Send> {
        std::mem::replace(&mut self.0, Box::new(()))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        let payload = self.take();
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // A second panic may do the same again, without end: it is left alone.
            Box::leak(again);
        }
    }
}

/// Wakes all, each guarded, and returns the first panic. Never called with a lock held.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) -> Result<(), Payload> {
    let (mut first, mut wakers) = (Ok(()), wakers.into_iter());
    // One guard for as many as do not panic: the one that did has been taken, and the rest follow.
    while let Err(payload) = call_caught(|| wakers.by_ref().for_each(Waker::wake)) {
        first = first.and(Err(payload));
    }
    first
}

/// As [`wake_all`]; re-raises the first panic after the last wake-up.
pub(crate) fn wake_all_or_raise(wakers: impl IntoIterator<Item = Waker>) {
    if let Err(payload) = wake_all(wakers) {
        resume_unwind(payload.into_inner());
    }
}

/// Calls what may run foreign code, for a caller that must go on whatever happens.
#[inline]
pub(crate) fn call_caught<T>(call: impl FnOnce() -> T) -> Result<T, Payload> {
    catch_unwind(AssertUnwindSafe(call)).map_err(Payload)
}

/// Drops a value that may run foreign code; a panic in its destructor comes back as a value.
#[inline]
pub(crate) fn drop_caught<T>(value: T) -> Result<(), Payload> {
    call_caught(|| drop(value))
}

/// Drops values that may run foreign code, each under a guard of its own: two destructors that panic
/// under one would end the process.
pub(crate) fn drop_each_caught<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        let _ = drop_caught(value);
    }
}
