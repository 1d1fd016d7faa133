//! The event: a level with a first reason, heard by children, set by triggers and guards.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use lifespan_core::{DropGuard, Lifespan, Reason, ShutdownEvent};

use crate::by_hand::{self, ByHand};
use crate::woken::{is_pending, poll};

#[test]
fn is_set_is_level() {
    let event = ShutdownEvent::new();
    let (clone, trigger) = (event.clone(), event.trigger());
    assert!(!event.is_set() && !clone.is_set() && !trigger.is_set());
    trigger.set(Reason::Requested).unwrap();
    // Nobody has polled anything.
    assert!(event.is_set() && clone.is_set() && trigger.is_set());
    let late = event.clone();
    assert!(late.is_set() && event.is_set(), "a clone made after the set");
    assert!(!is_pending(&mut event.wait()), "a waiter that came late");
    assert!(!is_pending(&mut event.wait_owned()));
    assert!(event.is_set(), "waiting consumes nothing");
}

#[test]
fn the_first_reason_stays_and_the_second_caller_is_told_both() {
    let event = ShutdownEvent::new();
    assert_eq!(event.reason(), None);
    event.trigger().set("first").unwrap();
    let error = event.trigger().set(String::from("second")).unwrap_err();
    assert_eq!(error.first, Reason::from("first"));
    assert_eq!(error.yours, Reason::from("second"));
    assert_eq!(event.reason(), Some(Reason::from("first")));
    assert_eq!(error.to_string(), "the event was set before (first: first; yours: second)");
}

#[test]
fn a_child_hears_its_parent_and_never_the_other_way() {
    let root = ShutdownEvent::new();
    let (child, sibling) = (root.child(), root.child());
    child.trigger().set("child").unwrap();
    assert!(child.is_set() && !root.is_set() && !sibling.is_set());
    root.trigger().set("root").unwrap();
    assert!(root.is_set() && sibling.is_set());
    assert_eq!(child.reason(), Some(Reason::from("child")), "its own reason stays");
    assert_eq!(sibling.reason(), Some(Reason::from("root")));
    assert_eq!(child.trigger().set("again").unwrap_err().first, Reason::from("child"));
    assert_eq!(sibling.trigger().set("again").unwrap_err().first, Reason::from("root"));
}

#[test]
fn a_child_of_a_set_event_is_born_set_for_the_same_reason() {
    let root = ShutdownEvent::new();
    let below = root.child();
    below.trigger().set("below").unwrap();
    let born = below.child();
    assert_eq!(born.reason(), Some(Reason::from("below")));
    assert!(!is_pending(&mut born.wait()));
    drop(below);
    let grandchild = born.child();
    drop(born);
    assert_eq!(grandchild.reason(), Some(Reason::from("below")), "kept by who was told it");
    root.trigger().set("root").unwrap();
    assert_eq!(root.child().reason(), Some(Reason::from("root")));
    assert_eq!(grandchild.reason(), Some(Reason::from("below")));
}

#[test]
fn a_reason_is_used_again_by_nobody_who_was_not_set_with_it() {
    let root = ShutdownEvent::new();
    let kept = root.child();
    kept.trigger().set("kept").unwrap();
    for round in 0..100 {
        let event = root.child();
        let below = event.child();
        event.trigger().set(format!("round {round}")).unwrap();
        drop(event);
        assert_eq!(below.reason(), Some(Reason::from(format!("round {round}"))));
    }
    assert_eq!(kept.reason(), Some(Reason::from("kept")));
}

#[test]
fn a_guard_sets_when_it_is_dropped() {
    let event = ShutdownEvent::new();
    let guard = event.drop_guard();
    assert!(!event.is_set());
    drop(guard);
    assert_eq!(event.reason(), Some(Reason::GuardDropped));
    drop(event.drop_guard()); // set before: nothing happens
}

#[test]
fn a_guard_sets_when_its_owner_panics() {
    let event = ShutdownEvent::new();
    let guard = event.drop_guard();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("the owner");
    }));
    assert!(panicked.is_err());
    assert_eq!(event.reason(), Some(Reason::GuardDropped));
}

#[test]
fn a_disarmed_guard_leaves_the_event_alone_and_gives_the_trigger_back() {
    let event = ShutdownEvent::new();
    let trigger = event.drop_guard().disarm();
    assert!(!event.is_set());
    trigger.set("later").unwrap();
    assert!(event.is_set());
}

/// Two impls fit a `Clone` type, so that `check` would be ambiguous.
trait NotClone<A> {
    fn check() {}
}
impl<T> NotClone<()> for T {}
impl<T: Clone> NotClone<u8> for T {}

#[test]
fn a_guard_has_one_owner() {
    <DropGuard as NotClone<_>>::check();
}

#[test]
fn dropping_who_observes_or_may_set_sets_nothing() {
    let event = ShutdownEvent::new();
    drop((event.clone(), event.trigger(), event.child(), event.wait()));
    assert!(!event.is_set());
}

#[test]
fn an_event_without_an_ancestor_that_can_be_set_is_an_orphan() {
    let root = ShutdownEvent::new();
    assert!(!root.is_orphan(), "a root has no parent to lose");
    let child = root.child();
    let trigger = root.trigger();
    drop(root);
    assert!(!child.is_orphan(), "the trigger can set it");
    drop(trigger);
    assert!(child.is_orphan());
    let grandchild = child.child();
    assert!(!grandchild.is_orphan());
    drop(child);
    assert!(grandchild.is_orphan());
    grandchild.trigger().set("itself").unwrap();
    assert!(grandchild.is_set() && !grandchild.is_orphan(), "set is told before orphaned");
}

#[test]
fn a_waiter_keeps_its_event_settable_from_above() {
    let root = ShutdownEvent::new();
    let mut wait = root.child().wait_owned();
    assert!(is_pending(&mut wait));
    root.trigger().set(Reason::Requested).unwrap();
    assert!(poll(&mut wait, Waker::noop()).is_ready());
}

#[test]
fn a_second_lifespan_is_not_born_stopped() {
    for _ in 0..2 {
        let event = ShutdownEvent::new();
        let lifespan = Lifespan::on(ByHand::new()).event(event.clone());
        let report = by_hand::run(lifespan.serve(async |cx| {
            assert!(!cx.lifespan_event().is_set() && !cx.shutdown().is_set());
        }));
        assert_eq!(report.reason, Reason::ServeEnded);
        assert_eq!(event.reason(), Some(Reason::ServeEnded), "its stop sets the caller's event");
    }
}

#[test]
fn an_event_that_was_set_before_the_run_stops_it_before_anything_starts() {
    let event = ShutdownEvent::new();
    event.trigger().set("too late").unwrap();
    let lifespan = Lifespan::on(ByHand::new()).event(event);
    let report = lifespan.startup("db", async |_cx| panic!("it was started")).run();
    assert_eq!(report.reason, Reason::from("too late"));
    assert!(report.is_clean());
}
