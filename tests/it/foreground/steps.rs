//! Single steps: whoever is ready has a turn, then whose timers are due, and nothing is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::yield_now;
use lifespan::sim::SimLoop;
use lifespan::tokio::TokioLocalLoop;
use lifespan::{Cx, Foreground, Outcome, ShutdownEvent};

use super::{HOUR, LONGER_THAN_A_STEP, Passes, SHORT, on, step_until, tick, wait_until};
use crate::log::Log;

on_every_loop_that_stands_still! {
    a_step_gives_whoever_is_ready_a_turn,
    a_step_continues_what_a_drive_left_ready,
    a_step_waits_for_nothing,
    a_step_hears_a_timer_that_is_due,
    a_cancel_takes_effect_in_the_next_drive,
}

fn a_step_gives_whoever_is_ready_a_turn<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let turns = Arc::new(AtomicUsize::new(0));
    for _ in 0..1000 {
        let turns = Arc::clone(&turns);
        let waits = async move |cx: Cx<'_, O::Handle>| {
            turns.fetch_add(1, Ordering::SeqCst);
            cx.shutdown().wait().await;
            turns.fetch_add(1, Ordering::SeqCst);
        };
        foreground.schedule(waits).detach();
    }
    foreground.step().unwrap();
    wait_until(|| turns.load(Ordering::SeqCst) == 1000);
    for task in &foreground.tasks() {
        task.stop();
    }
    assert_eq!(turns.load(Ordering::SeqCst), 1000);
    foreground.step().unwrap();
    wait_until(|| turns.load(Ordering::SeqCst) == 2000);
}

fn a_step_continues_what_a_drive_left_ready<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let turns = Arc::new(AtomicUsize::new(0));
    let go_on = ShutdownEvent::new();
    for _ in 0..300 {
        let (turns, gate) = (Arc::clone(&turns), go_on.clone());
        foreground
            .schedule(async move |_cx| {
                gate.wait().await;
                turns.fetch_add(1, Ordering::SeqCst);
            })
            .detach();
    }
    foreground.step().unwrap();
    // Woken inside of a drive, which ends before they get their turns.
    foreground.run_until(async { go_on.trigger().set("go on").unwrap() }).unwrap();
    foreground.step().unwrap();
    wait_until(|| turns.load(Ordering::SeqCst) == 300);
}

fn a_step_waits_for_nothing<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    foreground.step().unwrap();
    let sleeps = foreground.schedule(async |cx| cx.sleep(HOUR).await);
    let pends = foreground.schedule(async |_cx| std::future::pending::<()>().await);
    let began = foreground.run(async |cx| cx.now()).unwrap();
    for _ in 0..3 {
        foreground.step().unwrap();
    }
    let ended = foreground.run(async |cx| cx.now()).unwrap();
    assert!(ended - began < HOUR);
    assert!(!sleeps.task_ref().is_finished() && !pends.task_ref().is_finished());
    // One that is always ready does not keep a step from its end.
    let yields = foreground.schedule(async |_cx| {
        loop {
            yield_now().await;
        }
    });
    foreground.step().unwrap();
    assert!(!yields.task_ref().is_finished());
}

fn a_step_hears_a_timer_that_is_due<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let log = Log::default();
    let ticks = log.clone();
    let ticker = foreground.schedule(async move |cx| {
        ticks.add("first");
        cx.sleep(SHORT).await;
        ticks.add("second");
        cx.sleep(HOUR).await;
        ticks.add("third");
    });
    foreground.step().unwrap();
    wait_until(|| !log.lines().is_empty());
    step_until(&mut foreground, || log.lines().len() > 1);
    foreground.step().unwrap();
    assert_eq!(log, ["first", "second"].as_slice(), "the third is not due");
    assert!(!ticker.task_ref().is_finished());
}

fn a_cancel_takes_effect_in_the_next_drive<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    let cut = foreground.schedule(async |cx| cx.sleep(HOUR).await);
    let unpolled = foreground.schedule(async move |cx| tick(cx, count, HOUR).await);
    drop(unpolled.cancel());
    let other = foreground.schedule(async |cx| cx.sleep(HOUR).await);
    assert!(cut.task_ref().stop(), "it was live");
    drop(cut.cancel());
    drop(cut.cancel());
    assert!(!cut.task_ref().is_finished(), "nobody drove");
    foreground.step().unwrap();
    wait_until(|| cut.task_ref().is_finished() && unpolled.task_ref().is_finished());
    assert!(matches!(cut.task_ref().outcome(), Some(Outcome::Cancelled)));
    assert_eq!(ticks.load(Ordering::SeqCst), 0);
    assert!(!cut.stop(), "it is live no more");
    assert!(matches!(foreground.run_until(cut.cancel()).unwrap(), Outcome::Cancelled));
    assert!(!other.task_ref().is_finished());
    let ends = foreground.schedule(async |_cx| {});
    foreground.run_until(ends.task_ref().finished()).unwrap();
    let outcome = foreground.run_until(ends.cancel()).unwrap();
    assert!(matches!(outcome, Outcome::Completed), "what has ended is not cancelled");
}

/// The order that the simulator fixes, and that tokio has for the same reason: nobody looks at its
/// timers before what is ready has had its turn.
#[test]
fn a_new_task_comes_before_a_timer_that_is_due() {
    fn new_comes_first<O: Passes>(owner: O) {
        let mut foreground = Foreground::on(owner).unwrap();
        let log = Log::default();
        let (old, new) = (log.clone(), log.clone());
        foreground
            .schedule(async move |cx| {
                cx.sleep(LONGER_THAN_A_STEP).await;
                old.add("due");
            })
            .detach();
        foreground.step().unwrap();
        foreground.owner_mut().pass(LONGER_THAN_A_STEP * 2);
        foreground.schedule(async move |_cx| new.add("new")).detach();
        foreground.step().unwrap();
        assert_eq!(log, ["new", "due"].as_slice());
    }
    new_comes_first(SimLoop::fifo());
    (0..20).for_each(|seed| new_comes_first(SimLoop::new(seed)));
    new_comes_first(TokioLocalLoop::new());
}

/// However many: more than a runtime runs in a row.
#[test]
fn a_step_gives_whoever_has_slept_a_turn() {
    fn all_wake_up<O: Passes>(owner: O) {
        let mut foreground = Foreground::on(owner).unwrap();
        for _ in 0..500 {
            foreground.schedule(async |cx| cx.sleep(SHORT).await).detach();
        }
        foreground.step().unwrap();
        foreground.owner_mut().pass(SHORT * 10);
        foreground.step().unwrap();
        assert_eq!(foreground.tasks().len(), 0);
    }
    all_wake_up(SimLoop::new(1));
    all_wake_up(TokioLocalLoop::new());
}
