//! Random operations on a tree of events, against a tree that keeps every node.

use lifespan_core::{Reason, ShutdownEvent, WaitOwned};
use proptest::prelude::*;

use crate::woken::{Count, poll};

/// What is done, to the handle or waiter that a number falls on.
#[derive(Clone, Debug)]
enum Step {
    Child(usize),
    Clone(usize),
    Drop(usize),
    Set(usize),
    Wait(usize),
    PollAgain(usize),
    DropWait(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let on = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        6 => on.clone().prop_map(Step::Child),
        1 => on.clone().prop_map(Step::Clone),
        5 => on.clone().prop_map(Step::Drop),
        1 => on.clone().prop_map(Step::Set),
        3 => on.clone().prop_map(Step::Wait),
        1 => on.clone().prop_map(Step::PollAgain),
        2 => on.prop_map(Step::DropWait),
    ]
}

/// A node of the model: it is never forgotten.
#[derive(Default)]
struct Node {
    parent: Option<usize>,
    reason: Option<Reason>,
    handles: usize,
}

struct Waiter {
    node: usize,
    wait: WaitOwned,
    /// Of the waker that was registered last, and those before.
    counts: Vec<(std::sync::Arc<Count>, std::task::Waker)>,
}

#[derive(Default)]
struct Model {
    nodes: Vec<Node>,
    handles: Vec<(usize, ShutdownEvent)>,
    waiters: Vec<Waiter>,
    sets: usize,
}

impl Model {
    fn new() -> Self {
        let root = Node { handles: 1, ..Node::default() };
        let handles = vec![(0, ShutdownEvent::new())];
        Self { nodes: vec![root], handles, ..Self::default() }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Child(at) => self.on_handle(at, |model, node, event| {
                let child = event.child();
                let reason = model.nodes[node].reason.clone();
                let index = model.nodes.len();
                model.nodes.push(Node { parent: Some(node), reason, handles: 0 });
                model.keep(index, child);
            }),
            Step::Clone(at) => self.on_handle(at, |model, node, event| model.keep(node, event)),
            Step::Set(at) => self.on_handle(at, |model, node, event| model.set(node, &event)),
            Step::Wait(at) => self.on_handle(at, |model, node, event| {
                let (count, waker) = Count::new();
                let mut wait = event.wait_owned();
                let is_set = model.nodes[node].reason.is_some();
                assert_eq!(poll(&mut wait, &waker).is_ready(), is_set);
                if !is_set {
                    model.nodes[node].handles += 1;
                    model.waiters.push(Waiter { node, wait, counts: vec![(count, waker)] });
                }
            }),
            Step::Drop(at) if !self.handles.is_empty() => {
                let (node, event) = self.handles.swap_remove(at % self.handles.len());
                drop(event);
                self.nodes[node].handles -= 1;
            }
            Step::PollAgain(at) if !self.waiters.is_empty() => {
                let at = at % self.waiters.len();
                let waiter = &mut self.waiters[at];
                let is_set = self.nodes[waiter.node].reason.is_some();
                let (count, waker) = Count::new();
                assert_eq!(poll(&mut waiter.wait, &waker).is_ready(), is_set);
                if !is_set {
                    waiter.counts.push((count, waker));
                }
            }
            Step::DropWait(at) if !self.waiters.is_empty() => {
                let waiter = self.waiters.swap_remove(at % self.waiters.len());
                self.nodes[waiter.node].handles -= 1;
                drop(waiter.wait);
                assert!(waiter.counts.iter().all(|(count, _)| count.stored() == 0));
            }
            Step::Drop(_) | Step::PollAgain(_) | Step::DropWait(_) => (),
        }
    }

    fn on_handle(&mut self, at: usize, act: impl FnOnce(&mut Self, usize, ShutdownEvent)) {
        if !self.handles.is_empty() {
            let (node, event) = self.handles[at % self.handles.len()].clone();
            act(self, node, event);
        }
    }

    fn keep(&mut self, node: usize, event: ShutdownEvent) {
        self.nodes[node].handles += 1;
        self.handles.push((node, event));
    }

    fn set(&mut self, node: usize, event: &ShutdownEvent) {
        self.sets += 1;
        let reason = Reason::from(format!("set {}", self.sets));
        let result = event.trigger().set(reason.clone());
        if let Some(first) = self.nodes[node].reason.clone() {
            let error = result.unwrap_err();
            assert_eq!((error.first, error.yours), (first, reason));
            return;
        }
        assert_eq!(result, Ok(()));
        // A parent is always before its children.
        self.nodes[node].reason = Some(reason.clone());
        for below in node + 1..self.nodes.len() {
            let heard = self.nodes[below]
                .parent
                .is_some_and(|parent| self.nodes[parent].reason.as_ref() == Some(&reason));
            if heard && self.nodes[below].reason.is_none() {
                self.nodes[below].reason = Some(reason.clone());
            }
        }
    }

    fn is_orphan(&self, node: usize) -> bool {
        let mut up = self.nodes[node].parent;
        if up.is_none() || self.nodes[node].reason.is_some() {
            return false;
        }
        while let Some(above) = up {
            if self.nodes[above].handles > 0 {
                return false;
            }
            up = self.nodes[above].parent;
        }
        true
    }

    fn check(&self) {
        for (node, event) in &self.handles {
            let reason = self.nodes[*node].reason.clone();
            assert_eq!((event.is_set(), event.reason()), (reason.is_some(), reason));
            assert_eq!(event.is_orphan(), self.is_orphan(*node));
        }
        for waiter in &self.waiters {
            let (last, replaced) = waiter.counts.split_last().unwrap();
            let is_set = self.nodes[waiter.node].reason.is_some();
            assert_eq!((last.0.get(), last.0.stored()), (is_set.into(), (!is_set).into()));
            assert!(replaced.iter().all(|(old, _)| (old.get(), old.stored()) == (0, 0)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_tree_of_events_does_what_a_tree_that_forgets_nothing_does(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.apply(step);
            model.check();
        }
    }
}
