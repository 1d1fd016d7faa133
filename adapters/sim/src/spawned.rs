//! The future that async-task runs: the spawned one, and its place in the loop's list.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use async_task::{Builder, Runnable, Task};
use lifespan_core::Closed;
use pin_project_lite::pin_project;

use crate::queue::Ready;
use crate::roll;
use crate::shared::Shared;
use crate::trace::What;

pin_project! {
    /// The fields drop in their order: a task leaves the list when its future is gone, so that an
    /// empty list means that nothing is left to drop.
    pub(crate) struct Spawned<F> {
        #[pin]
        future: Option<F>,
        member: Member,
    }

    /// async-task aborts the process when a destructor panics; here the panic ends, printed.
    impl<F> PinnedDrop for Spawned<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut future = this.project().future;
            let _ = catch_unwind(AssertUnwindSafe(|| future.set(None)));
        }
    }
}

impl<F: Future<Output = ()>> Future for Spawned<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        // Gone only in the destructor.
        let Some(future) = this.future.as_pin_mut() else { return Poll::Ready(()) };
        if roll::is_called() {
            return roll::answer(this.member.number, future, context);
        }
        future.poll(context)
    }
}

/// Keeps a task in the list of its loop.
struct Member {
    shared: Weak<Shared>,
    number: u64,
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        let waker = state.tasks.remove(&self.number);
        state.recorder.note(What::Ended(self.number));
        drop(state);
        drop(waker); // after the unlock
        shared.ring();
    }
}

/// Puts a future on the loop; `make` is async-task's `spawn` or `spawn_local`.
pub(crate) fn spawn<F, M>(shared: &Weak<Shared>, future: F, make: M) -> Result<(), Closed>
where
    M: FnOnce(Builder<u64>, Spawned<F>, Schedule) -> (Runnable<u64>, Task<(), u64>),
{
    let upgraded = shared.upgrade().ok_or_else(|| Closed::new(()))?;
    let number = enlist(&upgraded).ok_or_else(|| Closed::new(()))?;
    let member = Member { shared: Weak::clone(shared), number };
    let schedule = Schedule { shared: Weak::clone(shared) };
    let spawned = Spawned { future: Some(future), member };
    let (runnable, task) = make(Builder::new().metadata(number), spawned, schedule);
    upgraded.lock().tasks.insert(number, Some(runnable.waker()));
    // Dropping an async-task handle cancels; ours detaches, on every runtime.
    task.detach();
    runnable.schedule();
    Ok(())
}

fn enlist(shared: &Arc<Shared>) -> Option<u64> {
    let mut state = shared.lock();
    let number = state.next_number()?;
    state.tasks.insert(number, None);
    Some(number)
}

/// What a woken task does.
pub(crate) struct Schedule {
    shared: Weak<Shared>,
}

impl Schedule {
    pub(crate) fn run(&self, runnable: Runnable<u64>) {
        // An owner that drops waits for every task, so there is a loop as long as there is a task.
        if let Some(shared) = self.shared.upgrade() {
            shared.push(Ready::Task(runnable));
        }
    }
}
