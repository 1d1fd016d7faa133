//! Background tasks in a synchronous program: what goes on, when it is driven and when it is not.

/// Makes one `#[test]` of each behaviour for each owner whose loop stands still. A behaviour gets
/// what makes an owner.
macro_rules! on_every_loop_that_stands_still {
    ($($behaviour:ident),* $(,)?) => {
        on_every_loop_that_stands_still!(@ sim, crate::loops::sim, $($behaviour)*);
        on_every_loop_that_stands_still!(@ sim_fifo, crate::foreground::sim_fifo, $($behaviour)*);
        on_every_loop_that_stands_still!(@ tokio_local, lifespan::tokio::TokioLocalLoop::new, $($behaviour)*);
        on_every_loop_that_stands_still!(@ smol, lifespan::smol::SmolLoop::new, $($behaviour)*);
        on_every_loop_that_stands_still!(@ smol_threads, || lifespan::smol::SmolLoop::with_threads(2), $($behaviour)*);
        on_every_loop_that_stands_still!(@ smol_local, lifespan::smol::SmolLocalLoop::new, $($behaviour)*);
        on_every_loop_that_stands_still!(@ async_executor, crate::loops::async_executor, $($behaviour)*);
        on_every_loop_that_stands_still!(@ async_executor_local, crate::loops::async_executor_local, $($behaviour)*);
    };
    (@ $flavour:ident, $make:expr, $($behaviour:ident)*) => {
        mod $flavour {
            $(
                #[test]
                fn $behaviour() {
                    super::$behaviour($make);
                }
            )*
        }
    };
}

mod closures;
mod drives;
mod elsewhere;
mod ends;
mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lifespan::async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan::sim::SimLoop;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::TokioLocalLoop;
use lifespan::{Blocking, Cx, Foreground, StandsStill, Timer};

const SHORT: Duration = Duration::from_millis(5);
/// On a machine that is busy.
const LONGER_THAN_A_STEP: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than any test takes.
const GUARD: Duration = Duration::from_secs(60);

fn sim_fifo() -> SimLoop {
    SimLoop::fifo().wait_for_threads()
}

/// How an owner's loop sees time pass while nobody drives it.
trait Passes: StandsStill<Handle: Blocking + Timer> {
    fn pass(&mut self, duration: Duration) {
        thread::sleep(duration);
    }
}

impl Passes for TokioLocalLoop {}
impl Passes for SmolLoop {}
impl Passes for SmolLocalLoop {}
impl Passes for AsyncExecutorLoop {}
impl Passes for AsyncExecutorLocalLoop {}

impl Passes for SimLoop {
    fn pass(&mut self, duration: Duration) {
        self.advance(duration);
    }
}

fn on<O: StandsStill<Handle: Timer>>(make: impl Fn() -> O) -> Foreground<O> {
    Foreground::on(make()).unwrap()
}

/// Drives by steps, as time passes, until it holds.
fn step_until<O: Passes>(foreground: &mut Foreground<O>, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < GUARD, "it never came");
        foreground.owner_mut().pass(SHORT);
        foreground.step().unwrap();
    }
}

/// Waits without driving.
fn wait_until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < GUARD, "it never came");
        thread::yield_now();
    }
}

/// Counts at once, and again after each period.
async fn tick<L: Timer>(cx: Cx<'_, L>, ticks: Arc<AtomicUsize>, period: Duration) {
    loop {
        ticks.fetch_add(1, Ordering::SeqCst);
        cx.sleep(period).await;
    }
}

/// Waits until there were so many ticks.
async fn ticked<L: Timer>(cx: Cx<'_, L>, ticks: &AtomicUsize, count: usize) {
    while ticks.load(Ordering::SeqCst) < count {
        cx.sleep(SHORT).await;
    }
}
