//! What happened in a run, step by step, with its virtual time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::root::ROOT;
use crate::time::Clock;

/// What happened on a loop so far; made by [`SimLoop::trace`](crate::SimLoop::trace).
///
/// It prints as one line for each step. The same seed gives the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    steps: Vec<Step>,
}

impl Trace {
    /// Returns the steps, in their order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// One thing that happened, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Virtual time since the loop was made.
    pub at: Duration,
    /// What happened then.
    pub what: What,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}.{:09}s {}", self.at.as_secs(), self.at.subsec_nanos(), self.what)
    }
}

/// What can happen.
///
/// Tasks and closures are numbered from 1, in the order in which they were spawned on this loop;
/// the root is 0. Timers are numbered from 1, in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A task or closure was handed to the loop.
    Spawned(u64),
    /// A task became ready; further wake-ups before its turn change nothing.
    Woken(u64),
    /// A task had its turn.
    Polled(u64),
    /// A task's future was dropped, ended or not.
    Ended(u64),
    /// A timer was due, and woke whoever waited for it.
    TimerFired(u64),
    /// A closure began, on a thread of its own.
    ClosureBegan(u64),
    /// A closure returned.
    ClosureEnded(u64),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawned(number) => write!(f, "{} spawned", Name(*number)),
            Self::Woken(number) => write!(f, "{} woken", Name(*number)),
            Self::Polled(number) => write!(f, "{} polled", Name(*number)),
            Self::Ended(number) => write!(f, "{} ended", Name(*number)),
            Self::TimerFired(number) => write!(f, "timer {number} fired"),
            Self::ClosureBegan(number) => write!(f, "{} began its closure", Name(*number)),
            Self::ClosureEnded(number) => write!(f, "{} ended its closure", Name(*number)),
        }
    }
}

struct Name(u64);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == ROOT { f.write_str("root") } else { write!(f, "task {}", self.0) }
    }
}

/// Writes the trace down, if it is wanted.
pub(crate) struct Recorder {
    clock: Arc<Clock>,
    trace: Option<Trace>,
    /// The roll call polls for another reason than a wake-up.
    pub(crate) is_muted: bool,
}

impl Recorder {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self { clock, trace: None, is_muted: false }
    }

    pub(crate) fn begin(&mut self) {
        self.trace.get_or_insert_default();
    }

    pub(crate) fn note(&mut self, what: What) {
        if self.is_muted {
            return;
        }
        if let Some(trace) = &mut self.trace {
            trace.steps.push(Step { at: self.clock.elapsed(), what });
        }
    }

    pub(crate) fn trace(&self) -> Trace {
        self.trace.clone().unwrap_or_default()
    }
}
