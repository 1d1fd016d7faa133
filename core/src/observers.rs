//! The observers of one lifespan: a list that only grows, and is empty for most.

use std::time::Duration;

use crate::monitor::Phase;
use crate::observer::{Observer, Restart};
use crate::registry::{Late, Listener, TaskEnd, TaskRef};
use crate::sync::{Arc, OnceLock};
use crate::task::Outcome;
use crate::wake::{call_caught, drop_caught};

/// Shared by all scopes of a lifespan.
///
/// Each call is guarded by itself: a panic in one observer loses nothing for the next. Never called
/// with a lock held.
#[derive(Clone, Default)]
pub(crate) struct Observers(Arc<Rest>);

#[derive(Default)]
struct Rest(OnceLock<Box<Node>>);

struct Node {
    observer: Guarded,
    next: Rest,
}

/// Its destructor is foreign code, and runs wherever the last handle of a task is dropped.
struct Guarded(Option<Arc<dyn Observer>>);

impl Observers {
    /// Adds one, which hears of what happens from now on.
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        let mut node = Box::new(Node { observer: Guarded(Some(observer)), next: Rest::default() });
        let mut rest = &*self.0;
        while let Err(refused) = rest.0.set(node) {
            node = refused;
            // It was refused because there is one.
            let Some(first) = rest.0.get() else { return };
            rest = &first.next;
        }
    }

    /// Adds those of another list.
    pub(crate) fn add_all(&self, others: &Self) {
        others.each(|observer| self.add(Arc::clone(observer)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.0.get().is_none()
    }

    pub(crate) fn phase_changed(&self, phase: Phase) {
        self.tell(|observer| observer.phase_changed(phase));
    }

    pub(crate) fn task_restarted(
        &self,
        task: &TaskRef,
        attempt: u64,
        last: &Outcome,
        delay: Duration,
    ) {
        let restart = Restart { attempt, last, delay };
        self.tell(|observer| observer.task_restarted(task, &restart));
    }

    /// The panic hook has shown the panic of an observer; whoever did what it was told goes on.
    fn tell(&self, call: impl Fn(&dyn Observer)) {
        self.each(|observer| {
            let _ = call_caught(|| call(&**observer));
        });
    }

    fn each(&self, mut each: impl FnMut(&Arc<dyn Observer>)) {
        let mut rest = &*self.0;
        while let Some(node) = rest.0.get() {
            if let Some(observer) = &node.observer.0 {
                each(observer);
            }
            rest = &node.next;
        }
    }
}

impl Listener for Observers {
    fn hears(&self) -> bool {
        !self.is_empty()
    }

    fn task_spawned(&self, task: &TaskRef) {
        self.tell(|observer| observer.task_spawned(task));
    }

    fn task_stopped(&self, task: &TaskRef) {
        self.tell(|observer| observer.task_stopped(task));
    }

    fn task_late(&self, task: &TaskRef, late: &Late) {
        self.tell(|observer| observer.task_late(task, late));
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        self.tell(|observer| observer.task_ended(task, end));
    }

    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        self.tell(|observer| observer.task_failed(task, outcome));
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = drop_caught(self.0.take());
    }
}
