//! Two threads that spawn, track, look up, stop, cancel and drop at random, each against a list of its
//! own.
//!
//! A thread has names that only it uses: of those it knows at any time whether they are taken. Other
//! names both use: of those it is only known that no two bodies live at once. The random numbers
//! have a fixed seed; how the threads take turns is the system's.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use futures_lite::future::block_on;
use lifespan_core::{
    Cx, EventLoop, LoopOwner, Outcome, ShutdownEvent, SpawnError, Spawner, Task, TaskId, TaskRef,
    Timer,
};

use crate::support::{Moment, Random, at_the_least, handle_of, inside};

/// What each thread does at the least.
const STEPS: usize = 4_000;

const OWN_NAMES: usize = 12;
const SHARED_NAMES: usize = 3;

/// No answer differs from what the thread's own list says, and nothing is left at the end.
pub fn is_as_the_lists_say<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (handle, until) = (handle_of(&mut owner), at_the_least());
    inside(owner, async move |cx| {
        let lives = Arc::new([const { AtomicUsize::new(0) }; SHARED_NAMES]);
        let done = [1, 2].map(|number| {
            let (handle, spawner, lives) = (handle.clone(), cx.spawner(), Arc::clone(&lives));
            let done = Moment::default();
            let at_end = done.on_drop();
            let thread = thread::spawn(move || {
                let _at_end = at_end;
                Churn::new(handle, spawner, number, lives).run(until);
            });
            (done, thread)
        });
        for (done, thread) in done {
            done.wait().await;
            thread.join().unwrap();
        }
        while let Some(task) = cx.tasks().iter().next() {
            task.cancel().await;
        }
        assert!(cx.tasks().is_empty());
        assert!(lives.iter().all(|lives| lives.load(Ordering::SeqCst) == 0));
    });
}

/// A task that lives until it is cancelled, or stopped if it is polite.
struct Entry {
    id: TaskId,
    handle: Option<Task<()>>,
    is_polite: bool,
}

struct Churn<L> {
    /// Carries what is tracked.
    handle: L,
    spawner: Spawner<L>,
    random: Random,
    own: [(String, Option<Entry>); OWN_NAMES],
    shared: Arc<[AtomicUsize; SHARED_NAMES]>,
}

impl<L: EventLoop> Churn<L> {
    fn new(
        handle: L,
        spawner: Spawner<L>,
        number: u64,
        shared: Arc<[AtomicUsize; SHARED_NAMES]>,
    ) -> Self {
        // Some are longer than what is kept inline.
        let name = |at| {
            format!("{}{number}-{at}", if at % 3 == 0 { "long ".repeat(9) } else { String::new() })
        };
        let own = std::array::from_fn(|at| (name(at), None));
        Self { handle, spawner, random: Random::new(number), own, shared }
    }

    fn run(mut self, until: Instant) {
        let mut step = 0;
        while step < STEPS || Instant::now() < until {
            step += 1;
            let at = self.random.below(OWN_NAMES);
            match self.random.below(13) {
                0..3 => self.spawn(at),
                3 => self.look_up(at),
                4 => self.cancel(at),
                5 => self.stop(at),
                6 => self.own[at].1.iter_mut().for_each(|entry| entry.handle = None),
                7 => self.spawn_one_that_ends(at),
                8 => self.spawn_shared(),
                9 => self.cancel_shared(),
                10..12 => self.track(at),
                _ => self.track_one_that_ends(at),
            }
        }
        for at in 0..OWN_NAMES {
            self.cancel(at);
            self.look_up(at);
        }
    }

    fn spawn(&mut self, at: usize) {
        let is_polite = self.random.below(2) == 0;
        let spawned = self.spawner.task(self.own[at].0.clone());
        let spawned =
            spawned.spawn(async move |cx: Cx<'_, L>| live(cx.shutdown(), is_polite).await);
        self.enter(
            at,
            spawned.map(|task| {
                let id = task.task_ref().id();
                Entry { id, handle: Some(task), is_polite }
            }),
        );
    }

    /// As `spawn`, of a future that the bare loop carries.
    fn track(&mut self, at: usize) {
        let is_polite = self.random.below(2) == 0;
        let tracked = self.spawner.task(self.own[at].0.clone());
        let tracked = tracked.track_with(|stop| async move { live(&stop, is_polite).await });
        let handle = self.handle.clone();
        self.enter(
            at,
            tracked.map(|tracked| {
                let id = tracked.task_ref().id();
                assert!(handle.spawn(async { drop(tracked.await) }).is_ok(), "the loop runs");
                Entry { id, handle: None, is_polite }
            }),
        );
    }

    /// Enters a task that has begun, where none lives; where one does, it was refused.
    fn enter<F>(&mut self, at: usize, begun: Result<Entry, SpawnError<F>>) {
        let (name, entry) = &mut self.own[at];
        match (begun, &entry) {
            (Ok(begun), None) => *entry = Some(begun),
            (Err(SpawnError::NameTaken { name: taken, .. }), Some(_)) => {
                assert_eq!(taken.as_str(), name)
            }
            (Ok(_), Some(_)) => panic!("{name} lives, and was spawned again"),
            (Err(error), _) => panic!("{name}: {error}"),
        }
    }

    fn look_up(&self, at: usize) {
        let (name, entry) = &self.own[at];
        let tasks = self.spawner.tasks();
        let id = entry.as_ref().map(|entry| entry.id);
        assert_eq!(tasks.get(name).map(|task| task.id()), id, "{name}");
        assert_eq!(tasks.contains(name), id.is_some(), "{name}");
        let listed = tasks.iter().filter(|task| task.name().is_some_and(|n| n.as_str() == name));
        assert!(listed.map(|task| task.id()).eq(id), "{name} is listed once, if it lives");
    }

    fn cancel(&mut self, at: usize) {
        let (name, entry) = &mut self.own[at];
        let ended = block_on(self.spawner.tasks().cancel(name));
        match (ended, entry.take()) {
            (Ok(Outcome::Cancelled), Some(entry)) => {
                if let Some(task) = entry.handle {
                    assert!(block_on(task).is_err(), "{name} was cancelled");
                }
            }
            (Err(error), None) => assert_eq!(error.name().as_str(), name),
            (ended, entry) => panic!("{name}: {ended:?}, and it lived: {}", entry.is_some()),
        }
    }

    /// Stops a task; a polite one ends by itself, and its name is free then.
    fn stop(&mut self, at: usize) {
        let (name, entry) = &mut self.own[at];
        match self.spawner.tasks().stop(name) {
            Ok(task) => {
                let stopped = entry.as_ref().unwrap_or_else(|| panic!("{name} did not live"));
                assert_eq!(task.id(), stopped.id);
                if stopped.is_polite {
                    assert!(matches!(ended(&task), Outcome::Completed));
                    *entry = None;
                }
            }
            Err(_) => assert!(entry.is_none(), "{name} lives"),
        }
    }

    fn spawn_one_that_ends(&mut self, at: usize) {
        let (name, entry) = &self.own[at];
        let spawned = self.spawner.task(name.clone()).spawn(async move |_cx| at);
        assert_eq!(spawned.is_ok(), entry.is_none(), "{name}");
        let Ok(task) = spawned else { return };
        if self.random.below(2) == 0 {
            assert_eq!(block_on(task).unwrap(), at);
        } else {
            let task_ref = task.task_ref().clone();
            task.detach();
            assert!(matches!(ended(&task_ref), Outcome::Completed));
        }
    }

    /// As `spawn_one_that_ends`, of a future that this thread carries, or drops.
    fn track_one_that_ends(&mut self, at: usize) {
        let (name, entry) = &self.own[at];
        let tracked = self.spawner.task(name.clone()).track(async move { at });
        assert_eq!(tracked.is_ok(), entry.is_none(), "{name}");
        let Ok(tracked) = tracked else { return };
        if self.random.below(2) == 0 {
            assert_eq!(block_on(tracked).unwrap(), at);
        } else {
            let task = tracked.task_ref().clone();
            drop(tracked);
            assert!(matches!(ended(&task), Outcome::Cancelled));
        }
    }

    fn spawn_shared(&mut self) {
        let at = self.random.below(SHARED_NAMES);
        let lives = Arc::clone(&self.shared);
        let spawned = self.spawner.task(format!("shared-{at}")).spawn(async move |_cx| {
            let _alone = Alone::begin(&lives[at]);
            pending::<()>().await;
        });
        match spawned {
            Ok(task) => task.detach(),
            Err(error) => assert!(matches!(error, SpawnError::NameTaken { .. }), "{error}"),
        }
    }

    fn cancel_shared(&mut self) {
        let at = self.random.below(SHARED_NAMES);
        if let Some(task) = self.spawner.tasks().get(&format!("shared-{at}")) {
            assert!(matches!(block_on(task.cancel()), Outcome::Cancelled));
        }
    }
}

/// Until it is stopped, or without end.
async fn live(stop: &ShutdownEvent, is_polite: bool) {
    if is_polite {
        stop.wait().await;
    } else {
        pending::<()>().await;
    }
}

fn ended(task: &TaskRef) -> Outcome {
    block_on(task.finished())
}

/// Held by the body of a name that two threads want: it lives alone.
struct Alone<'a>(&'a AtomicUsize);

impl<'a> Alone<'a> {
    fn begin(lives: &'a AtomicUsize) -> Self {
        assert_eq!(lives.fetch_add(1, Ordering::SeqCst), 0, "two bodies have one name");
        Self(lives)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
