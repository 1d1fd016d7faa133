//! `ByHand`: a loop on the test's own thread, with virtual time and no luck in it.
//!
//! A round polls the root, then what was ready when the round began, then the blocking closures. A
//! round takes a microsecond. When nothing is ready, the time jumps to the next timer.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use lifespan_core::{
    Blocking, Closed, Cx, EventLoop, Inside, Lifespan, LoopId, LoopOwner, Outcome, Report,
    RunError, Timer,
};

const ROUND: Duration = Duration::from_micros(1);
/// A loop with nothing to do for so long is a test that hangs.
const HANG: Duration = Duration::from_secs(60);

/// Owns the loop; its tasks are dropped with it.
#[derive(Debug)]
pub(crate) struct ByHand(Hand);

/// Handle of the loop.
#[derive(Clone, Debug)]
pub(crate) struct Hand(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    id: LoopId,
    began: Instant,
    queues: Mutex<Queues>,
    /// Rung when something becomes ready.
    bell: Condvar,
}

#[derive(Default)]
struct Queues {
    now: Duration,
    root_is_ready: bool,
    ready: VecDeque<Arc<Spawned>>,
    tasks: BTreeMap<u64, Arc<Spawned>>,
    timers: BTreeMap<(Duration, u64), Waker>,
    work: VecDeque<Box<dyn FnOnce() + Send>>,
    holds_work: bool,
    holds_tasks: bool,
    is_closed: bool,
    ids: u64,
    on_now: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Queues {
    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

type Stored = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Spawned {
    id: u64,
    /// Out while it is polled, gone when it has ended.
    future: Mutex<Option<Stored>>,
    is_queued: AtomicBool,
    shared: Weak<Shared>,
}

impl Wake for Spawned {
    fn wake(self: Arc<Self>) {
        let Some(shared) = self.shared.upgrade() else { return };
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            shared.lock().ready.push_back(self);
            shared.bell.notify_all();
        }
    }
}

struct Root(Weak<Shared>);

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            shared.lock().root_is_ready = true;
            shared.bell.notify_all();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByHand {
    pub(crate) fn new() -> Self {
        Self(Hand(Arc::new(Shared {
            id: LoopId::unique(),
            began: Instant::now(),
            queues: Mutex::default(),
            bell: Condvar::new(),
        })))
    }

    pub(crate) fn handle(&self) -> Hand {
        self.0.clone()
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Hand {
    /// Drops every task and every closure that waits for a thread, as a loop does that ends.
    pub(crate) fn drop_tasks(&self) {
        let mut queues = self.0.lock();
        let tasks = std::mem::take(&mut queues.tasks);
        let work = std::mem::take(&mut queues.work);
        queues.ready.clear();
        drop(queues);
        drop(work);
        for task in tasks.into_values() {
            let future = task.future.lock().unwrap().take();
            drop(future);
        }
    }

    /// Drops what there is and refuses what comes.
    pub(crate) fn close(&self) {
        self.0.lock().is_closed = true;
        self.drop_tasks();
        let timers = std::mem::take(&mut self.0.lock().timers);
        timers.into_values().for_each(Waker::wake);
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.0.lock().next_id()
    }

    /// From now on blocking closures find no free thread.
    pub(crate) fn hold_work(&self) {
        self.0.lock().holds_work = true;
    }

    /// Has the next look at the clock call this.
    pub(crate) fn on_now(&self, call: impl FnOnce() + Send + 'static) {
        self.0.lock().on_now = Some(Box::new(call));
    }

    /// From now on no task is polled.
    pub(crate) fn hold_tasks(&self) {
        self.0.lock().holds_tasks = true;
    }

    fn poll(&self, task: &Arc<Spawned>) {
        task.is_queued.store(false, Ordering::Release);
        let Some(mut future) = task.future.lock().unwrap().take() else { return };
        let waker = Waker::from(Arc::clone(task));
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *task.future.lock().unwrap() = Some(future);
        } else {
            self.0.lock().tasks.remove(&task.id);
        }
    }

    /// One round, the root aside.
    fn poll_tasks(&self) {
        let mut queues = self.0.lock();
        queues.now += ROUND;
        let due = queues.now;
        let later = queues.timers.split_off(&(due, u64::MAX));
        let due = std::mem::replace(&mut queues.timers, later);
        let ready = match queues.holds_tasks {
            true => VecDeque::new(),
            false => std::mem::take(&mut queues.ready),
        };
        let work = match queues.holds_work {
            true => VecDeque::new(),
            false => std::mem::take(&mut queues.work),
        };
        drop(queues);
        due.into_values().for_each(Waker::wake);
        ready.iter().for_each(|task| self.poll(task));
        work.into_iter().for_each(|work| work());
    }

    /// Sees to it that the next round has something to do.
    fn wait(&self) {
        let mut queues = self.0.lock();
        let is_idle = |queues: &mut Queues| {
            let no_task = queues.holds_tasks || queues.ready.is_empty();
            let no_work = queues.holds_work || queues.work.is_empty();
            !queues.root_is_ready && no_task && no_work
        };
        if !is_idle(&mut queues) {
            return;
        }
        if let Some((&(due, _), _)) = queues.timers.first_key_value() {
            queues.now = queues.now.max(due);
            return;
        }
        let (queues, waited) = self.0.bell.wait_timeout_while(queues, HANG, is_idle).unwrap();
        drop(queues);
        assert!(!waited.timed_out(), "nothing will ever be ready");
    }
}

impl EventLoop for Hand {
    const NAME: &'static str = "by hand";

    fn id(&self) -> LoopId {
        self.0.id
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        let mut queues = self.0.lock();
        if queues.is_closed {
            drop(queues);
            drop(future);
            return Err(Closed::new(()));
        }
        let id = queues.next_id();
        let task = Arc::new(Spawned {
            id,
            future: Mutex::new(Some(Box::pin(future))),
            is_queued: AtomicBool::new(true),
            shared: Arc::downgrade(&self.0),
        });
        queues.tasks.insert(id, Arc::clone(&task));
        queues.ready.push_back(task);
        self.0.bell.notify_all();
        Ok(())
    }
}

impl Timer for Hand {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut queues = self.0.lock();
        let due = queues.now.checked_add(duration);
        let due = due.filter(|&due| self.0.began.checked_add(due).is_some());
        Sleep { hand: self.clone(), due, id: queues.next_id() }
    }

    fn now(&self) -> Instant {
        let call = self.0.lock().on_now.take();
        if let Some(call) = call {
            call();
        }
        self.0.began + self.0.lock().now
    }

    fn has_virtual_time(&self) -> bool {
        true
    }
}

impl Blocking for Hand {
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed> {
        let mut queues = self.0.lock();
        if queues.is_closed {
            drop(queues);
            drop(work);
            return Err(Closed::new(()));
        }
        queues.work.push_back(Box::new(work));
        self.0.bell.notify_all();
        Ok(())
    }
}

impl LoopOwner for ByHand {
    type Handle = Hand;

    fn run<T, F: AsyncFnOnce(&Hand) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let _inside = Inside::enter_first("ByHand::run")?;
        let Self(hand) = self;
        let mut root = pin!(f(hand));
        let waker = Waker::from(Arc::new(Root(Arc::downgrade(&hand.0))));
        hand.0.lock().root_is_ready = true;
        loop {
            let is_ready = std::mem::take(&mut hand.0.lock().root_is_ready);
            if is_ready {
                if let Poll::Ready(value) = root.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(value);
                }
            }
            hand.poll_tasks();
            hand.wait();
        }
    }
}

/// Completes when the virtual time has come; never, if its time is beyond the clock.
#[derive(Debug)]
pub(crate) struct Sleep {
    hand: Hand,
    due: Option<Duration>,
    id: u64,
}

impl Future for Sleep {
    type Output = Result<(), Closed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut queues = self.hand.0.lock();
        if queues.is_closed {
            return Poll::Ready(Err(Closed::new(())));
        }
        let Some(due) = self.due else { return Poll::Pending };
        if queues.now >= due {
            return Poll::Ready(Ok(()));
        }
        queues.timers.insert((due, self.id), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(due) = self.due {
            self.hand.0.lock().timers.remove(&(due, self.id));
        }
    }
}

/// Runs a lifespan; what its foreground asserts, the test asserts.
pub(crate) fn run(lifespan: Lifespan<ByHand>) -> Report {
    let report = lifespan.run();
    if let Some(Outcome::Panicked(panic)) = &report.serve {
        panic!("the foreground panicked: {panic}\n{report}");
    }
    report
}

/// Runs a foreground on a loop of its own.
pub(crate) fn serve<F>(body: F) -> Report
where
    F: for<'t> AsyncFnOnce(Cx<'t, Hand>) + 'static,
{
    run(Lifespan::on(ByHand::new()).serve(body))
}

/// As [`serve`], for what needs the loop's handle.
pub(crate) fn serve_with<F>(body: impl FnOnce(Hand) -> F) -> Report
where
    F: for<'t> AsyncFnOnce(Cx<'t, Hand>) + 'static,
{
    let owner = ByHand::new();
    let body = body(owner.handle());
    run(Lifespan::on(owner).serve(body))
}

/// Lets every ready task have its turn.
pub(crate) async fn next_round() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
