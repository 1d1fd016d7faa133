//! How long each part of a lifespan may take, and what becomes of a stop that takes longer.

use std::time::Duration;

use super::{HardEnd, Lifespan, Report, StillStopping};
use crate::event_loop::EventLoop;

#[derive(Clone, Copy, Debug)]
pub(super) struct Budgets {
    pub(super) start: Duration,
    pub(super) grace: Duration,
    pub(super) shutdown: Duration,
    pub(super) deadline: Duration,
    pub(super) drain: Duration,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            shutdown: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            drain: Duration::ZERO,
        }
    }
}

impl<O, L: EventLoop> Lifespan<O, L> {
    /// Sets how long each start-up handler may take. Default: 60 seconds.
    pub fn start_timeout(mut self, budget: Duration) -> Self {
        self.plan.budgets.start = budget;
        self
    }

    /// Sets how long tasks may take from a stop to their end, before they are cancelled.
    ///
    /// For the tasks of each component anew; a task may have its own. Default: 10 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.plan.budgets.grace = grace;
        self
    }

    /// Sets how long each shutdown handler may take. Default: 10 seconds.
    pub fn stop_timeout(mut self, budget: Duration) -> Self {
        self.plan.budgets.shutdown = budget;
        self
    }

    /// Sets how long all goes on as before when a stop was asked for, but not ready any more.
    ///
    /// For a server behind a balancer, which goes on sending until it has seen that the program is
    /// not ready: [`Health::ready`](crate::Health::ready) is false from the first moment, the phase
    /// is [`Draining`](crate::Phase::Draining), [`Cx::lifespan_event`](crate::Cx::lifespan_event) is
    /// set, and no task, handler or foreground is told to stop. It ends early when there is nothing
    /// left that could serve: the foreground has ended, or if there is none, every task; and at a
    /// second demand, such as a second signal. A stop that comes before everything has started does
    /// not drain.
    ///
    /// The [`deadline`](Self::deadline) counts from its end. So whoever ends the program from outside
    /// must wait for longer than both: with Kubernetes, the time of a `preStop` hook, the drain and
    /// the deadline together are to be less than `terminationGracePeriodSeconds`. Default: zero.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.plan.budgets.drain = drain;
        self
    }

    /// Sets how long the whole stop may take; it caps every other budget. Default: 30 seconds.
    ///
    /// It counts from the request, or from the end of the [`drain`](Self::drain). When it is over,
    /// what is left is dropped, protected or not, and what cannot be dropped is reported as a
    /// straggler. If the loop has not let go half a second later, because a task or handler blocks
    /// it, a thread of its own sees to the [`hard_end`](Self::hard_end).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.plan.budgets.deadline = deadline;
        self
    }

    /// Sets what becomes of the process when the loop has not let go by the overall deadline.
    ///
    /// Who blocks the loop, a task in `loop {}`, a lock that is never free, a destructor that waits,
    /// holds up everything that the loop could do. So the [`deadline`](Self::deadline) is also kept
    /// by a plain thread, in the start, while it serves, and in the stop, whoever asked for that: half
    /// a second after it the thread writes the report as far as it is known to standard error, or
    /// gives it to [`on_hard_end`](Self::on_hard_end), and then does this. It also ends a start in
    /// which a handler blocks the loop beyond its [`start_timeout`](Self::start_timeout), by a
    /// request to stop. Default: [`HardEnd::Return`].
    ///
    /// The thread costs its stack's address space, and sleeps until a stop is asked for; it is let go
    /// at the end of the run. On a loop with virtual time there is none.
    pub fn hard_end(mut self, hard_end: HardEnd) -> Self {
        self.plan.watch.hard_end = hard_end;
        self
    }

    /// Sets who is given the report at the [`hard_end`](Self::hard_end), in place of standard error.
    ///
    /// It is called on a thread of its own, and given a second before the hard end goes on.
    pub fn on_hard_end(mut self, call: impl FnOnce(&Report) + Send + 'static) -> Self {
        self.plan.watch.callbacks.on_hard_end = Some(Box::new(call));
        self
    }

    /// Sets who is told, while it stops, whom the stop waits for.
    ///
    /// Called at once when the stop begins, after the drain, and then after 1, 3, 7, .. seconds, at
    /// last once a minute: on a thread of its own, so also while the loop is blocked. Default: a text
    /// to standard error, from the first second on; a stop that takes less says nothing. To have
    /// none, give a closure that does nothing. On a loop with virtual time nothing is said.
    pub fn on_waiting(mut self, call: impl FnMut(&StillStopping) + Send + 'static) -> Self {
        self.plan.watch.callbacks.on_waiting = Some(Box::new(call));
        self
    }
}
