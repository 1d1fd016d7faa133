//! What is ready, and the order in which it has its turn.

use std::collections::VecDeque;

use async_task::Runnable;

use crate::blocking::Work;
use crate::random::SplitMix64;
use crate::root::ROOT;

/// Has its turn when it leaves the queue.
pub(crate) enum Ready {
    Root,
    /// A task that was woken, with its number.
    Task(Runnable<u64>),
    /// A closure that waits for its thread.
    Work(Work),
}

impl Ready {
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Root => ROOT,
            Self::Task(task) => *task.metadata(),
            Self::Work(work) => work.number,
        }
    }
}

pub(crate) enum Order {
    /// First in, first out.
    Fifo,
    /// Any that is ready, by lot.
    Seeded(SplitMix64),
}

pub(crate) struct Queue {
    ready: VecDeque<Ready>,
    /// What becomes ready while a round goes on, of which it is not a part.
    next_round: Option<VecDeque<Ready>>,
    order: Order,
}

impl Queue {
    pub(crate) fn new(order: Order) -> Self {
        Self { ready: VecDeque::new(), next_round: None, order }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.next_round.as_ref().is_none_or(VecDeque::is_empty)
    }

    pub(crate) fn push(&mut self, ready: Ready) {
        self.next_round.as_mut().unwrap_or(&mut self.ready).push_back(ready);
    }

    /// Until the round ends, only what is ready now leaves the queue.
    pub(crate) fn begin_round(&mut self) {
        self.next_round.get_or_insert_default();
    }

    pub(crate) fn end_round(&mut self) {
        self.ready.extend(self.next_round.take().into_iter().flatten());
    }

    pub(crate) fn pop(&mut self) -> Option<Ready> {
        match &mut self.order {
            // One alone is no choice: lots are drawn where an order could differ.
            Order::Seeded(random) if self.ready.len() > 1 => {
                self.ready.swap_remove_back(random.below(self.ready.len()))
            }
            _ => self.ready.pop_front(),
        }
    }

    /// Takes all, in the order in which they came.
    pub(crate) fn take(&mut self) -> VecDeque<Ready> {
        self.end_round();
        std::mem::take(&mut self.ready)
    }

    /// Takes the closures that still wait for their turn.
    pub(crate) fn take_work(&mut self) -> Vec<Work> {
        let (mut waiting, mut others) = (Vec::new(), VecDeque::new());
        for ready in self.take() {
            match ready {
                Ready::Work(work) => waiting.push(work),
                other => others.push_back(other),
            }
        }
        self.ready = others;
        waiting
    }

    pub(crate) fn remove_root(&mut self) {
        self.ready.retain(|ready| !matches!(ready, Ready::Root));
    }
}
