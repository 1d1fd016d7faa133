//! loom models of a listener that begins to listen while tasks and scopes come.
//!
//! Each names the bug that was planted to see it fail.

use std::sync::atomic::AtomicUsize;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::{
    FailurePolicy, Late, Listener, RecordAt, RecordRef, Registry, Slot, TaskEnd, TaskRef, entry,
    registry,
};
use crate::sync::Arc;
use crate::task::{Flags, Outcome};

/// Counts the ends that it is told of. Whether it listens is an object of the model: what reads it
/// too early is to be found.
#[derive(Default)]
struct Counts {
    listens: AtomicBool,
    ends: AtomicUsize,
}

impl Listener for Counts {
    fn hears(&self) -> bool {
        self.listens.load(Ordering::SeqCst)
    }
    fn task_spawned(&self, _task: &TaskRef) {}
    fn task_stopped(&self, _task: &TaskRef) {}
    fn task_late(&self, _task: &TaskRef, _late: &Late) {}
    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {
        self.ends.fetch_add(1, Ordering::SeqCst);
    }
    fn task_failed(&self, _task: &TaskRef, _outcome: &Outcome) {}
}

fn counted_registry() -> (Arc<Registry>, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let listener = Arc::clone(&counts);
    (registry(listener, Arc::default()), counts)
}

/// What a foreground does when it is given an observer.
fn listen(registry: &Arc<Registry>, counts: &Counts) {
    counts.listens.store(true, Ordering::SeqCst);
    registry.begin_to_be_heard();
}

/// A task comes, ends, and is let go.
fn come_and_go(registry: &Arc<Registry>) {
    let slot: Slot = registry.register(&mut entry(None), Flags::HANDLE).ok().unwrap();
    RecordAt::new(registry, slot).complete();
    drop(RecordRef::new(Arc::clone(registry), slot));
}

/// Caught: `keep_finished` that asks whether somebody listens before it locks.
#[test]
fn who_begins_to_listen_hears_though_nothing_is_kept_any_more() {
    loom::model(|| {
        let (registry, counts) = counted_registry();
        let keeper = Arc::clone(&registry);
        let thread = thread::spawn(move || keeper.keep_finished(0));
        listen(&registry, &counts);
        thread.join().unwrap();
        come_and_go(&registry);
        assert_eq!(counts.ends.load(Ordering::SeqCst), 1);
    });
}

/// Caught: `open` that does not ask again when it has listed the scope.
#[test]
fn who_begins_to_listen_hears_of_a_scope_that_opens() {
    loom::model(|| {
        let (registry, counts) = counted_registry();
        let outer = Arc::clone(&registry);
        let thread = thread::spawn(move || {
            outer.open(&mut entry(Some("scope")), FailurePolicy::Independent, None).ok().unwrap()
        });
        listen(&registry, &counts);
        let (inner, _record) = thread.join().unwrap();
        come_and_go(&inner);
        assert_eq!(counts.ends.load(Ordering::SeqCst), 1);
    });
}
