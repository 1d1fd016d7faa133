//! Failures that nobody awaited, kept for the report; bounded.

use std::panic::Location;
use std::time::Duration;

use super::RecordRef;
use crate::clock::Stamp;
use crate::sync::{Mutex, lock};
use crate::task::{Outcome, TaskId};
use crate::wake::{drop_caught, drop_each_caught};

/// How many failures are kept; of later ones only the count.
const KEPT: usize = 100;

#[derive(Default)]
pub(crate) struct Failures(Mutex<Log>);

#[derive(Default)]
struct Log {
    kept: Vec<FailedTask>,
    more: u64,
}

/// A task whose failure nobody awaited.
#[derive(Clone)]
pub(crate) struct FailedTask {
    pub(crate) id: TaskId,
    pub(crate) path: String,
    pub(crate) outcome: Outcome,
    pub(crate) age: Duration,
    pub(crate) attempts: u64,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl FailedTask {
    pub(super) fn of(record: &RecordRef, outcome: &Outcome, now: Stamp) -> Self {
        let task = super::TaskRef::new(record.clone());
        Self {
            id: task.id(),
            path: task.path(),
            outcome: outcome.clone(),
            age: record.age_at(now),
            attempts: task.attempts(),
            spawned_at: task.spawned_at(),
        }
    }
}

impl Failures {
    pub(super) fn add(&self, failure: FailedTask) {
        let mut log = lock(&self.0);
        if log.kept.len() < KEPT {
            log.kept.push(failure);
            return;
        }
        log.more += 1;
        drop(log);
        let _ = drop_caught(failure);
    }

    /// Adds several, and counts more that are not kept.
    pub(super) fn add_all(&self, failures: Vec<FailedTask>, more: u64) {
        failures.into_iter().for_each(|failure| self.add(failure));
        lock(&self.0).more += more;
    }

    /// Copies what is kept, and tells how many more there are.
    pub(crate) fn peek(&self) -> (Vec<FailedTask>, u64) {
        let log = lock(&self.0);
        (log.kept.clone(), log.more)
    }

    /// Takes what was kept, and how many more there were.
    pub(crate) fn take(&self) -> (Vec<FailedTask>, u64) {
        let mut log = lock(&self.0);
        (std::mem::take(&mut log.kept), std::mem::take(&mut log.more))
    }
}

/// What no report has taken may hold errors whose destructors panic; whoever lets go last is not to
/// blame.
impl Drop for Failures {
    fn drop(&mut self) {
        drop_each_caught(self.take().0);
    }
}
