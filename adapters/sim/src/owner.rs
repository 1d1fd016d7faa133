//! `SimLoop`: owns a simulated loop and drives it, on the calling thread.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use lifespan_core::{EventLoop, Inside, LoopOwner, RunError, StandsStill, Tag, TagClaim, Untagged};

use crate::drive::{Drive, Options};
use crate::queue::Order;
use crate::random::SplitMix64;
use crate::root::Root;
use crate::shared::Shared;
use crate::{Sim, Trace};

/// Owns a loop with virtual time and an order of turns that a seed decides.
///
/// Whatever is ready has its turn; when nothing is, the time moves to the next timer at once. When
/// there is no timer either, [`run`](LoopOwner::run) ends with
/// [`RunError::Stalled`](RunError::Stalled), the list of what each task waits for.
///
/// Compared with tokio's paused time, it is a loop of its own: the order varies with the seed and
/// with nothing else, and a deadlock is a list, not a hang.
///
/// It stays on its thread, because local tasks do. Dropping it drops the tasks that still live.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use lifespan_core::Lifespan;
/// use lifespan_sim::SimLoop;
///
/// let report = Lifespan::on(SimLoop::new(7))
///     .serve(async |cx| cx.sleep(Duration::from_secs(3600)).await)
///     .run();
/// assert_eq!(report.phases.serving, Duration::from_secs(3600));
/// ```
pub struct SimLoop<G = Untagged> {
    shared: Closes,
    options: Options,
    tag: PhantomData<fn() -> G>,
    /// Local futures are dropped on the thread that spawned them.
    stays: PhantomData<Rc<()>>,
}

impl SimLoop {
    /// Who is ready has its turn by lot: the same seed, the same order.
    ///
    /// The lots are those of SplitMix64, so a seed means the same in every version.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_order(Order::Seeded(SplitMix64::new(seed)), seed)
    }

    /// Who is ready first has its turn first, for tests with exact output.
    ///
    /// Whatever is ready comes before timers that are due.
    #[must_use]
    pub fn fifo() -> Self {
        Self::with_order(Order::Fifo, 0)
    }

    fn with_order(order: Order, seed: u64) -> Self {
        let options = Options { patience: Duration::from_millis(100), waits_for_threads: false };
        let shared = Closes(Shared::new(order, seed));
        Self { shared, options, tag: PhantomData, stays: PhantomData }
    }

    /// Gives the loop a tag, so that its handle is a type of its own: `Sim<G>`.
    #[must_use]
    pub fn tag<G: Tag>(self) -> SimLoop<G> {
        let Self { shared, options, stays, .. } = self;
        SimLoop { shared, options, tag: PhantomData, stays }
    }
}

impl<G: Tag> SimLoop<G> {
    /// Writes down every step from now on, for [`trace`](Self::trace). Default: off.
    #[must_use]
    pub fn traced(self) -> Self {
        self.shared.0.lock().recorder.begin();
        self
    }

    /// Sets for how long, in real time, the loop stands still for other threads. Default: 100 ms.
    ///
    /// It does so when a blocking closure begins, until that has ended, and while closures run
    /// (or with [`wait_for_threads`](Self::wait_for_threads)) before each move of the time, but no
    /// longer than the time would move. When there is no timer to move to, it takes two hundred
    /// times as long before the run has stalled. A program without closures never waits.
    ///
    /// More makes closures that compute for long deterministic, and costs nothing where they end by
    /// themselves. Less makes a program fast whose closures wait for it while much time passes.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.options.patience = patience;
        self
    }

    /// Expects wake-ups from other threads, such as a stop source's or another worker's: see
    /// [`patience`](Self::patience). Default: they are heard, and not waited for.
    ///
    /// When they come is not decided by the seed.
    #[must_use]
    pub fn wait_for_threads(mut self) -> Self {
        self.options.waits_for_threads = true;
        self
    }

    /// Returns a handle of the loop, for use before it runs.
    #[must_use]
    pub fn handle(&self) -> Sim<G> {
        Sim::new(&self.shared.0)
    }

    /// Returns what happened so far; empty unless [`traced`](Self::traced).
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.shared.0.lock().recorder.trace()
    }

    /// Returns how much virtual time has passed since the loop was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.0.clock.elapsed()
    }

    /// Lets time pass while nobody drives the loop, up to the end of the clock; no timer fires now.
    ///
    /// Those that are due by then fire when the loop is next driven, after what was ready before:
    /// as if a synchronous program had been busy, or asleep, for so long.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::Foreground;
    /// use lifespan_sim::SimLoop;
    ///
    /// let mut foreground = Foreground::on(SimLoop::fifo())?;
    /// let nap = foreground.schedule(async |cx| cx.sleep(Duration::from_secs(60)).await);
    /// foreground.step()?;
    /// foreground.owner_mut().advance(Duration::from_secs(60));
    /// assert!(!nap.task_ref().is_finished(), "nobody drives the loop");
    /// foreground.step()?;
    /// assert!(nap.task_ref().is_finished());
    /// # Ok::<(), lifespan_core::RunError>(())
    /// ```
    pub fn advance(&mut self, duration: Duration) {
        self.shared.0.clock.advance(duration);
    }
}

impl<G: Tag> LoopOwner for SimLoop<G> {
    type Handle = Sim<G>;

    /// A panic that leaves a future which was spawned on the handle itself goes through this call;
    /// the tasks of a scope let none out.
    fn run<T, F: AsyncFnOnce(&Sim<G>) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let _inside = Inside::enter_first("SimLoop::run")?;
        let handle = self.handle();
        let _claim = TagClaim::new::<G>(handle.id())?;
        let root = Root::enter(&self.shared.0);
        let future = pin!(f(&handle));
        Drive::begin(&self.shared.0, self.options).run(&root, future)
    }
}

impl<G: Tag> StandsStill for SimLoop<G> {
    /// Exactly one turn each, in the order of this loop: first whoever is ready now, then those that
    /// timers which are due by now have made ready, or the turns of the first.
    ///
    /// The time stands still, and the loop waits for no thread, except for closures as
    /// [`patience`](SimLoop::patience) says.
    fn step(&mut self) -> Result<(), RunError> {
        let _inside = Inside::enter_first("SimLoop::step")?;
        Drive::begin(&self.shared.0, self.options).step()
    }
}

impl<G> fmt::Debug for SimLoop<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimLoop")
            .field("id", &self.shared.0.id)
            .field("elapsed", &self.shared.0.clock.elapsed())
            .finish_non_exhaustive()
    }
}

/// The loop ends with this.
struct Closes(Arc<Shared>);

impl Closes {
    /// Drops whatever is queued, and waits for what is on its way into the queue: a wake-up from
    /// another thread, which must not be the one that drops a local future.
    fn drop_tasks(&self) {
        loop {
            let queued =
                self.0.take_queued(|state| state.queue.is_empty() && !state.tasks.is_empty());
            if queued.is_empty() {
                return;
            }
            for ready in queued {
                // A closure may have a destructor that panics, as a future may.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(ready)));
            }
        }
    }
}

impl Drop for Closes {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        let wakers = state.tasks.values().flatten().cloned().collect::<Vec<_>>();
        let timers = state.timers.take_all();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        for waker in timers.into_values() {
            // Of whoever waits elsewhere for a time that will not come.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        self.drop_tasks();
    }
}
