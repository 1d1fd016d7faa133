//! Notices when a foreground waits for a task that cannot go on meanwhile: one of another foreground
//! of this thread.
//!
//! A foreground stays on its thread, so while one is driven there, nobody can drive another. A loop
//! that other threads drive is none of these, and may be waited for.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::Poll;

use crate::event_loop::LoopId;

thread_local! {
    /// The foregrounds of this thread: the address of each one's registry, and its loop.
    static HERE: RefCell<Vec<(usize, LoopId)>> = const { RefCell::new(Vec::new()) };
    /// The loop whose foreground is being polled.
    static POLLED: Cell<Option<LoopId>> = const { Cell::new(None) };
    /// What that was found to wait for.
    static FOUND: RefCell<Option<OtherLoop>> = const { RefCell::new(None) };
}

/// The foreground waits for a task that cannot go on meanwhile, as it belongs to another foreground.
///
/// Nobody drives that one while this one is driven: both are of this thread. Drive the other one
/// until the task ends, or have both tasks on one loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLoop {
    task: String,
}

impl OtherLoop {
    /// Returns the path of the task.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }
}

impl fmt::Display for OtherLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "task {} belongs to another foreground of this thread, which nobody drives meanwhile: \
             wait for it with that one's `run_until`",
            self.task
        )
    }
}

impl Error for OtherLoop {}

/// Lists a foreground as one of this thread, which it cannot leave, until this is dropped.
#[derive(Debug)]
pub(crate) struct Here {
    registry: usize,
    stays: PhantomData<*const ()>,
}

impl Here {
    pub(crate) fn list(registry: usize, id: LoopId) -> Self {
        HERE.with_borrow_mut(|here| here.push((registry, id)));
        Self { registry, stays: PhantomData }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // No access while the thread's own values are being dropped: nothing is driven then.
        let _ = HERE.try_with(|here| {
            here.borrow_mut().retain(|(registry, _)| *registry != self.registry);
        });
    }
}

/// Polls the future of a foreground on this loop, until it ends or waits in vain.
pub(crate) async fn watch<F: Future>(id: LoopId, future: F) -> Result<F::Output, OtherLoop> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polling = Polling::begin(id);
        let polled = future.as_mut().poll(context);
        match (polled, polling.end()) {
            (Poll::Ready(output), _) => Poll::Ready(Ok(output)),
            (Poll::Pending, Some(other)) => Poll::Ready(Err(other)),
            (Poll::Pending, None) => Poll::Pending,
        }
    })
    .await
}

/// Says that a task of this registry is being waited for; on which thread a closure ends, is no
/// matter of any loop.
pub(crate) fn waits_for(registry: impl FnOnce() -> usize, path: impl FnOnce() -> String) {
    let Some(polled) = POLLED.get() else { return };
    let registry = registry();
    let is_of_another =
        HERE.with_borrow(|here| here.iter().any(|&(other, id)| other == registry && id != polled));
    if is_of_another {
        FOUND.set(Some(OtherLoop { task: path() }));
    }
}

/// While this lives, the foreground is being polled.
struct Polling {
    outer: Option<LoopId>,
}

impl Polling {
    fn begin(id: LoopId) -> Self {
        Self { outer: POLLED.replace(Some(id)) }
    }

    fn end(self) -> Option<OtherLoop> {
        FOUND.take()
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        POLLED.set(self.outer);
        FOUND.take();
    }
}
