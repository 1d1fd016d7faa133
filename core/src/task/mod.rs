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

use std::cell::Cell;
use std::fmt;

use crate::sync::IdSource;

static TASK_IDS: IdSource = IdSource::new();

/// A thread takes so many ids at a time, so that threads do not meet at each spawn.
const BLOCK: u64 = 64;

/// Identity of a task, unique in the process; of one thread's tasks, later ones have higher ids.
///
/// Each thread takes a few ids at a time, so the ids of two threads tell only roughly whose task
/// came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

impl TaskId {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn unique() -> Self {
        thread_local! {
            /// The last id of this thread; at the end of a block, it needs another.
            static LAST: Cell<u64> = const { Cell::new(0) };
        }
        let last = LAST.get();
        let id = if last % BLOCK == 0 { TASK_IDS.next_block(BLOCK) } else { last + 1 };
        LAST.set(id);
        Self(id)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task#{}", self.0)
    }
}
