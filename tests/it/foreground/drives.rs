//! What a drive does for the foreground, and that nothing goes on between two.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::{or, zip};
use lifespan::sim::SimLoop;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::TokioLocalLoop;
use lifespan::{
    BoxError, Foreground, Inside, LocalLoop, LoopOwner, RunError, ShutdownEvent, StandsStill,
    TaskError, Timer,
};

use super::{HOUR, Passes, SHORT, on, tick, ticked, wait_until};
use crate::log::Log;

on_every_loop_that_stands_still! {
    nothing_starts_before_it_is_driven,
    nothing_goes_on_between_two_drives,
    run_until_gives_what_the_future_gives,
    a_failure_in_the_background_stays_in_its_task,
    the_first_of_several_ends_the_drive_and_the_others_live,
    a_time_limit_ends_only_the_foreground,
    run_for_drives_for_some_time,
    tasks_live_though_nobody_holds_them,
    names_are_unique_among_the_living,
    values_are_shared_by_type,
    a_panic_of_the_foreground_goes_through,
}

fn nothing_starts_before_it_is_driven<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let log = Log::default();
    for name in ["a", "b", "c"] {
        let log = log.clone();
        foreground.schedule(async move |_cx| log.add(name)).detach();
    }
    foreground.owner_mut().pass(SHORT);
    assert_eq!(foreground.tasks().len(), 3);
    assert!(log.lines().is_empty());
    foreground.step().unwrap();
    wait_until(|| log.lines().len() == 3);
}

fn nothing_goes_on_between_two_drives<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    let ticker = foreground.schedule(async move |cx| tick(cx, count, SHORT).await);
    foreground.run(async |cx| ticked(cx, &ticks, 3).await).unwrap();
    let before = ticks.load(Ordering::SeqCst);
    foreground.owner_mut().pass(SHORT * 10);
    assert_eq!(ticks.load(Ordering::SeqCst), before, "nobody drove");
    assert!(!ticker.task_ref().is_finished());
    foreground.run(async |cx| ticked(cx, &ticks, before + 3).await).unwrap();
}

fn run_until_gives_what_the_future_gives<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    assert_eq!(foreground.run_until(async { 7 }).unwrap(), 7);
    let task = foreground.schedule(async |cx| {
        cx.sleep(SHORT).await;
        8
    });
    assert_eq!(foreground.run_until(task).unwrap().unwrap(), 8);
    let (one, two) = (foreground.schedule(async |_cx| 1), foreground.schedule(async |_cx| 2));
    let (one, two) = foreground.run_until(zip(one, two)).unwrap();
    assert_eq!(one.unwrap() + two.unwrap(), 3);
    let cut = foreground.schedule(async |cx| cx.sleep(HOUR).await);
    drop(cut.cancel());
    assert!(matches!(foreground.run_until(cut).unwrap(), Err(TaskError::Cancelled)));
    let fails = foreground.schedule(async |_cx| Err::<(), BoxError>("broken".into()));
    assert!(matches!(foreground.run_until(fails).unwrap(), Err(TaskError::Failed(_))));
    // Nothing of this is `Send`.
    let rc = Rc::new(9);
    let kept = Rc::clone(&rc);
    let same = foreground.run(async |cx| {
        cx.sleep(SHORT).await;
        kept
    });
    assert!(Rc::ptr_eq(&same.unwrap(), &rc));
}

fn a_failure_in_the_background_stays_in_its_task<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let fails = foreground.schedule(async |_cx| Err::<(), BoxError>("broken".into()));
    let panics = foreground.schedule(async |_cx| -> () { panic!("very broken") });
    let works = foreground.schedule(async |cx| cx.sleep(SHORT).await);
    foreground.run_until(works).unwrap().unwrap();
    assert!(matches!(foreground.run_until(fails).unwrap(), Err(TaskError::Failed(_))));
    assert!(matches!(foreground.run_until(panics).unwrap(), Err(TaskError::Panicked(_))));
    assert!(foreground.stop().is_clean(), "both were heard");
}

fn the_first_of_several_ends_the_drive_and_the_others_live<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let go_on = ShutdownEvent::new();
    let gate = go_on.clone();
    let mut fast = foreground.schedule(async |_cx| "fast");
    let mut slow = foreground.schedule(async move |_cx| {
        gate.wait().await;
        "slow"
    });
    let first = foreground.run_until(or(&mut slow, &mut fast)).unwrap();
    assert_eq!(first.unwrap(), "fast");
    assert!(!slow.task_ref().is_finished());
    go_on.trigger().set("it may end").unwrap();
    assert_eq!(foreground.run_until(slow).unwrap().unwrap(), "slow");
}

fn a_time_limit_ends_only_the_foreground<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let go_on = ShutdownEvent::new();
    let gate = go_on.clone();
    let mut slow = foreground.schedule(async move |_cx| gate.wait().await);
    let limited = foreground.run(async |cx| cx.timeout(SHORT, &mut slow).await.is_err());
    assert!(limited.unwrap(), "its time was over");
    assert!(!slow.task_ref().is_finished());
    go_on.trigger().set("it may end").unwrap();
    foreground.run_until(slow).unwrap().unwrap();
}

fn run_for_drives_for_some_time<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    foreground.schedule(async move |cx| tick(cx, count, SHORT).await).detach();
    foreground.run_for(SHORT * 10).unwrap();
    let first = ticks.load(Ordering::SeqCst);
    assert!(first > 0, "the first is at once");
    foreground.run_for(Duration::ZERO).unwrap();
    while ticks.load(Ordering::SeqCst) == first {
        foreground.run_for(SHORT).unwrap();
    }
}

fn tasks_live_though_nobody_holds_them<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let (go_on, ended) = (ShutdownEvent::new(), ShutdownEvent::new());
    let (gate, at_end) = (go_on.clone(), ended.trigger());
    let task = foreground.task("kept").spawn(async move |cx| {
        gate.wait().await;
        cx.sleep(SHORT).await;
        let _ = at_end.set("it has ended");
    });
    drop(task.unwrap());
    foreground.step().unwrap();
    assert!(foreground.tasks().contains("kept"));
    go_on.trigger().set("it may end").unwrap();
    foreground.run_until(ended.wait()).unwrap();
}

fn names_are_unique_among_the_living<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let first = foreground.task("one").spawn(async |cx| cx.sleep(HOUR).await).unwrap();
    assert!(foreground.task("one").spawn(async |_cx| {}).is_err());
    foreground.run_until(first.cancel()).unwrap();
    assert!(foreground.task("one").spawn(async |_cx| {}).is_ok());
}

fn values_are_shared_by_type<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    foreground.state().insert(AtomicUsize::new(0));
    let counts = foreground.schedule(async |cx| {
        let count = cx.state().get::<AtomicUsize>().unwrap();
        count.fetch_add(1, Ordering::SeqCst)
    });
    foreground.run_until(counts).unwrap().unwrap();
    let count = foreground.state().get::<AtomicUsize>().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

fn a_panic_of_the_foreground_goes_through<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let task = foreground.schedule(async |cx| cx.sleep(SHORT).await);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        foreground.run_until(async { panic!("in the foreground") })
    }));
    let payload = ran.map(drop).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the foreground"));
    foreground.run_until(task).unwrap().unwrap();
}

/// They are tasks like any other, that need not be `Send`.
#[test]
fn local_tasks_go_on_in_the_next_drive() {
    fn goes_on<O: Passes<Handle: LocalLoop>>(owner: O) {
        let mut foreground = Foreground::on(owner).unwrap();
        let counted = Rc::new(());
        let held = Rc::clone(&counted);
        let ready = foreground.schedule(async |_cx| {});
        let line = line!() + 1;
        let task = foreground.schedule_local(async move |cx| {
            cx.sleep(SHORT).await;
            Rc::strong_count(&held)
        });
        let task = task.unwrap();
        assert_eq!(task.task_ref().spawned_at().line(), line);
        assert!(!ready.task_ref().is_finished(), "only a drive gives turns");
        foreground.owner_mut().pass(SHORT);
        assert!(!task.task_ref().is_finished());
        assert_eq!(foreground.run_until(task).unwrap().unwrap(), 2);
        let inside = Inside::enter();
        let refused = foreground.schedule_local(async |_cx| {}).err();
        assert!(matches!(refused, None | Some(RunError::InsideLoop(_))));
        drop(inside);
    }
    goes_on(SimLoop::fifo());
    goes_on(TokioLocalLoop::new());
    goes_on(SmolLocalLoop::new());
    goes_on(crate::loops::async_executor_local());
}

/// A generic program asks for what it needs, and names no runtime.
#[test]
fn a_function_that_names_no_runtime_can_use_it() {
    fn answer<O: StandsStill>(owner: O) -> Result<u32, RunError>
    where
        <O as LoopOwner>::Handle: Timer,
    {
        let mut foreground = Foreground::on(owner)?;
        let task = foreground.schedule(async |cx| {
            cx.sleep(SHORT).await;
            42_u32
        });
        foreground.run(async |_cx| task.await.unwrap_or(0))
    }
    assert_eq!(answer(SimLoop::fifo()).unwrap(), 42);
    assert_eq!(answer(SmolLoop::new()).unwrap(), 42);
}
