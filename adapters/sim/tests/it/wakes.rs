//! Wake-ups: of oneself, again and again, late, and by wakers that panic.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use lifespan_core::{EventLoop, Lifespan, LoopOwner, Outcome, Timer};
use lifespan_sim::{SimLoop, What};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_task_that_wakes_itself_in_its_turn_has_another() {
    for owner in [SimLoop::new(0), SimLoop::fifo()] {
        let mut owner = owner.traced();
        owner
            .run(async |sim| {
                let mut left = 5;
                let wakes = std::future::poll_fn(move |context: &mut Context<'_>| {
                    left -= 1;
                    context.waker().wake_by_ref();
                    context.waker().wake_by_ref();
                    if left == 0 { Poll::Ready(()) } else { Poll::Pending }
                });
                sim.spawn(wakes).unwrap();
                sim.sleep(SECOND).await.unwrap();
            })
            .unwrap();
        let trace = owner.trace();
        let polls = trace.steps().iter().filter(|step| step.what == What::Polled(1));
        assert_eq!(polls.count(), 5);
    }
}

#[test]
fn a_waker_that_outlives_its_task_and_its_loop_does_nothing() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&kept);
    let keep = move |context: &Context<'_>| keeps.lock().unwrap().push(context.waker().clone());
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            let keeps = keep.clone();
            sim.spawn(std::future::poll_fn(move |context| {
                keeps(context);
                Poll::Ready(())
            }))
            .unwrap();
            let keeps = keep.clone();
            let lives = std::future::poll_fn(move |context| {
                keeps(context);
                Poll::Pending
            });
            sim.spawn(lives).unwrap();
            std::future::poll_fn(|context| {
                keep(context);
                Poll::Ready(())
            })
            .await;
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    let wake = || kept.lock().unwrap().iter().for_each(Waker::wake_by_ref);
    wake();
    // The waker of the first run's root wakes no other root.
    owner.run(async |sim| sim.sleep(SECOND).await).unwrap().unwrap();
    drop(owner);
    wake();
    assert!(kept.lock().unwrap().len() >= 3);
}

#[test]
fn a_waker_that_panics_loses_nobody_elses_wake_up() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let mut owner = SimLoop::fifo();
    owner
        .run(async |sim| {
            let mut first = Box::pin(sim.sleep(SECOND));
            let waker = Waker::from(Arc::new(Panics));
            assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            sim.sleep(SECOND).await.unwrap();
            first.await.unwrap();
        })
        .unwrap();
    assert_eq!(owner.elapsed(), SECOND);
}

#[test]
fn a_waker_that_re_enters_the_loop_does_not_deadlock() {
    struct ReEnters(lifespan_sim::Sim, Waker);
    impl Wake for ReEnters {
        fn wake(self: Arc<Self>) {
            self.0.spawn(async {}).unwrap();
            drop(self.0.sleep(SECOND));
            self.1.wake_by_ref();
        }
    }
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            let mut sleep = Box::pin(sim.sleep(SECOND));
            std::future::poll_fn(|context| {
                let waker = ReEnters(sim.clone(), context.waker().clone());
                sleep.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(waker))))
            })
            .await
            .unwrap();
        })
        .unwrap();
}

#[test]
fn a_task_that_panics_is_an_outcome_and_the_others_go_on() {
    for seed in 0..20 {
        let report = Lifespan::on(SimLoop::new(seed))
            .task("panics", async |cx| {
                cx.sleep(SECOND).await;
                panic!("lost my keys");
            })
            .task("goes on", async |cx| cx.shutdown().wait().await)
            .serve(async |cx| cx.sleep(SECOND * 2).await)
            .run();
        let outcome = |name| report.task(name).unwrap().outcome.clone();
        assert!(matches!(outcome("panics"), Some(Outcome::Panicked(_))));
        assert!(matches!(outcome("goes on"), Some(Outcome::Completed)));
    }
}

#[test]
fn a_raw_future_that_panics_goes_through_run_and_the_loop_is_whole() {
    let mut owner = SimLoop::new(0);
    let run = std::panic::AssertUnwindSafe(|| {
        owner.run(async |sim| {
            sim.spawn(async { panic!("raw") }).unwrap();
            sim.sleep(SECOND).await.unwrap();
        })
    });
    assert!(std::panic::catch_unwind(run).is_err());
    owner.run(async |sim| sim.sleep(SECOND).await).unwrap().unwrap();
    assert_eq!(owner.elapsed(), SECOND);
}
