//! What a task is doing.

use std::fmt;

/// What a task is doing, between its spawn and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for its turn; its body has not begun.
    Queued,
    /// It runs, or waits for whatever it awaits.
    Running,
    /// It is a service whose body has ended, and begins again.
    Restarting,
    /// It, or all that it belongs to, was asked to stop.
    Stopping,
    /// Its body is to be dropped, and is not gone yet.
    Cancelling,
    /// It has ended, and its body is gone.
    Finished,
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
        })
    }
}
