//! What is known of few tasks, and so lies beside their records: attempts, the last end, readiness.

use std::collections::HashMap;

use super::{RecordAt, Registry, Slot};
use crate::event::{Reason, ShutdownEvent};
use crate::sync::{Arc, Mutex, lock};
use crate::task::{Outcome, TaskId};
use crate::wake::{call_caught, drop_caught};

/// Of one task: of a service, or of one that says when it is ready or is waited for until then.
pub(crate) struct Vitals(Mutex<State>);

struct State {
    /// Of a service. Whether a task has begun, its record tells.
    attempts: Option<u64>,
    /// How the last attempt ended that has ended.
    last: Option<Outcome>,
    /// Between two attempts.
    restarts: bool,
    /// Set while it is ready, and at its end if it was.
    ready: ShutdownEvent,
}

impl Vitals {
    fn new() -> Self {
        let ready = ShutdownEvent::new();
        Self(Mutex::new(State { attempts: None, last: None, restarts: false, ready }))
    }

    /// Counts one more attempt.
    pub(crate) fn begin(&self) {
        let mut state = lock(&self.0);
        *state.attempts.get_or_insert(0) += 1;
        state.restarts = false;
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        let old = lock(&self.0).last.replace(outcome);
        let _ = drop_caught(old);
    }

    /// The body is gone, and is to begin again: it is not ready before that one says so.
    pub(crate) fn restart(&self) {
        let mut state = lock(&self.0);
        state.restarts = true;
        // Who waits for one that was not ready goes on waiting, for the next attempt.
        let was_ready = state.ready.is_set().then(|| std::mem::take(&mut state.ready));
        drop(state);
        drop(was_ready);
    }

    /// How often a service has begun; `None` of a task.
    pub(crate) fn attempts(&self) -> Option<u64> {
        lock(&self.0).attempts
    }

    pub(crate) fn last(&self) -> Option<Outcome> {
        lock(&self.0).last.clone()
    }

    pub(super) fn restarts(&self) -> bool {
        lock(&self.0).restarts
    }

    pub(crate) fn ready(&self) -> ShutdownEvent {
        lock(&self.0).ready.clone()
    }

    /// A waker that panics harms nobody else, and not the task.
    pub(crate) fn set_ready(&self) {
        let ready = self.ready();
        let _ = call_caught(|| ready.trigger().set(Reason::from("it is ready")));
    }
}

/// The last error may have a destructor that panics. Who drops a registry, or lets go of a task that it
/// has forgotten, is not to blame for it.
impl Drop for Vitals {
    fn drop(&mut self) {
        let last = lock(&self.0).last.take();
        let _ = drop_caught(last);
    }
}

/// Found by id: a slot is used again.
#[derive(Default)]
pub(super) struct VitalsTable {
    by_id: HashMap<TaskId, (Slot, Arc<Vitals>)>,
    /// At so many, those of forgotten tasks are looked for.
    tidy_at: usize,
}

impl Registry {
    /// What is known beside the record; made here if nothing was.
    pub(crate) fn vitals_of(&self, task: RecordAt<'_>) -> Arc<Vitals> {
        let id = task.id();
        let mut forgotten = Vec::new();
        let mut table = lock(&self.vitals);
        if let Some((_, vitals)) = table.by_id.get(&id) {
            return Arc::clone(vitals);
        }
        if table.by_id.len() >= table.tidy_at {
            forgotten = table.take_forgotten(self);
            table.tidy_at = 16.max(table.by_id.len() * 2);
        }
        let vitals = Arc::new(Vitals::new());
        table.by_id.insert(id, (task.slot(), Arc::clone(&vitals)));
        drop(table);
        drop(forgotten);
        vitals
    }

    /// As `vitals_of`, of a service: its attempts count from now on, whoever has asked for it before.
    pub(crate) fn vitals_of_service(&self, task: RecordAt<'_>) -> Arc<Vitals> {
        let vitals = self.vitals_of(task);
        lock(&vitals.0).attempts.get_or_insert(0);
        vitals
    }

    pub(crate) fn find_vitals(&self, id: TaskId) -> Option<Arc<Vitals>> {
        lock(&self.vitals).by_id.get(&id).map(|(_, vitals)| Arc::clone(vitals))
    }
}

impl VitalsTable {
    /// Takes those whose records nobody refers to any more.
    fn take_forgotten(&mut self, registry: &Registry) -> Vec<Arc<Vitals>> {
        let is_forgotten = |id: &TaskId, slot: Slot| {
            !registry.shards.at(slot.shard()).lock().is_record_of(slot.index(), *id)
        };
        let ids = self.by_id.iter().filter(|(id, (slot, _))| is_forgotten(id, *slot));
        let ids = ids.map(|(id, _)| *id).collect::<Vec<_>>();
        ids.into_iter().filter_map(|id| self.by_id.remove(&id)).map(|(_, vitals)| vitals).collect()
    }
}
