//! Background tasks in a synchronous program: what goes on, when it is driven and when it is not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::{or, yield_now, zip};
use lifespan::async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan::sim::SimLoop;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::TokioLocalLoop;
use lifespan::{
    Blocking, BoxError, Cx, Foreground, Inside, LocalLoop, LoopOwner, Outcome, Reason, RunError,
    ShutdownEvent, StandsStill, StartError, TaskError, Timer,
};

use crate::log::Log;

const SHORT: Duration = Duration::from_millis(5);
/// On a machine that is busy.
const LONGER_THAN_A_STEP: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than any test takes.
const GUARD: Duration = Duration::from_secs(60);

fn sim_fifo() -> SimLoop {
    SimLoop::fifo().wait_for_threads()
}

/// Makes one `#[test]` of each behaviour for each owner whose loop stands still. A behaviour gets
/// what makes an owner.
macro_rules! on_every_loop_that_stands_still {
    ($($behaviour:ident),* $(,)?) => {
        on_every_loop_that_stands_still!(@ sim, crate::loops::sim, $($behaviour)*);
        on_every_loop_that_stands_still!(@ sim_fifo, super::sim_fifo, $($behaviour)*);
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

on_every_loop_that_stands_still! {
    nothing_starts_before_it_is_driven,
    nothing_goes_on_between_two_drives,
    run_until_gives_what_the_future_gives,
    a_failure_in_the_background_stays_in_its_task,
    the_first_of_several_ends_the_drive_and_the_others_live,
    a_time_limit_ends_only_the_foreground,
    run_for_drives_for_some_time,
    a_step_gives_whoever_is_ready_a_turn,
    a_step_continues_what_a_drive_left_ready,
    a_step_waits_for_nothing,
    a_step_hears_a_timer_that_is_due,
    tasks_live_though_nobody_holds_them,
    a_cancel_takes_effect_in_the_next_drive,
    a_closure_runs_though_nobody_drives,
    a_closure_gives_its_value_in_the_foreground,
    a_closure_that_is_cancelled_goes_on_and_hears_of_it,
    closures_run_in_parallel,
    names_are_unique_among_the_living,
    inside_a_running_loop_it_refuses,
    a_task_of_another_foreground_is_an_error,
    what_needs_no_driving_may_come_from_another_foreground,
    a_task_whose_foreground_is_gone_has_ended,
    a_panic_of_the_foreground_goes_through,
    a_request_to_stop_can_be_waited_for,
    a_stop_is_that_of_a_lifespan,
    a_stop_is_bounded,
    dropping_it_drops_its_tasks,
    values_are_shared_by_type,
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

fn a_closure_runs_though_nobody_drives<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make);
    let (sender, receiver) = mpsc::channel();
    let task = foreground.call_in_background(move || {
        sender.send(thread::current().id()).unwrap();
    });
    assert_ne!(receiver.recv_timeout(GUARD).unwrap(), thread::current().id());
    wait_until(|| task.task_ref().is_finished());
    assert!(matches!(task.task_ref().outcome(), Some(Outcome::Completed)));
}

fn a_closure_gives_its_value_in_the_foreground<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let task = foreground.call_in_background(|| 42);
    assert_eq!(foreground.run_until(task).unwrap().unwrap(), 42);
    let fails = foreground.call_in_background(|| Err::<(), BoxError>("broken".into()));
    assert!(matches!(foreground.run_until(fails).unwrap(), Err(TaskError::Failed(_))));
    let panics = foreground.call_in_background(|| -> () { panic!("very broken") });
    assert!(matches!(foreground.run_until(panics).unwrap(), Err(TaskError::Panicked(_))));
}

fn a_closure_that_is_cancelled_goes_on_and_hears_of_it<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make);
    let hears = foreground.task("hears").spawn_blocking(|stop| stop.wait_blocking().is_ok());
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let deaf = foreground.call_in_background(move || {
        begin.send(()).unwrap();
        released.recv().is_err()
    });
    begun.recv_timeout(GUARD).unwrap();
    let hears = hears.unwrap();
    drop((hears.cancel(), deaf.cancel()));
    wait_until(|| hears.task_ref().is_finished());
    assert!(!deaf.task_ref().is_finished(), "a thread cannot be cut");
    drop(release);
    wait_until(|| deaf.task_ref().is_finished());
}

fn closures_run_in_parallel<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let running = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let running = Arc::clone(&running);
            foreground.call_in_background(move || {
                running.fetch_add(1, Ordering::SeqCst);
                wait_until(|| running.load(Ordering::SeqCst) == 4);
            })
        })
        .collect();
    for task in tasks {
        foreground.run_until(task).unwrap().unwrap();
    }
}

fn names_are_unique_among_the_living<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let first = foreground.task("one").spawn(async |cx| cx.sleep(HOUR).await).unwrap();
    assert!(foreground.task("one").spawn(async |_cx| {}).is_err());
    foreground.run_until(first.cancel()).unwrap();
    assert!(foreground.task("one").spawn(async |_cx| {}).is_ok());
}

fn inside_a_running_loop_it_refuses<O: Passes>(make: impl Fn() -> O) {
    fn refused<T>(result: &Result<T, RunError>) {
        assert!(matches!(result, Err(RunError::InsideLoop(_))));
    }
    let (mut outer, mut inner) = (on(&make), on(&make));
    let ran = outer.run(async |_cx| {
        refused(&Foreground::on(make()));
        let task = inner.schedule(async |_cx| {});
        refused(&inner.run_until(task));
        refused(&inner.run(async |_cx| {}));
        refused(&inner.run_for(SHORT));
        refused(&inner.step());
        let report = inner.stop();
        let error = report.start_error.as_ref();
        assert!(matches!(error, Some(StartError::Run(RunError::InsideLoop(_)))), "{report}");
    });
    ran.unwrap();
    let task = outer.schedule(async |_cx| {});
    outer.run_until(task).unwrap().unwrap();
}

fn a_task_of_another_foreground_is_an_error<O: Passes>(make: impl Fn() -> O) {
    let (mut here, mut there) = (on(&make), on(&make));
    let mut task = there.task("there").spawn(async |_cx| 5).unwrap();
    let Err(RunError::OtherLoop(error)) = here.run_until(&mut task) else {
        panic!("nobody drives it")
    };
    assert_eq!(error.task(), "there");
    let ended = here.run(async |cx| cx.timeout(HOUR, task.task_ref().finished()).await);
    assert!(matches!(ended, Err(RunError::OtherLoop(_))));
    assert!(matches!(here.run_until(there.tasks().cancel("there")), Err(RunError::OtherLoop(_))));
    // It did no harm to either.
    let of_both = there.schedule(async |_cx| 5);
    assert_eq!(there.run_until(of_both).unwrap().unwrap(), 5);
    let own = here.schedule(async |_cx| 6);
    assert_eq!(here.run_until(own).unwrap().unwrap(), 6);
}

fn what_needs_no_driving_may_come_from_another_foreground<O: Passes>(make: impl Fn() -> O) {
    let (mut here, mut there) = (on(&make), on(&make));
    let ended = there.schedule(async |_cx| 5);
    there.run_until(ended.task_ref().finished()).unwrap();
    assert_eq!(here.run_until(ended).unwrap().unwrap(), 5);
    let closure = there.call_in_background(|| 6);
    assert_eq!(here.run_until(closure).unwrap().unwrap(), 6);
    let event = ShutdownEvent::new();
    let set = event.trigger();
    there.schedule(async move |_cx| drop(set.set("from there"))).detach();
    there.step().unwrap();
    here.run_until(event.wait()).unwrap();
}

fn a_task_whose_foreground_is_gone_has_ended<O: Passes>(make: impl Fn() -> O) {
    let (mut here, there) = (on(&make), on(&make));
    let task = there.schedule(async |_cx| {});
    drop(there);
    let error = here.run_until(task).unwrap().unwrap_err();
    assert!(matches!(error, TaskError::Cancelled | TaskError::LoopClosed), "{error}");
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

fn a_request_to_stop_can_be_waited_for<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    foreground.schedule(async |cx| drop(cx.trigger().set("enough"))).detach();
    let works = foreground.schedule(async |cx| cx.shutdown().wait().await);
    let event = foreground.lifespan_event().clone();
    foreground.run_until(event.wait()).unwrap();
    assert!(!works.task_ref().is_finished(), "nothing stops before the program says so");
    let report = foreground.stop();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason.to_string(), "enough");
    assert!(works.task_ref().is_finished());
}

fn a_stop_is_that_of_a_lifespan<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make).grace(SHORT);
    let log = Log::default();
    let (bye, shut) = (log.clone(), log.clone());
    let polite = foreground.task("polite").grace(GUARD).spawn(async move |cx| {
        cx.shutdown().wait().await;
        bye.add("bye");
    });
    let deaf = foreground.task("deaf").spawn(async |cx| cx.sleep(HOUR).await);
    foreground
        .task("fails")
        .spawn(async |_cx| Err::<(), BoxError>("broken".into()))
        .unwrap()
        .detach();
    foreground
        .run(async move |cx| cx.on_shutdown(async move |_cx| shut.add("shut down")).is_ok())
        .unwrap();
    foreground.step().unwrap();
    let report = foreground.stop();
    assert_eq!(log, ["bye", "shut down"].as_slice());
    assert!(matches!(report.reason, Reason::Requested), "{report}");
    let outcome = |path| report.task(path).unwrap().outcome.as_ref();
    assert!(matches!(outcome("polite"), Some(Outcome::Completed)), "{report}");
    assert!(matches!(outcome("deaf"), Some(Outcome::Cancelled)), "{report}");
    assert!(report.task("deaf").unwrap().overran, "{report}");
    assert!(report.task("fails").unwrap().unheard, "{report}");
    assert_eq!(report.exit_code(), 4);
    drop((polite, deaf));
}

fn a_stop_is_bounded<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make).grace(HOUR).deadline(SHORT);
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let held = foreground.task("held").spawn_blocking(move |_stop| {
        begin.send(()).unwrap();
        released.recv().is_err()
    });
    begun.recv_timeout(GUARD).unwrap();
    let protected = foreground.schedule(async |cx| cx.protect(std::future::pending::<()>()).await);
    let report = foreground.stop();
    assert_eq!(report.stragglers.len(), 1, "{report}");
    assert_eq!(report.stragglers[0].path, "held");
    assert!(protected.task_ref().is_finished());
    drop((release, held));
}

fn dropping_it_drops_its_tasks<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let (polled, unpolled) = (Arc::new(()), Arc::new(()));
    let held = Arc::clone(&polled);
    let first = foreground.schedule(async move |cx| {
        cx.sleep(HOUR).await;
        drop(held);
    });
    foreground.step().unwrap();
    let held = Arc::clone(&unpolled);
    let second = foreground.schedule(async move |_cx| drop(held));
    let event = foreground.lifespan_event().clone();
    let spawner = foreground.spawner();
    drop(foreground);
    wait_until(|| Arc::strong_count(&polled) == 1 && Arc::strong_count(&unpolled) == 1);
    for task in [first, second] {
        let outcome = task.task_ref().outcome();
        assert!(matches!(outcome, Some(Outcome::Cancelled | Outcome::LoopClosed)), "{outcome:?}");
    }
    assert!(event.is_set());
    assert!(spawner.spawn(async |_cx| {}).is_err());
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

/// Also where the owner is kept, and so drops nothing by itself.
#[test]
fn the_next_foreground_on_an_owner_finds_nothing_of_the_last() {
    let mut owner = TokioLocalLoop::new();
    let held = Arc::new(());
    let (in_task, mut foreground) = (Arc::clone(&held), Foreground::on(&mut owner).unwrap());
    foreground
        .schedule(async move |cx| {
            cx.sleep(HOUR).await;
            drop(in_task);
        })
        .detach();
    foreground.step().unwrap();
    drop(foreground);
    let mut foreground = Foreground::on(&mut owner).unwrap();
    assert!(foreground.tasks().is_empty());
    foreground.step().unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
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
