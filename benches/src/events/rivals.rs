//! What ours is compared with: the least that can be done, and what others built.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use async_shutdown::ShutdownManager;
use event_listener::{Event, EventListener};
use lifespan::ShutdownEvent;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// An event that many tasks wait for, and that is set once.
pub(super) trait Rival: Clone {
    const NAME: &'static str;

    fn new() -> Self;
    fn is_set(&self) -> bool;
    fn set(&self);
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static;
}

impl Rival for ShutdownEvent {
    const NAME: &'static str = super::row::OURS;

    fn new() -> Self {
        Self::new()
    }
    fn is_set(&self) -> bool {
        self.is_set()
    }
    fn set(&self) {
        let _ = self.trigger().set("set");
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        self.wait_owned()
    }
}

impl Rival for CancellationToken {
    const NAME: &'static str = "CancellationToken";

    fn new() -> Self {
        Self::new()
    }
    fn is_set(&self) -> bool {
        self.is_cancelled()
    }
    fn set(&self) {
        self.cancel();
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        self.clone().cancelled_owned()
    }
}

/// The least: a flag, and wakers that are pushed, taken whole and woken. It forgets nobody who leaves.
#[derive(Clone, Default)]
pub(super) struct Drained(Arc<Inner>);

#[derive(Default)]
struct Inner {
    set: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Rival for Drained {
    const NAME: &'static str = "Mutex<Vec<Waker>>, drained";

    fn new() -> Self {
        Self::default()
    }
    fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Acquire)
    }
    fn set(&self) {
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.set.store(true, Ordering::Release);
        let taken = std::mem::take(&mut *wakers);
        drop(wakers);
        taken.into_iter().for_each(Waker::wake);
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        DrainedWait { event: self.clone(), registered: Registered::No }
    }
}

struct DrainedWait {
    event: Drained,
    registered: Registered,
}

#[derive(PartialEq, Eq)]
enum Registered {
    Yes,
    No,
}

impl Future for DrainedWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.event.is_set() {
            return Poll::Ready(());
        }
        if self.registered == Registered::No {
            self.registered = Registered::Yes;
            let mut wakers = self.event.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            if self.event.is_set() {
                return Poll::Ready(());
            }
            wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// tokio's `Notify` is an edge: a flag makes it a level.
#[derive(Clone, Default)]
pub(super) struct Notified(Arc<AtomicBool>, Arc<Notify>);

impl Rival for Notified {
    const NAME: &'static str = "Notify";

    fn new() -> Self {
        Self::default()
    }
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
    fn set(&self) {
        self.0.store(true, Ordering::Release);
        self.1.notify_waiters();
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        let Self(set, notify) = self.clone();
        async move {
            // It hears what is notified from here on.
            let notified = notify.notified_owned();
            if !set.load(Ordering::Acquire) {
                notified.await;
            }
        }
    }
}

/// event-listener's `Event` is an edge too.
#[derive(Clone)]
pub(super) struct Listened(Arc<(AtomicBool, Event)>);

impl Rival for Listened {
    const NAME: &'static str = "event-listener";

    fn new() -> Self {
        Self(Arc::new((AtomicBool::new(false), Event::new())))
    }
    fn is_set(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }
    fn set(&self) {
        self.0.0.store(true, Ordering::Release);
        self.0.1.notify(usize::MAX);
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        let event = self.clone();
        async move {
            let listener: EventListener = event.0.1.listen();
            if !event.is_set() {
                listener.await;
            }
        }
    }
}

impl Rival for ShutdownManager<()> {
    const NAME: &'static str = "async-shutdown";

    fn new() -> Self {
        Self::new()
    }
    fn is_set(&self) -> bool {
        self.is_shutdown_triggered()
    }
    fn set(&self) {
        let _ = self.trigger_shutdown(());
    }
    fn wait_owned(&self) -> impl Future<Output = ()> + Send + 'static {
        self.wait_shutdown_triggered()
    }
}
