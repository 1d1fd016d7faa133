//! What all parts of a program share, and the foreign code that acts on it.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::task::Wake;
use std::thread;

use lifespan_core::{Observer, OpenScope, Outcome, Spawner, Task, TaskEnd, TaskId, TaskRef};
use lifespan_sim::Sim;

use super::{Place, open, spawn, wait_for_long};

pub(super) const NAMES: [&str; 3] = ["a", "b", "a name that is too long to be kept inline"];

/// How often observers heard of a task, and of what.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) spawned: u32,
    pub(super) ended: u32,
    pub(super) failed: u32,
    pub(super) is_failure: bool,
    pub(super) is_heard: bool,
}

pub(super) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What all parts of a program share.
#[derive(Default)]
pub(super) struct World {
    pub(super) is_over: AtomicBool,
    random: Mutex<u64>,
    pub(super) spawned: AtomicUsize,
    depth: AtomicUsize,
    pub(super) spawners: Mutex<Vec<(Spawner<Sim>, Arc<Place>)>>,
    pub(super) scopes: Mutex<Vec<OpenScope<Sim>>>,
    pub(super) tasks: Mutex<Vec<Task<()>>>,
    pub(super) refs: Mutex<Vec<TaskRef>>,
    pub(super) waits: Mutex<Vec<Wait>>,
    pub(super) told: Mutex<HashMap<TaskId, Told>>,
    pub(super) wrong: Mutex<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { random: Mutex::new(seed), ..Self::default() })
    }

    /// Steele's SplitMix.
    pub(super) fn below(&self, bound: usize) -> usize {
        let mut state = self.random.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) >> 33) as usize % bound
    }

    pub(super) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.lock().unwrap().push(what());
        }
    }

    pub(super) fn take<T>(&self, list: &Mutex<Vec<T>>) -> Option<T> {
        let mut list = list.lock().unwrap();
        let at = (!list.is_empty()).then(|| self.below(list.len()))?;
        Some(list.swap_remove(at))
    }

    pub(super) fn look<T: Clone>(&self, list: &Mutex<Vec<T>>) -> Option<T> {
        let list = list.lock().unwrap();
        (!list.is_empty()).then(|| list[self.below(list.len())].clone())
    }

    /// Foreign code does anything, and may panic: without the hook, which would print each of them.
    pub(super) fn do_anything(self: &Arc<Self>) {
        if self.below(4) > 0 || self.is_over.load(Relaxed) || self.depth.load(Relaxed) > 2 {
            return;
        }
        self.depth.fetch_add(1, Relaxed);
        quietly(catch_unwind(AssertUnwindSafe(|| match self.below(9) {
            0 | 1 => spawn(self),
            2 => open(self),
            3 => drop(self.take(&self.scopes)),
            4 => drop(self.look(&self.refs).map(|task| task.cancel())),
            5 => drop(self.look(&self.refs).map(|task| task.stop())),
            6 => quietly((self.take(&self.tasks), self.take(&self.waits))),
            7 => wait_for_long(self),
            _ => {
                let Some((spawner, _)) = self.look(&self.spawners) else { return };
                spawner.tasks().keep_finished(self.below(3));
                drop(spawner.tasks().cancel(NAMES[self.below(3)]));
            }
        })));
        self.depth.fetch_sub(1, Relaxed);
        if self.below(4) == 0 && !thread::panicking() {
            resume_unwind(Box::new("foreign code"));
        }
    }
}

pub(super) fn put<T>(list: &Mutex<Vec<T>>, what: T) {
    list.lock().unwrap().push(what);
}

/// Drops what may have a destructor that panics.
pub(super) fn quietly<T>(value: T) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(value))));
}

pub(super) struct Hears(pub(super) Weak<World>);

impl Hears {
    fn note(&self, task: &TaskRef, note: impl FnOnce(&mut Told)) {
        let Some(world) = self.0.upgrade() else { return };
        note(world.told.lock().unwrap().entry(task.id()).or_default());
        world.do_anything();
    }
}

impl Observer for Hears {
    fn task_spawned(&self, task: &TaskRef) {
        self.note(task, |told| told.spawned += 1);
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        let is_failure = end.outcome().is_failure();
        self.note(task, |told| (told.ended, told.is_failure) = (told.ended + 1, is_failure));
    }

    fn task_failed(&self, task: &TaskRef, _outcome: &Outcome) {
        self.note(task, |told| told.failed += 1);
    }
}

/// A waker, and an error.
#[derive(Clone)]
pub(super) struct Foreign(pub(super) Arc<World>);

impl Drop for Foreign {
    fn drop(&mut self) {
        self.0.do_anything();
    }
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.0.do_anything();
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }
}

impl std::error::Error for Foreign {}
