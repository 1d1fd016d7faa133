//! Wakers that do what they please: re-enter, panic, and run code when they are dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use lifespan_core::{Reason, ShutdownEvent, Wait};

use crate::woken::{
    Count, PanicOnDrop, call, is_pending, on_drop, panic_twice, panicking, poll, register,
};

/// Everything that takes the event's lock.
fn enter(event: &ShutdownEvent) {
    let child = event.child();
    let mut wait = child.wait();
    let _ = is_pending(&mut wait);
    let _ = (event.is_set(), event.reason(), child.is_orphan());
    drop(wait);
    let _ = child.trigger().set("re-entered");
}

/// The event to set, of a root and of one below it, each with its root.
fn both() -> [(ShutdownEvent, ShutdownEvent); 2] {
    let (root, other) = (ShutdownEvent::new(), ShutdownEvent::new());
    [(root.clone(), root), (other.child(), other)]
}

#[test]
fn a_reentrant_waker_does_not_deadlock() {
    for (event, root) in both() {
        let calls = Arc::new(AtomicUsize::new(0));
        let (inner, woken) = (event.clone(), Arc::clone(&calls));
        let waker = call(move || {
            assert!(inner.is_set(), "who is woken finds the event set");
            enter(&inner);
            enter(&root);
            let _ = root.trigger().set("from a waker");
            woken.fetch_add(1, Ordering::SeqCst);
        });
        let waits = [register(&event, &waker), register(&event, &waker)];
        event.trigger().set("set").unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(event.reason(), Some(Reason::from("set")));
        drop(waits);
    }
}

#[test]
fn a_waker_whose_drop_reenters_does_not_deadlock() {
    for (event, root) in both() {
        let drops = Arc::new(AtomicUsize::new(0));
        let reentrant = || {
            let (event, root, drops) = (event.clone(), root.clone(), Arc::clone(&drops));
            on_drop(move || {
                enter(&event);
                enter(&root);
                drops.fetch_add(1, Ordering::SeqCst);
            })
        };
        let mut wait = event.wait();
        assert!(poll(&mut wait, &reentrant()).is_pending());
        assert!(poll(&mut wait, &reentrant()).is_pending(), "replaces the first");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        drop(wait);
        assert_eq!(drops.load(Ordering::SeqCst), 2, "removed with its wait");
        let wait = register(&event, &reentrant());
        event.trigger().set(Reason::Requested).unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 3, "woken and dropped by the set");
        let mut late = event.wait();
        assert!(poll(&mut late, &reentrant()).is_ready());
        drop(wait);
    }
}

#[test]
fn a_waker_may_drop_other_waits() {
    for (event, _root) in both() {
        let others = (0..10).map(|_| register(&event, Waker::noop())).collect::<Vec<_>>();
        let others = std::sync::Mutex::new(others);
        let first = register(&event, &call(move || others.lock().unwrap().clear()));
        event.trigger().set(Reason::Requested).unwrap();
        drop(first);
    }
}

#[test]
fn a_panicking_waker_loses_nobody_elses_wake_up() {
    for (event, _root) in both() {
        let (count, waker) = Count::new();
        let mut waits = Vec::new();
        for _ in 0..5 {
            waits.push(register(&event, &waker));
            waits.push(register(&event, &panicking()));
        }
        waits.push(register(&event, &waker));
        let raised = catch_unwind(AssertUnwindSafe(|| event.trigger().set("set"))).unwrap_err();
        assert_eq!(raised.downcast_ref(), Some(&"a waker that panics"), "told to the setter");
        assert_eq!(count.get(), 6, "raised after the last wake-up");
        assert!(event.is_set());
        // The lock is not poisoned, for anybody.
        enter(&event);
        assert_eq!(event.trigger().set("again").unwrap_err().first, Reason::from("set"));
        drop(waits);
    }
}

#[test]
fn a_panic_that_panics_again_when_dropped_loses_nobody_elses_wake_up() {
    for (event, _root) in both() {
        let (count, waker) = Count::new();
        let mut waits = Vec::new();
        for _ in 0..4 {
            waits.push(register(&event, &waker));
            waits.push(register(&event, &call(panic_twice)));
        }
        waits.push(register(&event, &waker));
        let raised = catch_unwind(AssertUnwindSafe(|| event.trigger().set("set"))).unwrap_err();
        assert_eq!(count.get(), 5);
        assert!(raised.is::<PanicOnDrop>());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(raised))).is_err());
    }
}

#[test]
fn a_waker_whose_drop_panics_loses_nobody_elses_wake_up() {
    for (event, _root) in both() {
        let (count, waker) = Count::new();
        let bad = on_drop(|| panic!("a waker's destructor"));
        let waits = [register(&event, &waker), register(&event, &bad), register(&event, &waker)];
        drop(bad);
        let raised = catch_unwind(AssertUnwindSafe(|| event.trigger().set("set")));
        assert!(raised.is_err());
        assert_eq!(count.get(), 2);
        drop(waits);
    }
}

#[test]
fn a_wait_is_removed_though_its_wakers_drop_panics() {
    let event = ShutdownEvent::new();
    let bad = on_drop(|| panic!("a waker's destructor"));
    let wait = register(&event, &bad);
    drop(bad);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(wait))).is_err());
    let (count, waker) = Count::new();
    let _wait = register(&event, &waker);
    event.trigger().set(Reason::Requested).unwrap();
    assert_eq!(count.get(), 1);
}

/// A panic that leaves a destructor while another unwinds would abort the process.
#[test]
fn a_guard_that_is_dropped_by_a_panic_swallows_those_of_wakers() {
    for (event, _root) in both() {
        let (count, waker) = Count::new();
        let waits = [register(&event, &panicking()), register(&event, &waker)];
        let guard = event.drop_guard();
        let raised = catch_unwind(AssertUnwindSafe(|| {
            let _guard = guard;
            panic!("the owner");
        }));
        assert_eq!(raised.unwrap_err().downcast_ref(), Some(&"the owner"));
        assert_eq!(count.get(), 1);
        assert!(event.is_set());
        drop(waits);
    }
}

#[test]
fn a_guard_that_is_dropped_in_peace_tells_the_panics_of_wakers() {
    let event = ShutdownEvent::new();
    let _wait = register(&event, &panicking());
    let guard = event.drop_guard();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard))).is_err());
}

#[test]
fn waits_move_between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<(ShutdownEvent, Wait<'static>, lifespan_core::WaitOwned)>();
    is_send_and_sync::<(lifespan_core::ShutdownTrigger, lifespan_core::DropGuard)>();
}
