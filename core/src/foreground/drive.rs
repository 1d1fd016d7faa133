//! How a foreground drives its loop: until a future ends, for some time, for a round, to the end.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::Foreground;
use crate::event_loop::{EventLoop, LocalLoop, LoopOwner, RunError, Timer};
use crate::lifespan::{Report, Watch};
use crate::other_loop;
use crate::scope::{Cx, Task};
use crate::stands_still::StandsStill;
use crate::task::Output;

impl<O: LoopOwner> Foreground<O> {
    /// Drives the loop until this future ends: a [`Task`](crate::Task), or several joined or raced.
    ///
    /// Tasks go on meanwhile, and stand still afterwards. A failure of one stays in its task: it
    /// does not end this. To keep a task for later, give `&mut task`. A panic of the future goes
    /// through to the caller.
    ///
    /// # Errors
    /// [`RunError::InsideLoop`] if this thread is running a loop, in which waiting is
    /// `task.await`. [`RunError::OtherLoop`] as soon as the future waits for a task of another
    /// foreground of this thread, which nobody can drive meanwhile. (That a background task waits
    /// for one is not noticed.) [`RunError::Stalled`] on a simulator that can go no further.
    pub fn run_until<F: Future>(&mut self, future: F) -> Result<F::Output, RunError> {
        let watched = async |handle: &O::Handle| other_loop::watch(handle.id(), future).await;
        Ok(self.owner.run(watched)??)
    }

    /// Drives the loop until this body ends, which has a [`Cx`], and so timers; it need not be `Send`.
    ///
    /// `foreground.run(async |cx| cx.timeout(limit, &mut task).await)` waits with a limit.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn run<T, F>(&mut self, body: F) -> Result<T, RunError>
    where
        F: for<'t> AsyncFnOnce(Cx<'t, O::Handle>) -> T,
    {
        let cx = self.cx.clone();
        self.run_until(async move { body(cx).await })
    }

    /// Drives the loop for some time of its own; `MAX` is for ever.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn run_for(&mut self, duration: Duration) -> Result<(), RunError>
    where
        O::Handle: Timer,
    {
        self.run(async |cx| cx.sleep(duration).await)
    }

    /// Drives the loop for one round, which never waits.
    ///
    /// Whatever is ready gets a turn, then whose timers are due: see [`StandsStill::step`].
    ///
    /// # Errors
    /// [`RunError::InsideLoop`] if this thread is running a loop.
    pub fn step(&mut self) -> Result<(), RunError>
    where
        O: StandsStill,
    {
        self.owner.step()
    }

    /// Starts a task whose future need not be `Send`; see [`schedule`](Self::schedule).
    ///
    /// Where local tasks can be started only while the loop is driven, it is driven for that long,
    /// in which no other task gets a turn.
    ///
    /// # Errors
    /// [`RunError::InsideLoop`] if it would have to be driven for that, and this thread is running a
    /// loop; the body has been dropped then.
    #[track_caller]
    pub fn schedule_local<R, F>(&mut self, body: F) -> Result<Task<R::Value>, RunError>
    where
        O::Handle: LocalLoop,
        R: Output<Value: 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, O::Handle>) -> R + 'static,
    {
        let (cx, scheduled_at) = (self.cx.clone(), Location::caller());
        if self.standing.handle().is_on_its_thread() {
            return Ok(cx.spawn_local_from(body, scheduled_at));
        }
        // The root is polled first, and is ready.
        let spawn = async |_handle: &O::Handle| (cx.spawn_local_from(body, scheduled_at),);
        self.owner.run(spawn).map(|(task,)| task)
    }

    /// Stops all tasks and waits for them, as the stop of a [`Lifespan`](crate::Lifespan) does.
    ///
    /// The event of each is set; what has not ended after its [`grace`](Self::grace) is cancelled;
    /// the [`deadline`](Self::deadline) bounds it all. Then the loop is dropped.
    ///
    /// The report holds what failed with nobody awaiting it; inside a running loop, where nothing
    /// can be driven, it holds [`RunError::InsideLoop`], and the tasks are dropped.
    pub fn stop(self) -> Report
    where
        O::Handle: Timer,
    {
        let Self { here, cx, standing, mut owner } = self;
        let (report, watch) = standing.stop_on(&mut owner);
        drop((here, cx, owner));
        Watch::end(watch, report)
    }
}
