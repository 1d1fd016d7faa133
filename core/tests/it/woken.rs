//! Wakers that a test can look into, and polling by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use lifespan_core::{ShutdownEvent, WaitOwned};

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(count))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// How many wakers there are, the test's own aside.
    pub(crate) fn stored(self: &Arc<Self>) -> usize {
        Arc::strong_count(self) - 2
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Call<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Runs a closure when it is woken.
pub(crate) fn call(on_wake: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Call(on_wake)))
}

/// A waker that panics, as those do which belong to another thread.
pub(crate) fn panicking() -> Waker {
    call(|| panic!("a waker that panics"))
}

struct OnDrop<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs a closure when the last clone of the waker is dropped.
pub(crate) fn on_drop(on_drop: impl Fn() + Send + Sync + 'static) -> Waker {
    let guard = OnDrop(on_drop);
    call(move || {
        let _ = &guard;
    })
}

/// A panic whose payload panics when it is dropped.
pub(crate) fn panic_twice() {
    std::panic::panic_any(PanicOnDrop);
}

/// A value, or an error, whose destructor panics.
#[derive(Clone, Debug)]
pub(crate) struct PanicOnDrop;

impl std::fmt::Display for PanicOnDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error with a destructor that panics")
    }
}

impl std::error::Error for PanicOnDrop {}

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("a destructor that panics");
    }
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A wait for an event, which wakes this waker.
pub(crate) fn register(event: &ShutdownEvent, waker: &Waker) -> WaitOwned {
    let mut wait = event.wait_owned();
    assert!(poll(&mut wait, waker).is_pending());
    wait
}

pub(crate) fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    poll(future, Waker::noop()).is_pending()
}
