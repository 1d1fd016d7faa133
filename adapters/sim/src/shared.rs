//! What the owner, the handles and the wakers of one loop share.
//!
//! Invariants, cited below:
//! 1. No foreign code (wakers, destructors, closures) runs under the lock.
//! 2. A task that is woken is queued, also when the loop has closed: its future is dropped by the
//!    loop's own thread, where a local future must be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::Duration;

use lifespan_core::LoopId;

use crate::queue::{Order, Queue, Ready};
use crate::random::SplitMix64;
use crate::time::{Clock, Timers};
use crate::trace::{Recorder, What};

pub(crate) struct Shared {
    pub(crate) id: LoopId,
    /// The thread of the owner, which cannot leave it.
    pub(crate) home: ThreadId,
    pub(crate) clock: Arc<Clock>,
    state: Mutex<State>,
    /// Rung when a loop that stands still should look again.
    bell: Condvar,
}

pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    pub(crate) recorder: Recorder,
    /// What was spawned and has not ended, by its number; `None` while it is being spawned.
    pub(crate) tasks: BTreeMap<u64, Option<Waker>>,
    /// The closures that run on threads.
    pub(crate) closures: BTreeSet<u64>,
    /// Those of them that began while nobody drove the loop, which stands still for them next.
    pub(crate) begun_between: BTreeSet<u64>,
    /// Somebody drives the loop.
    pub(crate) is_driven: bool,
    /// Which run it is, and whether its root is in the queue.
    pub(crate) run: u64,
    pub(crate) root_is_ready: bool,
    /// Nothing new may start.
    pub(crate) is_closed: bool,
    spawned: u64,
    /// Apart from the order of turns, which stays the same whoever draws lots.
    pub(crate) seeds: SplitMix64,
}

impl State {
    /// Gives a number to what is spawned, unless the loop has closed.
    pub(crate) fn next_number(&mut self) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        self.spawned += 1;
        self.recorder.note(What::Spawned(self.spawned));
        Some(self.spawned)
    }
}

impl Shared {
    pub(crate) fn new(order: Order, seed: u64) -> Arc<Self> {
        let clock = Arc::new(Clock::new());
        let state = State {
            queue: Queue::new(order),
            timers: Timers::default(),
            recorder: Recorder::new(Arc::clone(&clock)),
            tasks: BTreeMap::new(),
            closures: BTreeSet::new(),
            begun_between: BTreeSet::new(),
            is_driven: false,
            run: 0,
            root_is_ready: false,
            is_closed: false,
            spawned: 0,
            seeds: SplitMix64::new(!seed),
        };
        Arc::new(Self {
            id: LoopId::unique(),
            home: thread::current().id(),
            clock,
            state: Mutex::new(state),
            bell: Condvar::new(),
        })
    }

    /// Locks, whatever a panic elsewhere left behind (invariant 1: the data is consistent).
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring(&self) {
        self.bell.notify_all();
    }

    /// Queues what is ready (invariant 2).
    pub(crate) fn push(&self, ready: Ready) {
        let mut state = self.lock();
        state.recorder.note(What::Woken(ready.number()));
        state.queue.push(ready);
        drop(state);
        self.ring();
    }

    /// Stands still, in real time, for as long as `holds` and at most for `limit`.
    pub(crate) fn stand_still(&self, limit: Duration, holds: impl FnMut(&mut State) -> bool) {
        drop(self.bell.wait_timeout_while(self.lock(), limit, holds));
    }

    /// Takes all that is queued; if there is nothing, waits while `expects` more.
    pub(crate) fn take_queued(&self, expects: impl FnMut(&mut State) -> bool) -> VecDeque<Ready> {
        let state = self.bell.wait_while(self.lock(), expects);
        state.unwrap_or_else(PoisonError::into_inner).queue.take()
    }

    /// Moves the time, and fires what is due then. A waker that panics loses nobody else's wake-up.
    pub(crate) fn move_time(&self, to: u64) {
        let mut state = self.lock();
        self.clock.set(to);
        let due = state.timers.take_due(to);
        due.keys().for_each(|&(_, timer)| state.recorder.note(What::TimerFired(timer)));
        drop(state);
        for waker in due.into_values() {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
