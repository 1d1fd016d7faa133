//! Blocking closures: real threads, and never a hang.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use lifespan_core::{
    AwaitedKind, Blocking, EventLoop, Lifespan, LoopOwner, Outcome, RunError, Timer,
};
use lifespan_sim::SimLoop;

const SECOND: Duration = Duration::from_secs(1);
/// As patient as a loaded machine needs, where closures end by themselves.
const LONG: Duration = Duration::from_secs(60);

/// Until the sender is dropped.
fn wait_for(released: &mpsc::Receiver<()>) {
    assert!(released.recv().is_err());
}

#[test]
fn a_closure_that_ends_by_itself_is_one_step() {
    let run = |seed| {
        let mut owner = SimLoop::new(seed).traced().patience(LONG);
        let report = Lifespan::on(&mut owner)
            .task("ticker", async |cx| while !cx.wait_timeout(SECOND).await.is_set() {})
            .serve(async |cx| {
                let sum = cx.spawn_blocking(|_stop| (1..=100).sum::<u32>()).unwrap();
                let name = cx.spawn_blocking(|_stop| thread::current().name().map(String::from));
                assert_eq!(sum.await.unwrap(), 5050);
                assert_eq!(name.unwrap().await.unwrap().as_deref(), Some("lifespan-sim"));
                cx.sleep(SECOND * 3).await;
            })
            .run();
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.phases.serving, SECOND * 3);
        owner.trace().to_string()
    };
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn a_closure_hears_a_stop_that_comes_by_virtual_time() {
    for seed in 0..3 {
        let report = Lifespan::on(SimLoop::new(seed))
            .serve(async |cx| {
                let looks = cx.spawner().task("looks").spawn_blocking(|stop| {
                    while !stop.is_set() {
                        thread::yield_now();
                    }
                });
                looks.unwrap().detach();
                let waits = cx.spawner().task("waits").spawn_blocking(|stop| stop.wait_blocking());
                waits.unwrap().detach();
                cx.sleep(SECOND * 5).await;
            })
            .deadline(SECOND * 3600)
            .grace(SECOND * 3600)
            .run();
        assert_eq!(report.phases.serving, SECOND * 5);
        for name in ["looks", "waits"] {
            let outcome = report.task(name).unwrap().outcome.as_ref();
            assert!(matches!(outcome, Some(Outcome::Completed)), "{report}");
        }
        assert!(report.stragglers.is_empty(), "{report}");
    }
}

#[test]
fn a_closure_that_ignores_the_stop_is_left_behind_at_the_virtual_deadline() {
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let report = Lifespan::on(SimLoop::new(0).patience(Duration::from_millis(1)))
        .serve(async move |cx| {
            let deaf = cx.spawner().task("deaf").spawn_blocking(move |_stop| {
                begin.send(()).unwrap();
                wait_for(&released);
            });
            deaf.unwrap().detach();
            // Its turn comes meanwhile. One whose thread has not got to it could still be dropped.
            cx.sleep(SECOND).await;
            begun.recv().unwrap();
        })
        .run();
    drop(release);
    assert_eq!(report.stragglers[0].path, "deaf");
    assert_eq!(report.stragglers[0].kind, AwaitedKind::Blocking);
    assert!(report.phases.stopping >= SECOND * 30);
}

#[test]
fn a_closure_that_only_a_stop_could_end_is_a_stall_when_none_can_come() {
    let (release, released) = mpsc::channel::<()>();
    let mut owner = SimLoop::new(0).patience(Duration::from_micros(50));
    let ended = owner.run(async |sim| {
        sim.spawn_blocking(move || wait_for(&released)).unwrap();
        std::future::pending::<()>().await;
    });
    let Err(RunError::Stalled(stalled)) = ended else { panic!("did not stall") };
    assert_eq!(stalled.waiting()[1].to_string(), "task (blocking 1) waits for its thread to end");
    drop(release);
}

#[test]
fn a_closure_that_takes_longer_than_the_patience_is_awaited_all_the_same() {
    let mut owner = SimLoop::new(0).patience(Duration::from_micros(100)).wait_for_threads();
    let (release, released) = mpsc::channel::<()>();
    let report = Lifespan::on(&mut owner)
        .serve(async move |cx| {
            let slow = cx.spawn_blocking(move |_stop| wait_for(&released)).unwrap();
            drop(release);
            slow.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn closures_that_wait_for_each_other_end() {
    let (left, right) = mpsc::channel();
    let report = Lifespan::on(SimLoop::fifo())
        .serve(async move |cx| {
            let receives = cx.spawn_blocking(move |_stop| right.recv()).unwrap();
            let sends = cx.spawn_blocking(move |_stop| left.send(7)).unwrap();
            sends.await.unwrap();
            assert_eq!(receives.await.unwrap(), 7);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_closure_cancelled_before_its_turn_never_runs() {
    let mut ran = 0;
    for seed in 0..50 {
        let has_run = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&has_run);
        let report = Lifespan::on(SimLoop::new(seed))
            .serve(async move |cx| {
                let closure = cx.spawn_blocking(move |_stop| runs.store(true, Ordering::SeqCst));
                let closure = closure.unwrap();
                futures_lite::future::yield_now().await;
                drop(closure.cancel().await);
            })
            .run();
        assert!(report.is_clean(), "{report}");
        ran += u32::from(has_run.load(Ordering::SeqCst));
    }
    assert!((1..50).contains(&ran), "the seeds know both orders: {ran}");
}

#[test]
fn a_closure_that_panics_is_an_outcome_and_the_loop_goes_on() {
    let report = Lifespan::on(SimLoop::new(0).patience(LONG))
        .serve(async |cx| {
            let panics = cx.spawner().task("panics").spawn_blocking(|_stop| panic!("in a thread"));
            panics.unwrap().detach();
            cx.sleep(SECOND).await;
        })
        .run();
    assert_eq!(report.exit_code(), 4);
    assert!(report.to_string().contains("task panics: panicked: in a thread"), "{report}");
}

#[test]
fn a_raw_closure_that_panics_has_ended() {
    let mut owner = SimLoop::new(0).patience(LONG);
    owner
        .run(async |sim| {
            sim.spawn_blocking(|| panic!("in a thread")).unwrap();
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    let ended = owner.run(async |_sim| std::future::pending::<()>().await);
    assert!(matches!(ended, Err(RunError::Stalled(stalled)) if stalled.waiting().len() == 1));
}

#[test]
fn a_closure_may_outlive_its_loop() {
    let (release, released) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let mut owner = SimLoop::new(0).patience(Duration::ZERO);
    owner
        .run(async |sim| {
            let handle = sim.clone();
            let outlives = move || {
                wait_for(&released);
                tell.send(handle.spawn(async {}).is_err()).unwrap();
            };
            sim.spawn_blocking(outlives).unwrap();
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    drop(owner);
    drop(release);
    assert!(told.recv().unwrap());
}

#[test]
fn a_closure_begins_though_its_loop_is_dropped_and_was_never_driven() {
    let owner = SimLoop::new(0);
    let (tell, told) = mpsc::channel();
    owner.handle().spawn_blocking(move || tell.send(7).unwrap()).unwrap();
    drop(owner);
    assert_eq!(told.recv(), Ok(7));
}
