//! loom models of a scope inside another: its last task, its close, a spawn, a cancel, in every order
//! of two threads.
//!
//! Each names the bug that was planted to see it fail.

use std::task::Waker;
use std::time::{Duration, Instant};

use loom::thread;

use super::{
    FailurePolicy, Locked, Nobody, RecordAt, RecordRef, Registry, Slot, StopTimes, Watch, entry,
    registry,
};
use crate::counted::poll;
use crate::event::Reason;
use crate::sync::Arc;
use crate::task::Outcome;

fn root() -> Arc<Registry> {
    registry(Arc::new(Nobody), Arc::default())
}

fn open(registry: &Arc<Registry>) -> Option<(Arc<Registry>, RecordRef)> {
    registry.open(&mut entry(Some("scope")), FailurePolicy::Independent, None).ok()
}

fn spawn(registry: &Arc<Registry>) -> Option<Slot> {
    registry.register(&mut entry(None), 0).ok()
}

/// What a tracked future does at its end.
fn settle(registry: &Arc<Registry>, slot: Slot) {
    RecordAt::new(registry, slot).settle(Outcome::Completed);
}

/// Caught: `close_when_empty` that looks before it watches; `notify_if_empty` that does not note that
/// the scope has ended, so that its record settles twice.
#[test]
fn the_last_task_ends_and_the_scope_is_closed() {
    loom::model(|| {
        let root = root();
        let (scope, record) = open(&root).unwrap();
        // From now on it counts who lives.
        let _watch = root.watch();
        let task = spawn(&scope).unwrap();
        let ends = Arc::clone(&scope);
        let thread = thread::spawn(move || settle(&ends, task));
        scope.close_when_empty();
        thread.join().unwrap();
        assert!(record.flags().is_finished() && root.len() == 0);
    });
}

/// Caught: `notify_if_empty` that closes the shards after it has unlocked them.
#[test]
fn the_last_task_ends_and_another_comes() {
    loom::model(|| {
        let root = root();
        let (scope, record) = open(&root).unwrap();
        let task = spawn(&scope).unwrap();
        scope.close_when_empty();
        let ends = Arc::clone(&scope);
        let thread = thread::spawn(move || settle(&ends, task));
        let comes = spawn(&scope);
        thread.join().unwrap();
        assert_eq!(record.flags().is_finished(), comes.is_none());
        if let Some(comes) = comes {
            settle(&scope, comes);
        }
        assert!(record.flags().is_finished() && root.len() == 0);
    });
}

/// Caught: `open` that does not look at the flags when it has listed the registry.
#[test]
fn a_scope_is_cancelled_while_another_is_opened_in_it() {
    loom::model(|| {
        let root = root();
        let (scope, record) = open(&root).unwrap();
        let opens = Arc::clone(&scope);
        let thread = thread::spawn(move || open(&opens));
        record.cancel();
        let inner = thread.join().unwrap();
        if let Some((inner, record)) = inner {
            assert!(record.flags().is_finished() && spawn(&inner).is_none());
        }
        assert!(record.flags().is_finished() && root.len() == 0);
    });
}

/// Caught: `open` that does not tell, when it has listed the registry, who stops the scope around it;
/// `cancel_due` that cancels the record of a scope that is not listed yet, as if it were a task.
#[test]
fn a_scope_is_stopped_while_another_is_opened_in_it() {
    for is_over in [false, true] {
        loom::model(move || {
            let (root, began) = (root(), Instant::now());
            let times = StopTimes { began, grace: Duration::MAX, deadline: None };
            let look = move |root: &Arc<Registry>| {
                root.cancel_due(times, began, is_over, None, |_| {});
            };
            let stops = Arc::clone(&root);
            let thread = thread::spawn(move || {
                stops.begin_stop_tree(times);
                let seen = stops.watch().seen;
                look(&stops);
                seen
            });
            let (_inner, record) = open(&root).unwrap();
            let seen = thread.join().unwrap();
            let mut changed = Watch { registry: &root, seen, key: None };
            if poll(&mut changed, Waker::noop()).is_ready() {
                look(&root);
            }
            assert!(record.flags().is_finished() && root.len() == 0);
        });
    }
}

/// Caught: `open` that does not look whether the scope around it refuses what comes; `refuse_in_tree`
/// that lists the scopes before it refuses.
#[test]
fn a_scope_refuses_what_comes_while_another_is_opened_in_it() {
    loom::model(|| {
        let root = root();
        let (scope, record) = open(&root).unwrap();
        let refuses = Arc::clone(&scope);
        let thread = thread::spawn(move || refuses.refuse_in_tree());
        let inner = open(&scope);
        thread.join().unwrap();
        if let Some((inner, record)) = inner {
            assert!(spawn(&inner).is_none() && record.flags().is_finished());
        }
        assert!(record.flags().is_finished() && root.len() == 0);
    });
}

/// Caught: `begin_stop_below` that lists the scopes before it tells the registry; `open` that does not
/// look whether the scope around it is stopped.
#[test]
fn a_scope_is_asked_to_stop_while_another_is_opened_in_it() {
    loom::model(|| {
        let root = root();
        let (scope, record) = open(&root).unwrap();
        let stopped = record.clone();
        let thread = thread::spawn(move || stopped.at().stop(Reason::Requested));
        let inner = open(&scope);
        thread.join().unwrap();
        if let Some((inner, record)) = inner {
            assert!(inner.lock_all().iter().all(Locked::is_stopping));
            // It ended at once, or ends with its last task.
            if let Some(task) = spawn(&inner) {
                settle(&inner, task);
            }
            assert!(record.flags().is_finished());
        }
        assert!(record.flags().is_finished() && root.len() == 0);
    });
}
