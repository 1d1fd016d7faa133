//! What a turn of a ticker allocates: nothing besides what the runtime's own timer does.
//!
//! A binary of its own, since the counting allocator is the process's. One test, so that no other
//! allocates meanwhile.

use std::alloc::System;
use std::sync::mpsc;
use std::time::Duration;

use lifespan::smol::SmolLoop;
use lifespan::tokio::{TokioLocalLoop, TokioLoop};
use lifespan::{Cx, Lifespan, LoopOwner, Timer};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TURNS: usize = 100;
const PERIOD: Duration = Duration::from_millis(1);

#[test]
fn a_turn_of_a_ticker_allocates_nothing_besides_the_timer_of_its_runtime() {
    check("tokio", TokioLoop::current_thread(), || tokio::time::sleep(PERIOD));
    check("tokio, local", TokioLocalLoop::new(), || tokio::time::sleep(PERIOD));
    check("smol", SmolLoop::new(), || async_io::Timer::after(PERIOD));
}

/// Counts the turns of a bare sleep and those of `wait_timeout`, in one task.
fn check<O, F>(name: &str, owner: O, sleep: fn() -> F)
where
    O: LoopOwner<Handle: Timer>,
    F: Future + Send + 'static,
{
    let (send, counts) = mpsc::channel();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let task = cx.spawn(async move |cx| {
                let counts = (count_bare(sleep).await, count_ours(&cx).await);
                let _ = send.send(counts);
            });
            task.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let (bare, ours) = counts.recv().expect("the task has sent it");
    // Less than one in ten turns: what some other thread of the runtime needs once in a while.
    assert!(ours < bare + TURNS / 10, "{name}: {ours} allocations in {TURNS} turns, bare {bare}");
}

async fn count_bare<F: Future>(sleep: fn() -> F) -> usize {
    sleep().await; // what is needed once
    let before = ALLOCATOR.stats().allocations;
    for _ in 0..TURNS {
        sleep().await;
    }
    ALLOCATOR.stats().allocations - before
}

async fn count_ours<L: Timer>(cx: &Cx<'_, L>) -> usize {
    assert!(!cx.wait_timeout(PERIOD).await.is_set(), "nobody stops it");
    let before = ALLOCATOR.stats().allocations;
    for _ in 0..TURNS {
        assert!(!cx.wait_timeout(PERIOD).await.is_set(), "nobody stops it");
    }
    ALLOCATOR.stats().allocations - before
}
