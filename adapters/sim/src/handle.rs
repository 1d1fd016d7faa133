//! `Sim`: the handle of one simulated loop.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use lifespan_core::{Blocking, Closed, EventLoop, LocalLoop, LoopId, Tag, Timer, Untagged};

use crate::blocking::Work;
use crate::shared::Shared;
use crate::spawned::spawn;
use crate::time::{Clock, Sleep};

/// Handle of a loop that a [`SimLoop`](crate::SimLoop) drives.
///
/// It is weak: a task that holds one does not keep its loop, and so itself, alive.
#[derive(Clone)]
pub struct Sim<G = Untagged> {
    shared: Weak<Shared>,
    clock: Arc<Clock>,
    id: LoopId,
    tag: PhantomData<fn() -> G>,
}

impl<G> Sim<G> {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let (clock, id) = (Arc::clone(&shared.clock), shared.id);
        Self { shared: Arc::downgrade(shared), clock, id, tag: PhantomData }
    }

    /// Returns how much virtual time has passed since the loop was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

impl<G: Tag> EventLoop for Sim<G> {
    const NAME: &'static str = "sim";

    fn id(&self) -> LoopId {
        self.id
    }

    fn seed(&self) -> u64 {
        // A loop that has ended runs nobody who would draw lots.
        self.shared.upgrade().map_or(0, |shared| shared.lock().seeds.next())
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        spawn(&self.shared, future, |builder, future, schedule| {
            builder.spawn(|_| future, move |runnable| schedule.run(runnable))
        })
    }
}

impl<G: Tag> Timer for Sim<G> {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Weak::clone(&self.shared), &self.clock, duration)
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn has_virtual_time(&self) -> bool {
        true
    }
}

impl<G: Tag> Blocking for Sim<G> {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        let shared = self.shared.upgrade().ok_or_else(|| Closed::new(()))?;
        Work::take(&shared, work)
    }
}

impl<G: Tag> LocalLoop for Sim<G> {
    fn is_on_its_thread(&self) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.home == thread::current().id())
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        if !self.is_on_its_thread() {
            return Err(Closed::new(()));
        }
        spawn(&self.shared, future, |builder, future, schedule| {
            builder.spawn_local(|_| future, move |runnable| schedule.run(runnable))
        })
    }
}

impl<G> fmt::Debug for Sim<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("id", &self.id)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
