//! The view over the registries of every scope of every worker.

use std::fmt;

use super::{Registry, TaskRef};
use crate::sync::{Arc, Mutex, Weak, lock};
use crate::worker::Worker;

/// The live tasks of every scope of every worker, to be looked at from any thread.
///
/// Made by [`Workers::tasks`](crate::Workers::tasks). It keeps nothing alive: before the workers
/// run, and when they have ended, it is empty.
#[derive(Clone, Default)]
pub struct WorkerTasks(Arc<Mutex<Vec<Listed>>>);

/// One scope of one worker.
type Listed = (Worker, Weak<Registry>);

impl WorkerTasks {
    /// Lists the tasks that live now, worker by worker, each one's by their ids.
    ///
    /// A snapshot that nothing invalidates. The scopes are looked at one after the other: what starts
    /// or ends meanwhile may or may not be in it.
    #[must_use]
    pub fn iter(&self) -> std::vec::IntoIter<(Worker, TaskRef)> {
        let mut tasks = Vec::new();
        for (worker, registry) in self.registries() {
            let live = registry.all_tasks().into_iter().map(TaskRef::new);
            tasks.extend(live.map(|task| (worker, task)));
        }
        tasks.sort_by_cached_key(|(worker, task)| (worker.index(), task.id()));
        tasks.into_iter()
    }

    pub(crate) fn add(&self, worker: Worker, registry: &Arc<Registry>) {
        lock(&self.0).push((worker, Arc::downgrade(registry)));
    }

    /// Those that live; dropped by the caller, who holds no lock.
    fn registries(&self) -> Vec<(Worker, Arc<Registry>)> {
        let registries = lock(&self.0);
        let live = registries.iter();
        live.filter_map(|(worker, registry)| Some((*worker, registry.upgrade()?))).collect()
    }
}

impl IntoIterator for &WorkerTasks {
    type Item = (Worker, TaskRef);
    type IntoIter = std::vec::IntoIter<(Worker, TaskRef)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for WorkerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
