//! The hard end: a thread that keeps the overall deadline whatever becomes of the loop.

mod finish;
#[cfg(all(test, loom))]
mod models;
mod speaker;
mod still_stopping;
mod watch;

pub(super) use finish::Finish;
use speaker::Voice;
pub use still_stopping::StillStopping;
pub(crate) use watch::Watch;

use std::fmt;
use std::time::Duration;

use super::Report;
use crate::wake::drop_caught;

/// What becomes of the process when a stop has not ended by its overall deadline.
///
/// See [`Lifespan::hard_end`](crate::Lifespan::hard_end).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HardEnd {
    /// Nothing: `run` returns when the loop lets go, which may be never.
    #[default]
    Return,
    /// The process exits with this status, as by [`std::process::exit`].
    ///
    /// No destructor runs, except for what the C library was told to call at exit. If that has not
    /// ended two seconds later, because it waits for a thread that hangs, the process aborts.
    Exit(i32),
    /// The process aborts, as by [`std::process::abort`]: nothing runs any more.
    Abort,
}

type OnHardEnd = Box<dyn FnOnce(&Report) + Send>;
type OnWaiting = Box<dyn FnMut(&StillStopping) + Send>;

/// What was said about the hard end, until the lifespan runs.
#[derive(Default)]
pub(crate) struct WatchPlan {
    pub(super) hard_end: HardEnd,
    pub(super) callbacks: Callbacks,
}

/// What a user gave to be called; each is dropped under a guard of its own, wherever that is.
#[derive(Default)]
pub(super) struct Callbacks {
    pub(super) on_hard_end: Option<OnHardEnd>,
    pub(super) on_waiting: Option<OnWaiting>,
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        let _ = drop_caught(self.on_hard_end.take());
        let _ = drop_caught(self.on_waiting.take());
    }
}

impl fmt::Debug for WatchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchPlan").field("hard_end", &self.hard_end).finish_non_exhaustive()
    }
}

/// How much later than the loop's own end the hard end is.
const MARGIN: Duration = Duration::from_millis(500);
