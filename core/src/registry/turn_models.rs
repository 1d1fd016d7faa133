//! loom models of turns: who runs ends, and who waits comes or is cancelled, in every order of two
//! threads.
//!
//! Each names the bug that was planted to see it fail.

use loom::thread;

use super::{FailurePolicy, FirstPoll, Nobody, RecordAt, Registry, Slot, entry, registry};
use crate::counted::Count;
use crate::sync::Arc;
use crate::task::{Flags, Outcome};

/// A scope in which one task runs at a time.
fn one_at_a_time() -> Arc<Registry> {
    let root = registry(Arc::new(Nobody), Arc::default());
    let (scope, _record) =
        root.open(&mut entry(Some("scope")), FailurePolicy::Independent, Some(1)).ok().unwrap();
    scope
}

fn spawn(scope: &Arc<Registry>) -> Slot {
    scope.register(&mut entry(None), Flags::QUEUED).ok().unwrap()
}

/// Caught: `take` that gives up the lock of the turns before the task is in the queue; and, planted
/// here, a look before the store, which is a copy of the order in `scope/turn.rs`.
#[test]
fn one_comes_while_the_one_before_it_ends() {
    loom::model(|| {
        let scope = one_at_a_time();
        let (runs, ends) = (spawn(&scope), Arc::clone(&scope));
        let thread = thread::spawn(move || RecordAt::new(&ends, runs).settle(Outcome::Completed));
        let comes = spawn(&scope);
        let comes = RecordAt::new(&scope, comes);
        let (count, waker) = Count::new();
        comes.store_waker(waker, FirstPoll::Yes);
        let has_come = !comes.flags().is_queued();
        thread.join().unwrap();
        assert!(!comes.flags().is_queued());
        assert!(has_come || count.get() == 1, "a lost wake-up");
    });
}

/// Caught: `next_turn` that looks for nobody else where the one whose turn it is was cancelled.
#[test]
fn one_that_waits_is_cancelled_while_its_turn_comes() {
    loom::model(|| {
        let scope = one_at_a_time();
        let [runs, waits, last] = [(); 3].map(|()| spawn(&scope));
        let ends = Arc::clone(&scope);
        let thread = thread::spawn(move || RecordAt::new(&ends, runs).settle(Outcome::Completed));
        let cut = RecordAt::new(&scope, waits).refer();
        assert!(cut.cancel());
        cut.at().settle(Outcome::Cancelled);
        thread.join().unwrap();
        let last = RecordAt::new(&scope, last);
        assert!(!last.flags().is_queued(), "nobody else runs");
        last.settle(Outcome::Completed);
    });
}

/// Caught: `enter` that asks how many run, and not whether somebody waits.
#[test]
fn one_that_comes_while_a_turn_passes_on_is_behind_who_waits() {
    loom::model(|| {
        let scope = one_at_a_time();
        let [runs, waits] = [(); 2].map(|()| spawn(&scope));
        let ends = Arc::clone(&scope);
        let thread = thread::spawn(move || RecordAt::new(&ends, runs).settle(Outcome::Completed));
        let [waits, comes] = [waits, spawn(&scope)].map(|slot| RecordAt::new(&scope, slot));
        thread.join().unwrap();
        assert!(!waits.flags().is_queued() && comes.flags().is_queued());
        waits.settle(Outcome::Completed);
        assert!(!comes.flags().is_queued(), "nobody else runs");
        comes.settle(Outcome::Completed);
    });
}
