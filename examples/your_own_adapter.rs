//! An adapter for an event loop of one's own: a queue, sorted timers, and a thread that parks.
//!
//! It needs no runtime and no feature. That it keeps the whole contract is one line, in
//! `tests/your_own_adapter.rs`.
//!
//! ```text
//! cargo run --example your_own_adapter
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example")]

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use lifespan::{
    Blocking, Closed, EventLoop, Inside, Lifespan, LoopId, LoopOwner, Report, RunError,
    StandsStill, Timer,
};

fn main() -> Report {
    Lifespan::on(LittleLoop::new())
        .task("ticker", async |cx| {
            while !cx.wait_timeout(Duration::from_millis(100)).await.is_set() {
                println!("tick");
            }
        })
        .serve(async |cx| cx.sleep(Duration::from_millis(350)).await)
        .run()
}

/// What the owner, the handles and the wakers share. No lock is held where foreign code runs.
struct Shared {
    id: LoopId,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    root_is_ready: bool,
    ready: VecDeque<Arc<Job>>,
    /// Every future that has not ended, so that it can be dropped with the loop.
    jobs: BTreeMap<u64, Arc<Job>>,
    timers: BTreeMap<(Instant, u64), Waker>,
    last_number: u64,
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

type Spawned = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A spawned future. Its waker holds this, and this holds the loop weakly.
struct Job {
    number: u64,
    /// `None` while it is polled, and when it has ended.
    future: Mutex<Option<Spawned>>,
    shared: Weak<Shared>,
}

impl Job {
    fn lock(&self) -> MutexGuard<'_, Option<Spawned>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called by the loop's own thread alone, so the future is back in its place before the next poll.
    fn poll(self: Arc<Self>, shared: &Shared) {
        let taken = self.lock().take();
        let Some(mut future) = taken else { return };
        let waker = Waker::from(Arc::clone(&self));
        // No lock is held: it may spawn, and wake this very job, which is then polled in the next turn.
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *self.lock() = Some(future);
            return;
        }
        shared.lock().jobs.remove(&self.number);
        drop(future); // after the unlock
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        // Twice in the queue is polled twice, which is harmless.
        if !state.is_closed {
            state.ready.push_back(self);
            shared.changed.notify_one();
        }
    }
}

/// The waker of the future that `run` was given.
struct Root(Weak<Shared>);

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        let Some(shared) = self.0.upgrade() else { return };
        shared.lock().root_is_ready = true;
        shared.changed.notify_one();
    }
}

/// The owner: whoever has it drives the loop, and drops what is left with it.
pub(crate) struct LittleLoop(Arc<Shared>);

impl LittleLoop {
    pub(crate) fn new() -> Self {
        let (id, state, changed) = (LoopId::unique(), Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { id, state, changed }))
    }

    /// Waits for something to do, and takes it: whether the root is ready, and who else.
    fn next_turn(&self) -> (bool, VecDeque<Arc<Job>>) {
        let mut state = self.0.lock();
        loop {
            let later = state.timers.split_off(&(Instant::now(), u64::MAX));
            let due = mem::replace(&mut state.timers, later);
            if !due.is_empty() {
                drop(state);
                due.into_values().for_each(Waker::wake);
                state = self.0.lock();
            }
            if state.root_is_ready || !state.ready.is_empty() {
                return (mem::take(&mut state.root_is_ready), mem::take(&mut state.ready));
            }
            let next = state.timers.keys().next().map(|(due, _)| *due);
            let left = next.map(|due| due.saturating_duration_since(Instant::now()));
            // Waiting a second for nothing now and then does no harm.
            let left = left.unwrap_or(Duration::from_secs(1));
            let woken = self.0.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl LoopOwner for LittleLoop {
    type Handle = Little;

    fn run<T, F: AsyncFnOnce(&Little) -> T>(&mut self, f: F) -> Result<T, RunError> {
        // Refuses inside a loop, and marks this thread until the run has ended.
        let _inside = Inside::enter_first("LittleLoop::run")?;
        let handle = Little { id: self.0.id, shared: Arc::downgrade(&self.0) };
        let waker = Waker::from(Arc::new(Root(Arc::downgrade(&self.0))));
        let mut root = pin!(f(&handle));
        self.0.lock().root_is_ready = true;
        loop {
            let (root_is_ready, ready) = self.next_turn();
            for job in ready {
                job.poll(&self.0);
            }
            if root_is_ready {
                if let Poll::Ready(output) = root.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(output);
                }
            }
        }
    }
}

/// It has no threads that drive it, so a `Foreground` can.
impl StandsStill for LittleLoop {}

impl Drop for LittleLoop {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        let (ready, jobs) = (mem::take(&mut state.ready), mem::take(&mut state.jobs));
        let timers = mem::take(&mut state.timers);
        drop(state);
        drop(ready);
        // Whoever waits elsewhere hears that the time will not come.
        timers.into_values().for_each(Waker::wake);
        for job in jobs.into_values() {
            let future = job.lock().take();
            drop(future);
        }
    }
}

/// The handle: it names the loop from anywhere, and keeps nothing alive.
#[derive(Clone)]
pub(crate) struct Little {
    id: LoopId,
    shared: Weak<Shared>,
}

impl EventLoop for Little {
    const NAME: &'static str = "little";

    fn id(&self) -> LoopId {
        self.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        let shared = self.shared.upgrade().ok_or_else(|| Closed::new(()))?;
        let future = Mutex::new(Some(Box::pin(future) as Spawned));
        let mut state = shared.lock();
        if state.is_closed {
            drop(state); // before the future is, whose destructor may spawn
            return Err(Closed::new(()));
        }
        let number = state.next_number();
        let job = Arc::new(Job { number, future, shared: Weak::clone(&self.shared) });
        state.jobs.insert(number, Arc::clone(&job));
        state.ready.push_back(job);
        shared.changed.notify_one();
        Ok(())
    }
}

impl Timer for Little {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        let due = Instant::now().checked_add(duration); // a time beyond the clock is never
        Sleep { shared: Weak::clone(&self.shared), due, number: None }
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

pub(crate) struct Sleep {
    shared: Weak<Shared>,
    due: Option<Instant>,
    /// Its place among the timers, once it has been polled.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(shared) = self.shared.upgrade() else { return Poll::Ready(Err(Closed::new(()))) };
        let Some(due) = self.due else { return Poll::Pending };
        if Instant::now() >= due {
            return Poll::Ready(Ok(()));
        }
        let waker = context.waker().clone();
        let mut state = shared.lock();
        if state.is_closed {
            return Poll::Ready(Err(Closed::new(())));
        }
        let number = *self.number.get_or_insert_with(|| state.next_number());
        let old = state.timers.insert((due, number), waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let (Some(due), Some(number)) = (self.due, self.number) else { return };
        let Some(shared) = self.shared.upgrade() else { return };
        let waker = shared.lock().timers.remove(&(due, number));
        drop(waker); // after the unlock
    }
}

/// A capability of its own: leave it out, and what needs it does not compile.
impl Blocking for Little {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        let is_open = self.shared.upgrade().is_some_and(|shared| !shared.lock().is_closed);
        if !is_open {
            return Err(Closed::new(()));
        }
        let thread = thread::Builder::new().name("little".into());
        thread.spawn(work).map(drop).map_err(|_no_thread| Closed::new(()))
    }
}
