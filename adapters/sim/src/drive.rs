//! The loop itself: one turn after the other, and what happens when nothing is ready.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lifespan_core::RunError;

use crate::crowd::Crowd;
use crate::queue::Ready;
use crate::roll;
use crate::root::{ROOT, Root};
use crate::shared::{Shared, State};
use crate::trace::What;

/// How many times `patience` the loop stands still when only another thread can bring it on.
const AT_THE_END: u32 = 200;

/// What the owner was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) patience: Duration,
    pub(crate) waits_for_threads: bool,
}

/// The loop is driven while this lives.
pub(crate) struct Drive<'a> {
    shared: &'a Arc<Shared>,
    options: Options,
    crowd: Crowd,
}

impl<'a> Drive<'a> {
    /// Begins to drive, when the closures that began before have had their time.
    pub(crate) fn begin(shared: &'a Arc<Shared>, options: Options) -> Self {
        shared.lock().is_driven = true;
        shared.stand_still(options.patience, |state| !state.begun_between.is_empty());
        shared.lock().begun_between.clear();
        Self { shared, options, crowd: Crowd::new() }
    }

    pub(crate) fn run<F: Future>(
        &mut self,
        root: &Root<'_>,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, RunError> {
        let mut context = Context::from_waker(&root.waker);
        loop {
            match self.next() {
                Some(Ready::Root) => {
                    if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                        self.shared.lock().recorder.note(What::Ended(ROOT));
                        return Ok(value);
                    }
                }
                Some(ready) => self.take_turn(ready)?,
                None if self.pass_time() => {}
                None => return Err(RunError::Stalled(roll::call(self.shared, future))),
            }
        }
    }

    /// Gives a turn to whoever is ready now, then to whose timers are due by now.
    pub(crate) fn step(&self) -> Result<(), RunError> {
        self.round()?;
        self.shared.move_time(self.shared.clock.nanos()); // by nothing: fires what is due
        self.round()
    }

    /// Gives one turn to each that is ready now.
    fn round(&self) -> Result<(), RunError> {
        let _round = Round::begin(self.shared);
        while let Some(ready) = self.pop() {
            self.take_turn(ready)?;
        }
        Ok(())
    }

    /// Has a task polled, or a closure begun. There is no root where this meets one.
    fn take_turn(&self, ready: Ready) -> Result<(), RunError> {
        match ready {
            Ready::Root => {}
            Ready::Task(task) => drop(task.run()),
            Ready::Work(work) => {
                let begun = work.begin(self.shared, self.options.patience);
                begun.map_err(|error| RunError::Runtime(error.into()))?;
            }
        }
        Ok(())
    }

    /// Takes who has the next turn; the time moves though something is ready, if too much is.
    fn next(&mut self) -> Option<Ready> {
        let ready = self.pop()?;
        if let Some(step) = self.crowd.count() {
            self.move_by(step);
        }
        Some(ready)
    }

    fn pop(&self) -> Option<Ready> {
        let mut state = self.shared.lock();
        let ready = state.queue.pop()?;
        if matches!(ready, Ready::Root) {
            state.root_is_ready = false; // from now on it can be woken again
        }
        if !matches!(ready, Ready::Work(_)) {
            state.recorder.note(What::Polled(ready.number()));
        }
        drop(state);
        Some(ready)
    }

    /// Moves the time though something is ready; never past a timer.
    fn move_by(&self, step: Duration) {
        let now = self.shared.clock.nanos();
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        let next = self.shared.lock().timers.next_after(now).unwrap_or(u64::MAX);
        self.shared.move_time(now.saturating_add(step).min(next));
    }

    /// Nothing is ready. Tells whether something may be now; if not, nothing ever will be.
    fn pass_time(&mut self) -> bool {
        let now = self.shared.clock.nanos();
        let next = self.shared.lock().timers.next();
        self.be_patient(next, now);
        let state = self.shared.lock();
        let is_as_before = state.queue.is_empty() && state.timers.next() == next;
        drop(state);
        let Some(due) = next.filter(|_| is_as_before) else { return !is_as_before };
        if due > now {
            self.crowd = Crowd::new();
        }
        self.shared.move_time(due.max(now));
        true
    }

    /// Lets other threads have their say: in real time, and no longer than the time would move.
    fn be_patient(&self, next: Option<u64>, now: u64) {
        let Options { patience, waits_for_threads } = self.options;
        let limit = match next {
            Some(due) => patience.min(Duration::from_nanos(due.saturating_sub(now))),
            None => patience.saturating_mul(AT_THE_END),
        };
        self.shared.stand_still(limit, |state: &mut State| {
            let expects = waits_for_threads || !state.closures.is_empty();
            expects && state.queue.is_empty() && state.timers.next() == next
        });
    }
}

/// Its end is that of `run`, by a panic of a future that was spawned on the handle itself, too. Then
/// there are no turns any more, so closures that wait for theirs begin.
impl Drop for Drive<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_driven = false;
        let waiting = state.queue.take_work();
        drop(state);
        waiting.into_iter().for_each(|work| work.begin_between(self.shared));
    }
}

/// A round goes on while this lives.
struct Round<'a>(&'a Shared);

impl<'a> Round<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.lock().queue.begin_round();
        Self(shared)
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.0.lock().queue.end_round();
    }
}
