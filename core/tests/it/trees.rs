//! Trees of events, deep and wide: no recursion, and children that outlive their parents.

use std::thread;

use lifespan_core::{Reason, ShutdownEvent};

use crate::woken::{Count, poll};

const MANY: usize = 100_000;

/// Runs on a stack that a recursion over `MANY` would overrun.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(64 * 1024);
    thread.spawn(test).unwrap().join().unwrap();
}

fn chain(root: &ShutdownEvent) -> Vec<ShutdownEvent> {
    let mut chain = vec![root.clone()];
    for depth in 0..MANY {
        chain.push(chain[depth].child());
    }
    chain
}

#[test]
fn setting_a_chain_of_100_000_does_not_recurse() {
    on_a_small_stack(|| {
        let chain = chain(&ShutdownEvent::new());
        let (count, waker) = Count::new();
        let mut wait = chain[MANY].wait();
        assert!(poll(&mut wait, &waker).is_pending());
        chain[0].trigger().set("root").unwrap();
        assert!(chain.iter().all(ShutdownEvent::is_set));
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn setting_the_chain_below_its_root_does_not_recurse() {
    on_a_small_stack(|| {
        let chain = chain(&ShutdownEvent::new());
        chain[1].trigger().set("below").unwrap();
        assert!(!chain[0].is_set());
        assert!(chain[1..].iter().all(|event| event.reason() == Some(Reason::from("below"))));
    });
}

#[test]
fn dropping_a_chain_from_its_root_does_not_recurse() {
    on_a_small_stack(|| {
        let mut chain = chain(&ShutdownEvent::new());
        let leaf = chain.pop().unwrap();
        chain.into_iter().for_each(drop);
        assert!(leaf.is_orphan());
        drop(leaf);
    });
}

#[test]
fn dropping_a_chain_from_its_leaf_does_not_recurse() {
    on_a_small_stack(|| chain(&ShutdownEvent::new()).into_iter().rev().for_each(drop));
}

#[test]
fn a_set_chain_drops_without_recursion() {
    on_a_small_stack(|| {
        let chain = chain(&ShutdownEvent::new());
        chain[1].trigger().set("below").unwrap();
        chain.into_iter().for_each(drop);
    });
}

#[test]
fn the_leaf_of_a_chain_whose_middle_is_gone_hears_the_root() {
    on_a_small_stack(|| {
        let root = ShutdownEvent::new();
        let leaf = chain(&root).pop().unwrap();
        assert!(!leaf.is_orphan());
        root.trigger().set("root").unwrap();
        assert_eq!(leaf.reason(), Some(Reason::from("root")));
    });
}

#[test]
fn a_dropped_middle_node_gives_its_children_to_its_parent() {
    for children in 1..=4 {
        let root = ShutdownEvent::new();
        let above = root.child();
        let (before, middle, after) = (above.child(), above.child(), above.child());
        let below = (0..children).map(|_| middle.child()).collect::<Vec<_>>();
        drop(middle);
        let (count, waker) = Count::new();
        let mut waits = below.iter().map(ShutdownEvent::wait).collect::<Vec<_>>();
        assert!(waits.iter_mut().all(|wait| poll(wait, &waker).is_pending()));
        assert!(below.iter().all(|event| !event.is_set() && !event.is_orphan()));
        above.trigger().set("above").unwrap();
        assert!([before, after].iter().chain(&below).all(ShutdownEvent::is_set));
        assert_eq!(count.get(), children);
        assert!(!root.is_set());
    }
}

#[test]
fn a_dead_node_goes_with_its_last_children() {
    let root = ShutdownEvent::new();
    let middle = root.child();
    let (first, second, third) = (middle.child(), middle.child(), middle.child());
    drop(middle);
    drop(second);
    first.trigger().set("first").unwrap();
    assert!(!third.is_set());
    drop(first);
    let beside = root.child();
    root.trigger().set("root").unwrap();
    assert!(third.is_set() && beside.is_set());
}

#[test]
fn dead_nodes_below_dead_nodes_still_pass_the_set_on() {
    let root = ShutdownEvent::new();
    let top = root.child();
    let (left, right) = (top.child(), top.child());
    let leaves = [&left, &left, &right, &right].map(ShutdownEvent::child);
    drop((left, top, right));
    let (one, rest) = leaves.split_first().unwrap();
    one.trigger().set("one").unwrap();
    assert!(rest.iter().all(|leaf| !leaf.is_set()));
    root.trigger().set("root").unwrap();
    assert!(leaves.iter().all(ShutdownEvent::is_set));
}

/// Were a drop to move the children to the parent, this would be 10^10 moves, and a hang.
#[test]
fn dropping_a_node_does_not_touch_its_100_000_children() {
    let root = ShutdownEvent::new();
    let mut chain = chain(&root);
    let children = (0..MANY).map(|_| chain[MANY].child()).collect::<Vec<_>>();
    while let Some(event) = chain.pop() {
        drop(event);
    }
    root.trigger().set("root").unwrap();
    assert!(children.iter().all(ShutdownEvent::is_set));
}

#[test]
fn children_are_dropped_in_any_order() {
    let root = ShutdownEvent::new();
    let middle = root.child();
    let mut children = (0..1000).map(|_| middle.child()).collect::<Vec<_>>();
    drop(middle);
    while children.len() > 3 {
        let at = children.len() * 7 / 11;
        children.swap_remove(at);
    }
    root.trigger().set("root").unwrap();
    assert!(children.iter().all(ShutdownEvent::is_set));
}
