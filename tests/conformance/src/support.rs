//! What the behaviours share: a moment that comes once, a log, and a foreground that may not fail.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lifespan_core::{
    Cx, EventLoop, Lifespan, LoopOwner, Output, ShutdownEvent, TaskError, Timer, Tracked,
};

/// Longer than any test may take: a wait that ended, ended for another reason.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Longer than any of this may take; a wait that is over then fails, and does not hang.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Short: a budget that is meant to run out.
pub(crate) const SHORT: Duration = Duration::from_millis(10);

/// Runs `body` as the foreground of a lifespan; whatever is not clean is a failure of the test.
#[track_caller]
pub(crate) fn inside<O, R, F>(owner: O, body: F)
where
    O: LoopOwner<Handle: Timer>,
    R: Output<Value = ()> + 'static,
    F: for<'t> AsyncFnOnce(Cx<'t, O::Handle>) -> R + 'static,
{
    let report = Lifespan::on(owner).serve(body).run();
    assert!(report.is_clean(), "{report}");
}

/// Returns the handle of the loop, which knows nothing of scopes, before a lifespan runs on it.
pub(crate) fn handle_of<O: LoopOwner>(owner: &mut O) -> O::Handle {
    owner.run(async |handle| handle.clone()).expect("the loop runs")
}

/// Has the bare loop carry what is tracked; gives what the carrier hears.
pub(crate) fn carry<L, F, T>(
    handle: &L,
    tracked: Tracked<F>,
) -> impl Future<Output = Result<T, TaskError>> + Send + use<L, F, T>
where
    L: EventLoop,
    Tracked<F>: Future<Output = Result<T, TaskError>> + Send + 'static,
    T: Send + 'static,
{
    let (ended, heard) = (Moment::default(), Arc::new(Mutex::new(None)));
    let (at_end, hears) = (ended.on_drop(), Arc::clone(&heard));
    let spawned = handle.spawn(async move {
        let _at_end = at_end;
        let ended = tracked.await;
        *hears.lock().unwrap() = Some(ended);
    });
    assert!(spawned.is_ok(), "the loop runs");
    async move {
        ended.wait().await;
        let heard = heard.lock().unwrap().take();
        heard.expect("the carrier was polled to its end")
    }
}

/// Something that happens once; any loop or thread can wait for it.
#[derive(Clone, Default)]
pub(crate) struct Moment(ShutdownEvent);

impl Moment {
    /// Makes one for who waits and one for who comes.
    pub(crate) fn pair() -> (Self, Self) {
        let moment = Self::default();
        (moment.clone(), moment)
    }

    /// Says that it is here; again is nothing.
    pub(crate) fn come(&self) {
        let _ = self.0.trigger().set("it has come");
    }

    pub(crate) fn has_come(&self) -> bool {
        self.0.is_set()
    }

    pub(crate) async fn wait(&self) {
        self.0.wait().await;
    }

    pub(crate) fn wait_blocking(&self) {
        self.0.wait_blocking().expect("this thread drives no loop");
    }

    /// Comes when the returned value is dropped.
    pub(crate) fn on_drop(&self) -> ComesOnDrop {
        ComesOnDrop(self.clone())
    }
}

pub(crate) struct ComesOnDrop(Moment);

impl Drop for ComesOnDrop {
    fn drop(&mut self) {
        self.0.come();
    }
}

/// Panics when it is dropped.
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// What happened, in order, written by many and read at the end.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Log {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.lines() == *other
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().fmt(f)
    }
}

/// Polls a future by hand, on whatever thread this is, which needs no loop; it must be ready.
#[track_caller]
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending, and nothing is left that could wake it"),
    }
}

/// How long a test at random goes on at the least, however soon it has done its steps: seconds, in
/// the environment.
const SECONDS: &str = "LIFESPAN_CHURN_SECONDS";

/// Until when a test at random goes on at the least.
pub(crate) fn at_the_least() -> Instant {
    let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    Instant::now() + Duration::from_secs(seconds.unwrap_or(0))
}

/// Steele's SplitMix: enough to choose steps by, and the same everywhere.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) >> 33) as usize % bound
    }
}
