//! loom models of the event: every order of two threads, within the bound on preemptions.
//!
//! Each names the bug that was planted to see it fail.

use std::task::Waker;

use loom::thread;

use super::{HeldEvent, Link, Reason, ShutdownEvent, WaitOwned};
use crate::counted::{Count, poll};
use crate::sync::Arc;

fn set(event: &ShutdownEvent, reason: &'static str) -> bool {
    event.trigger().set(reason).is_ok()
}

/// The root, or an event below it.
fn at(root: &ShutdownEvent, below: bool) -> ShutdownEvent {
    if below { root.child() } else { root.clone() }
}

/// Polls once, on a waker of its own.
struct Polled {
    wait: WaitOwned,
    count: Count,
    was_pending: bool,
}

impl Polled {
    fn new(event: &ShutdownEvent) -> Self {
        let (count, waker) = Count::new();
        let mut wait = event.wait_owned();
        let was_pending = poll(&mut wait, &waker).is_pending();
        Self { wait, count, was_pending }
    }

    /// After the set: who was told to wait was woken, and who looks again finds the event set.
    fn check(mut self) {
        assert_eq!(self.count.get(), usize::from(self.was_pending), "a lost wake-up, or a second");
        assert!(poll(&mut self.wait, Waker::noop()).is_ready());
    }
}

/// Caught: `register` without its second look under the lock.
#[test]
fn register_and_set() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let event = at(&root, below);
            let setter = event.clone();
            let thread = thread::spawn(move || assert!(set(&setter, "set")));
            let polled = Polled::new(&event);
            thread.join().unwrap();
            polled.check();
        });
    }
}

/// Caught: `set` on the root that wakes before it marks, so that who is woken finds nothing.
#[test]
fn two_waiters_and_set_of_the_root() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let child = root.child();
        let (setter, other) = (root.clone(), child.clone());
        let setter = thread::spawn(move || assert!(set(&setter, "set")));
        let other = thread::spawn(move || {
            let polled = Polled::new(&other);
            thread::yield_now();
            let was_woken = polled.count.get() > 0;
            assert!(!was_woken || other.is_set(), "who is woken finds the event set");
            polled
        });
        let polled = Polled::new(&root);
        setter.join().unwrap();
        polled.check();
        other.join().unwrap().check();
        assert!(child.is_set() && root.is_set());
    });
}

/// Caught: `child` that reads the root's reason before it takes the lock.
#[test]
fn child_and_set_of_the_root() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let setter = root.clone();
        let thread = thread::spawn(move || assert!(set(&setter, "set")));
        let child = root.child();
        let polled = Polled::new(&child);
        thread.join().unwrap();
        assert_eq!(child.reason(), Some(Reason::from("set")));
        polled.check();
    });
}

/// Caught: `child` that reads its parent's state before it takes the lock.
#[test]
fn child_and_set_of_its_parent() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let parent = root.child();
        let setter = parent.clone();
        let thread = thread::spawn(move || assert!(set(&setter, "set")));
        let child = parent.child();
        let polled = Polled::new(&child);
        thread.join().unwrap();
        assert_eq!(child.reason(), Some(Reason::from("set")));
        assert!(!root.is_set());
        polled.check();
    });
}

/// Caught: `deregister` without its second look under the lock, which takes another's waiter out.
#[test]
fn waiter_drop_and_set() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let event = at(&root, below);
            let leaving = Polled::new(&event);
            let (setter, beside) = (event, root.clone());
            let thread = thread::spawn(move || {
                assert!(set(&setter, "set"));
                // In the place that the leaving waiter had.
                Polled::new(&beside)
            });
            let Polled { wait, count, .. } = leaving;
            drop(wait);
            let polled = thread.join().unwrap();
            assert!(count.get() <= 1);
            let _ = set(&root, "then the root");
            polled.check();
        });
    }
}

/// Caught: `take_subtree` that frees the entries of nodes which have not left, so that the last handle of
/// one takes a new child's out.
#[test]
fn node_drop_and_set_of_its_parent() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let parent = root.child();
        let leaving = parent.child();
        let (setter, above) = (parent.clone(), root.clone());
        let thread = thread::spawn(move || {
            assert!(set(&setter, "parent"));
            // In the entry that the leaving node had.
            [above.child(), above.child()]
        });
        drop(leaving);
        let born = thread.join().unwrap();
        assert!(parent.is_set() && !root.is_set());
        assert!(born.iter().all(|event| !event.is_set()));
        assert!(set(&root, "root"));
        assert!(born.iter().all(ShutdownEvent::is_set));
        assert_eq!(parent.reason(), Some(Reason::from("parent")));
    });
}

/// Caught: `take_subtree` that does not count nodes which are dying among those that share the reason.
#[test]
fn node_drop_and_set_leave_no_reason() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let parent = root.child();
        let leaving = parent.child();
        let setter = parent.clone();
        let thread = thread::spawn(move || assert!(set(&setter, "parent")));
        drop(leaving);
        thread.join().unwrap();
        drop(parent);
        assert_eq!(root.0.kept_reasons(), 0);
        assert_eq!(root.0.live_entries(), 1);
    });
}

/// Caught: `compress` that frees an entry with a child below it.
#[test]
fn middle_node_drop_and_set_above() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let above = at(&root, below);
            let middle = above.child();
            let leaf = middle.child();
            let thread = thread::spawn(move || assert!(set(&above, "above")));
            drop(middle);
            let polled = Polled::new(&leaf);
            thread.join().unwrap();
            assert_eq!(leaf.reason(), Some(Reason::from("above")));
            polled.check();
        });
    }
}

/// Caught: `register` that keeps the first waker and drops the second.
#[test]
fn waker_swap_and_set() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let event = at(&root, below);
            let mut polled = Polled::new(&event);
            assert!(polled.was_pending);
            let thread = thread::spawn(move || assert!(set(&event, "set")));
            let (last, waker) = Count::new();
            let was_pending = poll(&mut polled.wait, &waker).is_pending();
            thread.join().unwrap();
            assert!(poll(&mut polled.wait, Waker::noop()).is_ready());
            // Who was told to wait on the last waker is woken by that, and by none but one.
            assert!(last.get() == 1 || !was_pending);
            assert_eq!(last.get() + polled.count.get(), 1);
        });
    }
}

/// Caught: `poll_wait` that trusts a registration before it looks whether the event is set.
#[test]
fn a_kept_registration_and_set() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let event = at(&root, below);
            let held = HeldEvent::new(event.clone());
            let (count, waker) = Count::new();
            assert!(poll(&mut held.wait(), &waker).is_pending());
            let thread = thread::spawn(move || assert!(set(&event, "set")));
            let was_ready = poll(&mut held.wait(), &waker).is_ready();
            thread.join().unwrap();
            assert_eq!(
                count.get(),
                1,
                "what was kept is woken, and once, even if the wait had ended"
            );
            assert!(poll(&mut held.wait(), &waker).is_ready(), "ready before: {was_ready}");
        });
    }
}

/// Caught: a wait that forgets its registration when another's is kept.
#[test]
fn two_waits_at_once_and_the_registration_that_is_kept() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let held = Arc::new(HeldEvent::new(root.clone()));
        let other = Arc::clone(&held);
        let thread = thread::spawn(move || {
            assert!(poll(&mut other.wait(), Waker::noop()).is_pending());
        });
        assert!(poll(&mut held.wait(), Waker::noop()).is_pending());
        thread.join().unwrap();
        assert_eq!(root.0.waiters(), 1, "one is kept, and none is lost");
        drop(held);
        assert_eq!(root.0.waiters(), 0);
    });
}

/// Caught: `leave` that trusts what it read of the node before it took the lock.
#[test]
fn the_last_handles_go_while_the_root_is_set() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let (one, two) = (root.child(), root.child());
        let grandchild = one.child();
        let thread = thread::spawn(move || {
            drop(one);
            drop(grandchild);
        });
        assert!(set(&root, "root"));
        drop(root);
        assert_eq!(two.reason(), Some(Reason::from("root")), "the tree stays for who is in it");
        thread.join().unwrap();
        let tree = two.0.root_for_models();
        drop(two);
        assert!(tree.is_given_back(), "the last of all gives it back");
    });
}

/// Caught: the last handle of a node that is given up by a load and a store, where there are two.
#[test]
fn two_handles_of_a_child_go_at_once() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let (one, two) = {
            let child = root.child();
            (child.clone(), child)
        };
        let thread = thread::spawn(move || drop(one));
        drop(two);
        thread.join().unwrap();
        assert_eq!(root.0.live_entries(), 1);
        let born = root.child();
        assert!(!born.is_set() && set(&root, "set") && born.is_set());
    });
}

/// Caught: `set` that looks whether the event is set before it takes the lock.
#[test]
fn two_setters_and_one_reason() {
    for below in [false, true] {
        loom::model(move || {
            let root = ShutdownEvent::new();
            let event = at(&root, below);
            let other = event.clone();
            let thread = thread::spawn(move || {
                let won = set(&other, "one");
                assert!(other.is_set(), "whoever lost was told that it is set");
                won
            });
            let two = set(&event, "two");
            assert!(event.is_set());
            let reason = event.reason();
            let one = thread.join().unwrap();
            assert!(one != two, "one of them was first");
            assert_eq!(reason, Some(Reason::from(if one { "one" } else { "two" })));
            assert_eq!(event.reason(), reason);
        });
    }
}

/// Caught: `set` that answers the loser before the event it was told of is marked.
#[test]
fn a_root_and_a_child_are_set_at_once() {
    loom::model(|| {
        let root = ShutdownEvent::new();
        let child = root.child();
        let other = child.clone();
        let thread = thread::spawn(move || {
            let won = set(&other, "child");
            assert!(other.is_set());
            won
        });
        assert!(set(&root, "root"));
        assert!(child.is_set());
        let won = thread.join().unwrap();
        assert_eq!(child.reason(), Some(Reason::from(if won { "child" } else { "root" })));
        assert_eq!(root.reason(), Some(Reason::from("root")));
    });
}

/// Caught: a link that does not look at the event when it is made.
#[test]
fn a_link_is_made_while_its_event_is_set() {
    loom::model(|| {
        let (from, to) = (ShutdownEvent::new(), ShutdownEvent::new());
        let (setter, trigger) = (from.clone(), to.trigger());
        let thread = thread::spawn(move || assert!(set(&setter, "set")));
        let link = Link::new(&from, move |reason| drop(trigger.set(reason)));
        thread.join().unwrap();
        assert_eq!(to.reason(), Some(Reason::from("set")));
        drop(link);
    });
}

/// Caught: a link that passes nothing on when it is dropped.
#[test]
fn a_link_is_dropped_by_who_sees_its_event_set() {
    loom::model(|| {
        let (from, to) = (ShutdownEvent::new(), ShutdownEvent::new());
        let (setter, trigger) = (from.clone(), to.trigger());
        let link = Link::new(&from, move |reason| drop(trigger.set(reason)));
        let thread = thread::spawn(move || assert!(set(&setter, "set")));
        while !from.is_set() {
            thread::yield_now();
        }
        drop(link);
        assert!(to.is_set());
        thread.join().unwrap();
    });
}

/// Caught: `set` on the root that wakes under its lock.
#[test]
fn two_events_that_are_linked_both_ways_are_set_at_once() {
    loom::model(|| {
        let (one, two) = (ShutdownEvent::new(), ShutdownEvent::new());
        let (to_one, to_two) = (one.trigger(), two.trigger());
        let links = [
            Link::new(&one, move |reason| drop(to_two.set(reason))),
            Link::new(&two, move |reason| drop(to_one.set(reason))),
        ];
        let other = one.clone();
        let thread = thread::spawn(move || set(&other, "one"));
        let _ = set(&two, "two");
        let _ = thread.join();
        assert!(one.is_set() && two.is_set());
        drop(links);
    });
}
