//! Random dispatches and subscriptions, against lists.

use std::collections::VecDeque;

use lifespan_core::{Events, RecvError, Subscription};
use proptest::prelude::*;

use crate::by_hand::serve;
use crate::woken::{Count, poll};

/// What is done, to the name or subscriber that a number falls on.
#[derive(Clone, Debug)]
enum Step {
    Subscribe { name: usize, capacity: usize, texts: bool },
    Drop(usize),
    Dispatch { name: usize, text: bool },
    Take(usize),
    Poll(usize),
}

const NAMES: [&str; 3] = ["a", "b", "a name that needs more room than there is"];

fn step() -> impl Strategy<Value = Step> {
    let on = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        3 => (0..3_usize, 0..5_usize, prop::bool::weighted(0.2)).prop_map(
            |(name, capacity, texts)| Step::Subscribe { name, capacity, texts }
        ),
        2 => on.clone().prop_map(Step::Drop),
        8 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(
            |(name, text)| Step::Dispatch { name, text }
        ),
        4 => on.clone().prop_map(Step::Take),
        4 => on.prop_map(Step::Poll),
    ]
}

enum Held {
    Numbers(Subscription<u64>),
    Texts(Subscription<String>),
}

/// A subscriber, and what it ought to hear.
struct Listener {
    name: usize,
    held: Held,
    capacity: usize,
    queue: VecDeque<u64>,
    missed: u64,
}

impl Listener {
    fn is_texts(&self) -> bool {
        matches!(self.held, Held::Texts(_))
    }

    fn expect(&mut self) -> Option<Result<u64, RecvError>> {
        match std::mem::take(&mut self.missed) {
            0 => self.queue.pop_front().map(Ok),
            missed => Some(Err(RecvError::Lagged(missed))),
        }
    }

    fn take(&mut self) -> Option<Result<u64, RecvError>> {
        match &mut self.held {
            Held::Numbers(held) => held.try_recv().map(|it| it.map(|it| *it)).transpose(),
            Held::Texts(held) => {
                held.try_recv().map(|it| it.map(|it| it.parse().unwrap())).transpose()
            }
        }
    }

    fn poll(&mut self) -> Option<Result<u64, RecvError>> {
        let (count, waker) = Count::new();
        let polled = match &mut self.held {
            Held::Numbers(held) => poll(&mut held.recv(), &waker).map_ok(|it| *it),
            Held::Texts(held) => poll(&mut held.recv(), &waker).map_ok(|it| it.parse().unwrap()),
        };
        assert_eq!(count.stored(), 0, "a wait that is gone left its waker");
        match polled {
            std::task::Poll::Ready(next) => Some(next),
            std::task::Poll::Pending => None,
        }
    }
}

#[derive(Default)]
struct Model {
    listeners: Vec<Listener>,
    dispatched: u64,
}

impl Model {
    fn on(&self, name: usize) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(move |listener| listener.name == name)
    }

    fn apply(&mut self, events: &Events, step: &Step) {
        match *step {
            Step::Subscribe { name, capacity, texts } => {
                let held = match texts {
                    true => events.subscribe_bounded(NAMES[name], capacity).map(Held::Texts),
                    false => events.subscribe_bounded(NAMES[name], capacity).map(Held::Numbers),
                };
                let is_right = self.on(name).all(|listener| listener.is_texts() == texts);
                assert_eq!(held.is_ok(), is_right);
                if let Ok(held) = held {
                    let (capacity, queue) = (capacity.max(1), VecDeque::new());
                    self.listeners.push(Listener { name, held, capacity, queue, missed: 0 });
                }
            }
            Step::Drop(at) if !self.listeners.is_empty() => {
                self.listeners.swap_remove(at % self.listeners.len());
            }
            Step::Dispatch { name, text } => self.dispatch(events, name, text),
            Step::Take(at) if !self.listeners.is_empty() => {
                let at = at % self.listeners.len();
                assert_eq!(self.listeners[at].take(), self.listeners[at].expect());
            }
            Step::Poll(at) if !self.listeners.is_empty() => {
                let at = at % self.listeners.len();
                assert_eq!(self.listeners[at].poll(), self.listeners[at].expect());
            }
            Step::Drop(_) | Step::Take(_) | Step::Poll(_) => (),
        }
        for (index, name) in NAMES.iter().enumerate() {
            assert_eq!(events.subscribers(name), self.on(index).count());
        }
    }

    fn dispatch(&mut self, events: &Events, name: usize, text: bool) {
        let number = self.dispatched;
        self.dispatched += 1;
        let heard = match text {
            true => events.dispatch(NAMES[name], number.to_string()).map_err(drop),
            false => events.dispatch(NAMES[name], number).map_err(drop),
        };
        if self.on(name).any(|listener| listener.is_texts() != text) {
            assert_eq!(heard, Err(()));
            return;
        }
        assert_eq!(heard, Ok(self.on(name).count()));
        for listener in self.listeners.iter_mut().filter(|listener| listener.name == name) {
            if listener.queue.len() == listener.capacity {
                listener.queue.pop_front();
                listener.missed += 1;
            }
            listener.queue.push_back(number);
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
    fn events_do_what_lists_do(steps in prop::collection::vec(step(), 1..200)) {
        let _ = serve(async move |cx| {
            let mut model = Model::default();
            let events = cx.events().clone();
            for step in &steps {
                model.apply(&events, step);
            }
        });
    }
}
