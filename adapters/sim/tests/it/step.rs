//! A loop that a synchronous program drives now and then: exact steps, and time that passes between.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_lite::future::yield_now;
use lifespan_core::{
    Blocking, EventLoop, Foreground, Inside, LoopOwner, RunError, StandsStill, Timer,
};
use lifespan_sim::SimLoop;

use crate::log::Log;

const SECOND: Duration = Duration::from_secs(1);
const GUARD: Duration = Duration::from_secs(60);

#[test]
fn a_step_gives_one_turn_to_each() {
    for seed in 0..20 {
        let mut owner = SimLoop::new(seed);
        let turns: Vec<Arc<AtomicU32>> = (0..10).map(|_| Arc::default()).collect();
        for turns in &turns {
            let turns = Arc::clone(turns);
            let yields = async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            };
            owner.handle().spawn(yields).unwrap();
        }
        for step in 1..10 {
            owner.step().unwrap();
            // One before the timers, and one with those that are ready again.
            assert!(turns.iter().all(|turns| turns.load(Ordering::Relaxed) == 2 * step));
        }
        assert_eq!(owner.elapsed(), Duration::ZERO);
    }
}

#[test]
fn what_is_ready_comes_before_what_is_due() {
    for seed in 0..20 {
        let mut foreground = Foreground::on(SimLoop::new(seed)).unwrap();
        let log = Log::default();
        let (early, late, new) = (log.clone(), log.clone(), log.clone());
        foreground
            .schedule(async move |cx| {
                cx.sleep(SECOND * 2).await;
                late.add("two seconds");
            })
            .detach();
        foreground
            .schedule(async move |cx| {
                cx.sleep(SECOND).await;
                early.add("one second");
            })
            .detach();
        foreground.step().unwrap();
        foreground.owner_mut().advance(SECOND);
        foreground.schedule(async move |_cx| new.add("new")).detach();
        foreground.step().unwrap();
        assert_eq!(log.take(), ["new", "one second"]);
        foreground.owner_mut().advance(SECOND);
        foreground.step().unwrap();
        assert_eq!(log.take(), ["two seconds"]);
        assert_eq!(foreground.owner_mut().elapsed(), SECOND * 2, "steps take no time");
    }
}

#[test]
fn a_timer_that_became_due_between_fires_in_a_run_too() {
    let mut owner = SimLoop::fifo();
    let log = Log::default();
    let (slept, ready) = (log.clone(), log.clone());
    let sim = owner.handle();
    let sleep = sim.sleep(SECOND);
    sim.spawn(async move {
        sleep.await.unwrap();
        slept.add("slept");
    })
    .unwrap();
    owner.step().unwrap();
    owner.advance(SECOND * 5);
    sim.spawn(async move { ready.add("ready") }).unwrap();
    owner.run(async |sim| sim.sleep(SECOND).await).unwrap().unwrap();
    assert_eq!(log.take(), ["ready", "slept"]);
    assert_eq!(owner.elapsed(), SECOND * 6, "time never goes back");
}

#[test]
fn time_passes_up_to_the_end_of_the_clock() {
    let mut owner = SimLoop::fifo();
    owner.advance(Duration::ZERO);
    assert_eq!(owner.elapsed(), Duration::ZERO);
    owner.advance(Duration::MAX);
    owner.advance(Duration::MAX);
    let sim = owner.handle();
    owner.run(async move |_sim| assert!(sim.now().checked_add(SECOND).is_some())).unwrap();
    owner.step().unwrap();
}

#[test]
fn a_step_inside_a_loop_is_refused() {
    let inside = Inside::enter();
    assert!(matches!(SimLoop::fifo().step(), Err(RunError::InsideLoop(_))));
    drop(inside);
    SimLoop::fifo().step().unwrap();
}

#[test]
fn a_panic_in_a_step_leaves_the_others_their_turns() {
    let mut owner = SimLoop::fifo();
    let log = Log::default();
    let after = log.clone();
    let sim = owner.handle();
    sim.spawn(async { panic!("past the registry") }).unwrap();
    sim.spawn(async move { after.add("after") }).unwrap();
    let step = std::panic::AssertUnwindSafe(|| owner.step());
    assert!(std::panic::catch_unwind(step).is_err());
    owner.step().unwrap();
    assert_eq!(log.take(), ["after"]);
}

#[test]
fn a_closure_begins_at_once_while_nobody_drives() {
    let mut owner = SimLoop::fifo().traced();
    let sim = owner.handle();
    let (sender, receiver) = mpsc::channel();
    sim.spawn_blocking(move || sender.send(1).unwrap()).unwrap();
    assert_eq!(receiver.recv_timeout(GUARD), Ok(1));
    owner.step().unwrap();
    let trace = owner.trace().to_string();
    assert_eq!(trace.matches("began its closure").count(), 1, "{trace}");
}

#[test]
fn a_closure_whose_turn_had_not_come_begins_when_the_drive_ends() {
    let mut foreground = Foreground::on(SimLoop::new(1)).unwrap();
    let (sender, receiver) = mpsc::channel();
    let task = foreground
        .run(async move |cx| cx.spawn_blocking(move |_stop| sender.send(1).unwrap()).unwrap());
    assert_eq!(receiver.recv_timeout(GUARD), Ok(1));
    foreground.run_until(task.unwrap()).unwrap().unwrap();
}

#[test]
fn the_next_drive_stands_still_for_closures_that_began_before() {
    let run = |seed| {
        let mut foreground = Foreground::on(SimLoop::new(seed).traced().patience(GUARD)).unwrap();
        let sum = foreground.call_in_background(|| (1..=100).sum::<u32>());
        let ticker = foreground.schedule(async |cx| {
            for _ in 0..3 {
                cx.sleep(SECOND).await;
            }
        });
        foreground.step().unwrap();
        assert_eq!(foreground.run_until(sum).unwrap().unwrap(), 5050);
        foreground.run_until(ticker).unwrap().unwrap();
        let steps = foreground.owner_mut().trace();
        // When the closure ended, it was nobody's turn.
        steps.to_string().lines().filter(|line| !line.contains("closure")).collect::<String>()
    };
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn a_closure_that_goes_on_is_stood_still_for_once() {
    let patience = Duration::from_millis(50);
    let mut owner = SimLoop::fifo().patience(patience);
    let (release, released) = mpsc::channel::<()>();
    owner.handle().spawn_blocking(move || assert!(released.recv().is_err())).unwrap();
    let began = std::time::Instant::now();
    for _ in 0..10_000 {
        owner.step().unwrap();
    }
    assert!(began.elapsed() < patience * 10_000 / 10, "each step waited");
    drop(release);
}

#[test]
fn a_foreground_that_waits_for_nothing_has_stalled() {
    let mut foreground = Foreground::on(SimLoop::fifo()).unwrap();
    let task = foreground.task("waits").spawn(async |cx| cx.shutdown().wait().await).unwrap();
    let Err(RunError::Stalled(stalled)) = foreground.run_until(task) else { panic!("it ended") };
    assert_eq!(stalled.waiting()[0].to_string(), "the root waits for the end of task waits");
    assert!(foreground.stop().is_clean());
}

/// In the root it is an error on every loop; here it is one in the background as well.
#[test]
fn a_background_task_that_waits_for_another_foreground_has_stalled() {
    let mut here = Foreground::on(SimLoop::fifo()).unwrap();
    let there = Foreground::on(SimLoop::fifo()).unwrap();
    let task = there.task("there").spawn(async |_cx| {}).unwrap();
    let waits = here.schedule(async move |_cx| task.await.is_ok());
    let Err(RunError::Stalled(stalled)) = here.run_until(waits) else { panic!("it ended") };
    assert_eq!(stalled.waiting()[1].on, ["the end of task there"]);
}
