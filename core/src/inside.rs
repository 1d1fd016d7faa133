//! Knows whether this thread is running an event loop, so that blocking calls can refuse.

use std::cell::Cell;
use std::fmt;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Marks this thread as running a loop until it is dropped.
///
/// For adapters: [`LoopOwner::run`](crate::LoopOwner::run) and driver threads hold one while they
/// drive. The polls of tracked tasks hold one too, whoever drives them.
#[derive(Debug)]
#[must_use = "the thread is marked only while this lives"]
pub struct Inside {
    // Belongs to one thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Inside {
    /// Marks this thread, which may be marked already.
    #[inline]
    pub fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self { _not_send: std::marker::PhantomData }
    }

    /// Marks this thread if no loop is running on it.
    ///
    /// # Errors
    /// [`InsideLoop`], naming `what` was asked for, if one is.
    pub fn enter_first(what: &'static str) -> Result<Self, InsideLoop> {
        refuse(what)?;
        Ok(Self::enter())
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Fails where a blocking call would stop the loop that this thread is running.
pub(crate) fn refuse(what: &'static str) -> Result<(), InsideLoop> {
    if DEPTH.get() == 0 { Ok(()) } else { Err(InsideLoop::new(what)) }
}

/// A blocking call was made inside a running event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsideLoop {
    what: &'static str,
}

impl InsideLoop {
    /// For adapters that find out in their runtime's own way.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl fmt::Display for InsideLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} blocks its thread, and this thread is running an event loop; \
             call it from a plain thread, or use the async form",
            self.what
        )
    }
}

impl std::error::Error for InsideLoop {}
