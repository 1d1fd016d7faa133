//! Calls the roll of a loop that stalls: every task is polled once more, to say what it waits for.
//!
//! async-task polls with its own waker, and a future that meets the waker it knows need not say
//! anything. So the spawned future looks here whether the roll is called, and polls what it wraps
//! with another one. Afterwards every task is ready: its wakers were replaced.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use lifespan_core::{Stalled, Waiting};

use crate::queue::Ready;
use crate::shared::Shared;

thread_local! {
    static ROLL: RefCell<Option<Roll>> = const { RefCell::new(None) };
}

struct Roll {
    waker: Waker,
    answers: Vec<Waiting>,
}

/// Wakes nobody. Not `Waker::noop`, which a future may know from elsewhere.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Tells whether the roll is called on this thread.
pub(crate) fn is_called() -> bool {
    ROLL.with_borrow(Option::is_some)
}

/// Polls the root and every task, in the order of their numbers.
pub(crate) fn call<F: Future>(shared: &Shared, root: Pin<&mut F>) -> Stalled {
    let waker = Waker::from(Arc::new(Nobody));
    shared.lock().recorder.is_muted = true;
    let asked = ask(|| root.poll(&mut Context::from_waker(&waker)).map(drop));
    ROLL.set(Some(Roll { waker, answers: vec![asked.0] }));
    poll_tasks(shared);
    let answers = ROLL.take().map_or_else(Vec::new, |roll| roll.answers);
    let closures = {
        let mut state = shared.lock();
        state.recorder.is_muted = false;
        state.closures.clone()
    };
    let closures = closures.into_iter().map(closure);
    Stalled::new(answers.into_iter().chain(closures).collect())
}

fn poll_tasks(shared: &Shared) {
    let wakers = shared.lock().tasks.values().flatten().cloned().collect::<Vec<_>>();
    wakers.into_iter().for_each(Waker::wake);
    for ready in shared.take_queued(|_| false) {
        match ready {
            Ready::Task(task) => drop(task.run()),
            // From another thread, just now: for the next run.
            other => shared.push(other),
        }
    }
}

/// Polls one spawned future, whose usual waker is that of `context`.
pub(crate) fn answer(
    number: u64,
    future: Pin<&mut impl Future<Output = ()>>,
    context: &Context<'_>,
) -> Poll<()> {
    context.waker().wake_by_ref(); // to be polled with that one in the next run
    let waker = ROLL.with_borrow(|roll| roll.as_ref().map(|roll| roll.waker.clone()));
    let waker = waker.unwrap_or_else(|| context.waker().clone());
    let (mut waiting, polled) = ask(|| future.poll(&mut Context::from_waker(&waker)));
    // Spawned past the registry, on the loop handle itself.
    waiting.task.get_or_insert_with(|| format!("(untracked {number})"));
    ROLL.with_borrow_mut(|roll| {
        if let Some(roll) = roll {
            roll.answers.push(waiting);
        }
    });
    polled
}

/// Asks one. A future that panics has ended, as one that is ready has.
fn ask(poll: impl FnOnce() -> Poll<()>) -> (Waiting, Poll<()>) {
    let mut polled = Poll::Pending;
    let mut waiting = Waiting::of(|| {
        polled = catch_unwind(AssertUnwindSafe(poll)).unwrap_or(Poll::Ready(()));
    });
    if polled.is_ready() {
        waiting.on = vec![String::from("nothing: it ended when asked, so a wake-up was lost")];
    }
    (waiting, polled)
}

/// What is known of a closure on a thread, which cannot be asked.
fn closure(number: u64) -> Waiting {
    let mut waiting = Waiting::of(|| Waiting::answer(|| String::from("its thread to end")));
    waiting.task = Some(format!("(blocking {number})"));
    waiting
}
