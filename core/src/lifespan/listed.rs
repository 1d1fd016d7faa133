//! The tasks that the report will list.

use std::collections::BTreeMap;

use super::report::TaskReport;
use crate::registry::TaskRef;
use crate::task::TaskId;

/// How many tasks that had to be forced are listed; of more only the count.
const FORCED_LISTED: usize = 1000;

/// Tasks that the report will list, by id.
#[derive(Default)]
pub(super) struct Listed {
    tasks: BTreeMap<TaskId, TaskRef>,
    forced: usize,
    more_forced: u64,
}

impl Listed {
    pub(super) fn add(&mut self, task: TaskRef) {
        self.tasks.insert(task.id(), task);
    }

    /// Lists a task whose grace is over; bounded, because a task may start others without end.
    pub(super) fn add_forced(&mut self, task: TaskRef) {
        if self.tasks.contains_key(&task.id()) {
            return;
        }
        if self.forced == FORCED_LISTED {
            self.more_forced += 1;
            return;
        }
        self.forced += 1;
        self.add(task);
    }

    /// How many there are that `reports` leaves out.
    pub(super) fn more_forced(&self) -> u64 {
        self.more_forced
    }

    pub(super) fn reports(&self) -> BTreeMap<TaskId, TaskReport> {
        self.tasks.iter().map(|(id, task)| (*id, TaskReport::of(task))).collect()
    }
}
