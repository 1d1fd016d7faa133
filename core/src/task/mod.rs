//! One task: its name, what it may return, how it ended, and the record of it.

#[cfg(all(test, loom))]
mod models;
mod name;
mod outcome;
mod output;
mod record;
mod state;

pub use name::Name;
pub use outcome::{Failure, Outcome, Panic, TaskError};
pub use output::{BoxError, Output};
pub(crate) use record::{Entry, Flags, Grace, Life, Record, Registration};
pub use state::TaskState;

use std::fmt;

use crate::sync::IdSource;

static TASK_IDS: IdSource = IdSource::new();

/// Identity of a task, unique in the process; later tasks have higher ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

impl TaskId {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn unique() -> Self {
        Self(TASK_IDS.next())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task#{}", self.0)
    }
}
