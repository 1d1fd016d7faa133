//! The turns of a scope in which only so many tasks run at once: the others wait for theirs, in the
//! order in which they came.
//!
//! A task that waits is a live member of the registry, queued (`Flags::QUEUED`). Its future, which the
//! loop has, waits for that flag to fall. Lock order: the turns, then a shard. As long as a task is in
//! the queue its record is its own: whoever settles it takes it out first.

use std::collections::BTreeMap;

use super::{RecordAt, Registry, Slot};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::{Flags, TaskId};
use crate::waiters::Taken;
use crate::wake::wake_all;

pub(super) struct Turns {
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Whoever runs or waits.
    members: BTreeMap<TaskId, Member>,
    running: usize,
    /// By the number under which each came, which an id is not: each thread takes some of those at a time.
    waiting: BTreeMap<u64, (TaskId, Slot)>,
    /// How many had to wait until now.
    came: u64,
}

enum Member {
    Runs,
    Waits { number: u64 },
}

/// A place in the queue for one who is about to be registered.
pub(super) struct Entrance<'a> {
    queue: MutexGuard<'a, Queue>,
    runs: bool,
}

impl Turns {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), queue: Mutex::default() }
    }

    pub(super) fn enter(&self) -> Entrance<'_> {
        let queue = lock(&self.queue);
        // Where one has left, and who waits first has not begun yet, that one's turn comes next.
        let runs = queue.running < self.limit && queue.waiting.is_empty();
        Entrance { queue, runs }
    }
}

impl Entrance<'_> {
    /// What the record of the task is opened with: its end must be noticed.
    pub(super) fn flags(&self) -> u32 {
        let attended = Flags::ATTENDED | Flags::LISTED;
        if self.runs { attended } else { attended | Flags::QUEUED }
    }

    pub(super) fn take(mut self, id: TaskId, slot: Slot) {
        if self.runs {
            self.queue.run(id);
        } else {
            self.queue.wait(id, slot);
        }
    }
}

impl Queue {
    fn run(&mut self, id: TaskId) {
        self.members.insert(id, Member::Runs);
        self.running += 1;
    }

    fn wait(&mut self, id: TaskId, slot: Slot) {
        let number = self.came;
        self.came += 1;
        self.members.insert(id, Member::Waits { number });
        self.waiting.insert(number, (id, slot));
    }

    /// Takes out who waits first.
    fn first(&mut self) -> Option<(TaskId, Slot)> {
        let (_, (id, slot)) = self.waiting.pop_first()?;
        self.members.remove(&id);
        Some((id, slot))
    }

    /// Takes a task out. Tells whether it ran.
    fn leave(&mut self, id: TaskId) -> bool {
        match self.members.remove(&id) {
            Some(Member::Runs) => {
                self.running -= 1;
                true
            }
            Some(Member::Waits { number }) => {
                self.waiting.remove(&number);
                false
            }
            None => false,
        }
    }
}

impl Registry {
    pub(super) fn turns(&self) -> Option<&Turns> {
        self.above.as_ref()?.turns.as_deref()
    }

    /// Whether tasks may have to wait for their turn here.
    #[inline]
    pub(crate) fn has_turns(&self) -> bool {
        self.above.is_some() && self.turns().is_some()
    }

    /// A task is about to settle. Tells whether that gives another one its turn.
    pub(super) fn leave_turn(&self, task: RecordAt<'_>) -> bool {
        let Some(turns) = self.turns() else { return false };
        let id = task.id();
        lock(&turns.queue).leave(id)
    }

    /// Has those begin whose turn it is now.
    pub(super) fn next_turn(&self) {
        let Some(turns) = self.turns() else { return };
        let mut woken = Taken::default();
        let mut queue = lock(&turns.queue);
        while queue.running < turns.limit {
            let Some((id, slot)) = queue.first() else { break };
            let mut shard = self.shards.at(slot.shard()).lock();
            let waker = shard.begin_turn(slot.index());
            drop(shard);
            // One that is cancelled never runs, and settles by itself.
            if let Some(waker) = waker {
                queue.run(id);
                woken.extend(waker);
            }
        }
        drop(queue);
        let _ = wake_all(woken);
    }
}
