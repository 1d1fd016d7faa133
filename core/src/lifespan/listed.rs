//! The tasks that the report will list.

use std::collections::BTreeMap;

use super::report::TaskReport;
use crate::registry::TaskRef;
use crate::sync::{Mutex, lock};
use crate::task::TaskId;

/// How many tasks that had to be forced are listed; of more only the count.
const FORCED_LISTED: usize = 1000;

/// Tasks that the report will list, by id.
///
/// The loop adds, the thread that watches it reads.
#[derive(Default)]
pub(super) struct Listed(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    tasks: BTreeMap<TaskId, TaskRef>,
    forced: usize,
    more_forced: u64,
}

impl Listed {
    pub(super) fn add(&self, task: TaskRef) {
        let id = task.id();
        let before = lock(&self.0).tasks.insert(id, task);
        drop(before); // it may be the last reference
    }

    /// Lists a task whose grace is over; bounded, because a task may start others without end.
    pub(super) fn add_forced(&self, task: TaskRef) {
        let id = task.id();
        let mut inner = lock(&self.0);
        if inner.tasks.contains_key(&id) {
            return;
        }
        if inner.forced == FORCED_LISTED {
            inner.more_forced += 1;
            return;
        }
        inner.forced += 1;
        inner.tasks.insert(id, task);
    }

    /// How many there are that `reports` leaves out.
    pub(super) fn more_forced(&self) -> u64 {
        lock(&self.0).more_forced
    }

    pub(super) fn reports(&self) -> BTreeMap<TaskId, TaskReport> {
        // Reads the clock, and may drop the last reference to a task: not under the lock.
        let tasks = lock(&self.0).tasks.clone();
        tasks.iter().map(|(id, task)| (*id, TaskReport::of(task))).collect()
    }
}
