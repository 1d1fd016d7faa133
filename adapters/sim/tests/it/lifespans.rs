//! Whole lifespans in virtual time: grace, deadline, budgets, ages.

use std::time::{Duration, Instant};

use lifespan_core::{HandlerOutcome, Lifespan, Outcome, Reason};
use lifespan_sim::SimLoop;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn grace_and_deadline_take_no_real_time() {
    let real = Instant::now();
    let report = Lifespan::on(SimLoop::new(0))
        .task("deaf", async |cx| {
            loop {
                cx.sleep(SECOND).await;
            }
        })
        .task("protected", async |cx| {
            cx.protect(async { cx.sleep(Duration::MAX).await }).await;
        })
        .shutdown("slow", async |cx| cx.sleep(Duration::MAX).await)
        .grace(SECOND * 3600)
        .deadline(SECOND * 7200)
        .stop_timeout(SECOND * 1800)
        .serve(async |cx| cx.sleep(SECOND * 10).await)
        .run();
    let task = |name| report.task(name).unwrap();
    assert!(matches!(task("deaf").outcome, Some(Outcome::Cancelled)) && task("deaf").overran);
    assert_eq!(task("deaf").age, SECOND * 3610);
    assert_eq!(task("protected").age, SECOND * 7210);
    assert_eq!(report.phases.serving, SECOND * 10);
    assert!(real.elapsed() < SECOND * 20);
}

#[test]
fn handlers_are_cut_at_their_virtual_budgets() {
    let report = Lifespan::on(SimLoop::new(0))
        .shutdown("slow", async |cx| cx.sleep(Duration::MAX).await)
        .startup("stuck", async |_cx| std::future::pending::<()>().await)
        .start_timeout(SECOND * 90)
        .stop_timeout(SECOND * 7)
        .run();
    let component = |name| report.component(name).unwrap();
    assert!(
        matches!(component("stuck").startup, HandlerOutcome::TimedOut(budget) if budget == SECOND * 90)
    );
    assert!(
        matches!(component("slow").shutdown, HandlerOutcome::TimedOut(budget) if budget == SECOND * 7)
    );
    assert_eq!((report.phases.starting, report.phases.stopping), (SECOND * 90, SECOND * 7));
}

#[test]
fn ages_are_virtual() {
    let report = Lifespan::on(SimLoop::fifo())
        .task("fails", async |cx| {
            cx.sleep(SECOND * 42).await;
            Err::<(), _>("broken")
        })
        .serve(async |cx| {
            cx.sleep(SECOND * 30).await;
            let late = cx.task("late").spawn(async |cx| cx.shutdown().wait().await).unwrap();
            late.detach();
            cx.sleep(SECOND * 30).await;
            cx.trigger().set(Reason::Requested).unwrap();
        })
        .run();
    let age = |name| report.task(name).unwrap().age;
    assert_eq!((age("fails"), age("late")), (SECOND * 42, SECOND * 30));
}

#[test]
fn a_timeout_and_its_future_that_end_at_once_are_a_tie_which_the_future_wins() {
    for seed in 0..100 {
        let report = Lifespan::on(SimLoop::new(seed))
            .serve(async |cx| {
                let late = cx.timeout(SECOND, cx.sleep(SECOND * 2)).await;
                assert!(late.is_err());
                cx.timeout(SECOND, cx.sleep(SECOND)).await.unwrap();
                assert!(cx.timeout(Duration::ZERO, std::future::pending::<()>()).await.is_err());
            })
            .run();
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.phases.serving, SECOND * 2);
    }
}
