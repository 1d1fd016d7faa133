//! Who finishes a run, the loop that lets go or the thread that watches it: exactly one.
//!
//! Under one lock, so that the second sees the first: the thread takes the hard end and looks whether
//! the loop has let go in one locked section, and the loop lets go and looks whether the hard end was
//! taken in one. The condition variable is notified after each change that either waits for, so no
//! wake-up is lost: both look under the lock before they wait.

use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait, wait_until};
use crate::task::Name;

#[derive(Default)]
pub(in crate::lifespan) struct Finish {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stage: Stage,
    times: Times,
    /// Until when the thread sleeps, if it does not for ever.
    sleeps_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// The loop has let go: nothing is to be done any more.
    LetGo,
    /// The thread ends it, and the loop waits for that.
    Hard,
    /// That is done, and the process goes on.
    HardDone,
}

/// What the thread counts from, in real time.
#[derive(Default)]
pub(super) struct Times {
    /// When the stop was asked for.
    pub(super) asked: Option<Instant>,
    /// When the drain ended, or a second demand came; that may be before the stop was asked for.
    pub(super) drained: Option<Instant>,
    /// The start-up handlers that run.
    pub(super) starting: Vec<Starting>,
    counted: u64,
}

pub(super) struct Starting {
    key: u64,
    pub(super) component: Name,
    pub(super) budget: Duration,
    /// `None`: later than the clock can tell.
    pub(super) due: Option<Instant>,
}

/// What there is to do for the thread.
#[derive(Debug)]
pub(super) enum Due {
    /// A start-up handler has passed its budget, and the loop has not seen it.
    StartOverdue(Name, Duration),
    /// All that lives is to be listed.
    Look,
    /// It is time to say who is waited for.
    Line,
    /// The loop is to see to its timers.
    Tend,
    /// The hard end: from now on nobody else finishes the run.
    HardEnd,
    /// Nothing before this time, or before something changes.
    At(Option<Instant>),
}

/// Who has finished a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lifespan) enum FinishedBy {
    Loop,
    HardEnd,
}

impl Finish {
    /// A stop was asked for; the first time counts.
    pub(super) fn asked(&self) {
        self.change(|times| {
            times.asked.get_or_insert_with(Instant::now);
        });
    }

    /// The drain has ended, or is to end at once: the deadline counts from now. The first time
    /// counts.
    pub(in crate::lifespan) fn drained(&self) {
        self.change(|times| {
            times.drained.get_or_insert_with(Instant::now);
        });
    }

    /// A start-up handler runs, while what is returned lives.
    pub(in crate::lifespan) fn starting(
        &self,
        component: Name,
        budget: Duration,
    ) -> StartGuard<'_> {
        let due = Instant::now().checked_add(budget.saturating_add(super::MARGIN));
        let mut state = lock(&self.state);
        state.times.counted += 1;
        let key = state.times.counted;
        state.times.starting.push(Starting { key, component, budget, due });
        // The thread is let sleep unless it would sleep for too long.
        let is_sooner = due.is_some_and(|due| state.sleeps_until.is_none_or(|until| due < until));
        drop(state);
        if is_sooner {
            self.changed.notify_all();
        }
        StartGuard { finish: self, key }
    }

    fn change(&self, change: impl FnOnce(&mut Times)) {
        let mut state = lock(&self.state);
        change(&mut state.times);
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn is_open(&self) -> bool {
        lock(&self.state).stage == Stage::Open
    }

    /// The loop has let go. If the hard end was before that, waits until it is done; if that ends the
    /// process, does not return.
    pub(in crate::lifespan) fn let_go(&self) -> FinishedBy {
        let mut state = lock(&self.state);
        if state.stage == Stage::Open {
            state.stage = Stage::LetGo;
            drop(state);
            self.changed.notify_all();
            return FinishedBy::Loop;
        }
        while state.stage == Stage::Hard {
            state = wait(&self.changed, state);
        }
        if state.stage == Stage::LetGo { FinishedBy::Loop } else { FinishedBy::HardEnd }
    }

    /// For the thread: waits until there is something to do; `None` when the loop has let go.
    pub(super) fn next(&self, due: impl Fn(&Times) -> Due) -> Option<Due> {
        let mut state = lock(&self.state);
        while state.stage == Stage::Open {
            match due(&state.times) {
                Due::At(until) => state = self.sleep(state, until),
                Due::HardEnd => {
                    state.stage = Stage::Hard;
                    return Some(Due::HardEnd);
                }
                due => return Some(due),
            }
        }
        None
    }

    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        state.sleeps_until = until;
        match until {
            Some(until) => wait_until(&self.changed, state, until),
            None => wait(&self.changed, state),
        }
    }

    /// The start of this component was found to be overdue: once is enough.
    pub(super) fn forget_start(&self, component: &Name) {
        self.change(|times| times.starting.retain(|starting| starting.component != *component));
    }

    /// For the thread: the hard end is done, and the process goes on.
    pub(super) fn hard_end_done(&self) {
        lock(&self.state).stage = Stage::HardDone;
        self.changed.notify_all();
    }
}

#[must_use = "the handler is watched while this lives"]
pub(in crate::lifespan) struct StartGuard<'a> {
    finish: &'a Finish,
    key: u64,
}

impl Drop for StartGuard<'_> {
    fn drop(&mut self) {
        // The thread, which may sleep until this would have been due, finds nothing then.
        lock(&self.finish.state).times.starting.retain(|starting| starting.key != self.key);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn letting_go_twice_is_letting_go_once() {
        let finish = Finish::default();
        assert_eq!(finish.let_go(), FinishedBy::Loop);
        assert_eq!(finish.let_go(), FinishedBy::Loop);
    }
}
