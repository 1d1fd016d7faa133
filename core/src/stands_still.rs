//! `StandsStill`: owners whose loop does nothing while nobody drives it, and the single step of one.

use crate::event::ShutdownEvent;
use crate::event_loop::{EventLoop, LoopOwner, RunError};
use crate::yield_now::yield_now;

/// Owns a loop that stands still while nobody drives it: no task of it gets a turn.
///
/// That is what a [`Foreground`](crate::Foreground) needs. Threads for blocking closures do not
/// count, nor do threads that help only while the loop is driven. An executor that its owner shares
/// stands still as long as nobody else drives it.
#[diagnostic::on_unimplemented(
    message = "the loop of `{Self}` does not stand still while nobody drives it",
    label = "this needs the owner of a loop that stands still",
    note = "these do: `TokioLocalLoop::new()`, which is a current-thread runtime of tokio, \
            `SmolLoop`, `SmolLocalLoop`, `AsyncExecutorLoop`, `AsyncExecutorLocalLoop`, `SimLoop`",
    note = "async-std's executor and a multi-thread tokio runtime have threads of their own, on \
            which tasks go on; in place of `TokioLoop::current_thread()`, whose type may be either, \
            use `TokioLocalLoop::new()`"
)]
pub trait StandsStill: LoopOwner {
    /// Drives the loop for one round, which never waits.
    ///
    /// Whatever is ready now gets a turn. Then timers that are due by now make their tasks ready,
    /// and those get a turn, too. A task that is ready again at once may get several.
    ///
    /// The provided method is right for runtimes that run what is ready in the order in which it
    /// became so, and look at their timers before they poll the root again. The simulator's is
    /// exact. Of a runtime the following is not guaranteed: that it looks at no timer before the
    /// last of many has had its turn (tokio runs 61 in a row); that a timer which is due at this
    /// very moment counts, where a thread of its own keeps the timers (async-io, and so smol); that
    /// local tasks get a turn which are ready by the hundred.
    ///
    /// # Errors
    /// [`RunError`] if this thread is running a loop, or the loop cannot be made.
    fn step(&mut self) -> Result<(), RunError> {
        // The root is polled first, and is ready: nobody else gets a turn.
        let handle = self.run_alone(async |handle| handle.clone())?;
        // tokio queues what was spawned between two runs apart from what is spawned or woken in one
        // (`Core::next_task` in its `scheduler/current_thread/mod.rs`): a marker is behind each.
        let spawned_before = Marker::behind(&handle);
        self.run_alone(async |handle: &Self::Handle| {
            spawned_before.passed().await;
            // A root that wakes itself is polled again when the driver has had its turn, which does
            // not wait then: `CoreGuard::block_on` of tokio parks before it polls the root again,
            // `block_on` of async-io (smol's, too) reacts with a timeout of zero.
            yield_now().await;
            Marker::behind(handle).passed().await;
        })
    }

    /// Drives as [`run`](LoopOwner::run) does, but with no other thread helping; for steps.
    ///
    /// With helpers a step could end before the tasks that one of them has taken had their turns.
    /// The provided method is right for owners without any.
    ///
    /// # Errors
    /// As those of `run`.
    fn run_alone<T, F: AsyncFnOnce(&Self::Handle) -> T>(&mut self, f: F) -> Result<T, RunError> {
        self.run(f)
    }
}

/// So that one owner can be used again: `Foreground::on(&mut owner)`.
impl<O: StandsStill> StandsStill for &mut O {
    fn step(&mut self) -> Result<(), RunError> {
        O::step(self)
    }

    fn run_alone<T, F: AsyncFnOnce(&Self::Handle) -> T>(&mut self, f: F) -> Result<T, RunError> {
        O::run_alone(self, f)
    }
}

/// Stands in the queue behind all that is ready: when it has had its turn, so has all of that.
struct Marker(ShutdownEvent);

impl Marker {
    fn behind(handle: &impl EventLoop) -> Self {
        let passed = ShutdownEvent::new();
        let guard = passed.drop_guard();
        // A loop that takes nothing has dropped the guard, and nobody waits.
        let _ = handle.spawn(async move { drop(guard) });
        Self(passed)
    }

    async fn passed(&self) {
        self.0.wait().await;
    }
}
