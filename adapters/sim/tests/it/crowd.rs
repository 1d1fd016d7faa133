//! Tasks that are always ready do not hold the time up for ever.

use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use lifespan_core::{EventLoop, Lifespan, LoopOwner, Outcome, Timer};
use lifespan_sim::SimLoop;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_task_that_yields_for_ever_meets_its_grace() {
    let report = Lifespan::on(SimLoop::new(0))
        .task("yields", async |_cx| {
            loop {
                yield_now().await;
            }
        })
        .grace(SECOND / 100)
        .serve(async |_cx| {})
        .run();
    let task = report.task("yields").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Cancelled)) && task.overran);
    assert_eq!(task.age, SECOND / 100);
}

#[test]
fn a_task_that_sleeps_for_nothing_for_ever_meets_its_grace() {
    let report = Lifespan::on(SimLoop::fifo())
        .task("naps", async |cx| {
            loop {
                cx.sleep(Duration::ZERO).await;
            }
        })
        .grace(SECOND / 100)
        .serve(async |_cx| {})
        .run();
    assert_eq!(report.task("naps").unwrap().age, SECOND / 100);
}

#[test]
fn who_yields_until_a_time_comes_sees_it_come() {
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            let end: Instant = sim.now() + SECOND / 100;
            while sim.now() < end {
                yield_now().await;
            }
        })
        .unwrap();
    assert!(owner.elapsed() >= SECOND / 100);
}

#[test]
fn a_burst_of_tasks_takes_no_time() {
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            for _ in 0..90_000 {
                sim.spawn(async {}).unwrap();
            }
            sim.sleep(Duration::ZERO).await.unwrap();
        })
        .unwrap();
    assert_eq!(owner.elapsed(), Duration::ZERO);
}
