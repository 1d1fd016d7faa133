//! Loops that stand still while nobody drives them, and are driven by a synchronous program.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    Cx, EventLoop, Foreground, Observer, Outcome, RunError, StandsStill, TaskEnd, TaskId, TaskRef,
    Timer,
};

use crate::support::{Moment, NEVER, SHORT};

fn on<O: StandsStill<Handle: Timer>>(owner: O) -> Foreground<O> {
    Foreground::on(owner).expect("the loop runs")
}

/// Waits without driving the loop: helper threads may be about to end a turn.
fn settle(holds: impl Fn() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}

/// A task goes on while the loop is driven, stands still between, and goes on where it stood.
pub fn nothing_goes_on_between_two_drives<O: StandsStill<Handle: Timer>>(owner: O) {
    async fn count<L: EventLoop>(_cx: Cx<'_, L>, turns: Arc<AtomicUsize>) {
        loop {
            turns.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
        }
    }
    let mut foreground = on(owner);
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let task = foreground.schedule(async move |cx| count(cx, counted).await);
    assert_eq!(turns.load(Ordering::SeqCst), 0, "nobody has driven the loop");
    for _ in 0..3 {
        let before = turns.load(Ordering::SeqCst);
        let more = async |_cx: Cx<'_, O::Handle>| {
            while turns.load(Ordering::SeqCst) < before + 3 {
                yield_now().await;
            }
        };
        foreground.run(more).expect("the loop runs");
        let after = turns.load(Ordering::SeqCst);
        thread::sleep(SHORT);
        assert_eq!(turns.load(Ordering::SeqCst), after, "it went on with nobody driving");
    }
    assert!(!task.task_ref().is_finished());
}

/// Who is added when there are tasks already hears of their ends, and of all that come.
pub fn an_observer_that_comes_late_hears_of_the_ends<O: StandsStill<Handle: Timer>>(owner: O) {
    #[derive(Default)]
    struct Heard(Mutex<Vec<(TaskId, &'static str)>>);
    impl Observer for Heard {
        fn task_spawned(&self, task: &TaskRef) {
            self.0.lock().unwrap().push((task.id(), "spawned"));
        }
        fn task_ended(&self, task: &TaskRef, _end: &TaskEnd<'_>) {
            self.0.lock().unwrap().push((task.id(), "ended"));
        }
    }
    let foreground = on(owner);
    let before = foreground.schedule(async |_cx| ());
    let before_with_name = foreground.task("before").spawn(async |_cx| ()).unwrap();
    let heard = Arc::<Heard>::default();
    let mut foreground = foreground.observer(Arc::clone(&heard));
    let after = foreground.schedule(async |_cx| ());
    let ids = [before.task_ref().id(), before_with_name.task_ref().id(), after.task_ref().id()];
    let all = async { (before.await, before_with_name.await, after.await) };
    foreground.run_until(all).expect("the loop runs").2.expect("it completes");
    let mut told = heard.0.lock().unwrap().clone();
    told.sort_unstable();
    let mut wanted = ids.map(|id| (id, "ended")).to_vec();
    wanted.push((ids[2], "spawned"));
    wanted.sort_unstable();
    assert_eq!(told, wanted);
}

/// One step gives a turn to each of many tasks that are ready, wherever they were made so.
pub fn a_step_gives_whoever_is_ready_a_turn<O: StandsStill<Handle: Timer>>(owner: O) {
    const MANY: usize = 500;
    let mut foreground = on(owner);
    let (turns, gate) = (Arc::new(AtomicUsize::new(0)), Moment::default());
    for _ in 0..MANY {
        let (turns, gate) = (Arc::clone(&turns), gate.clone());
        let task = foreground.schedule(async move |_cx| {
            turns.fetch_add(1, Ordering::SeqCst);
            gate.wait().await;
            turns.fetch_add(1, Ordering::SeqCst);
        });
        task.detach();
    }
    foreground.step().expect("the loop runs");
    settle(|| turns.load(Ordering::SeqCst) == MANY);
    // In a drive that ends at once, so that they have their turns in the step.
    foreground.run_until(async { gate.come() }).expect("the loop runs");
    foreground.step().expect("the loop runs");
    settle(|| turns.load(Ordering::SeqCst) == 2 * MANY);
}

/// A step ends though tasks sleep, wait for ever, or are always ready.
pub fn a_step_waits_for_nothing<O: StandsStill<Handle: Timer>>(owner: O) {
    let mut foreground = on(owner);
    foreground.schedule(async |cx| cx.sleep(NEVER).await).detach();
    foreground.schedule(async |_cx| pending::<()>().await).detach();
    let yields = foreground.schedule(async |_cx| {
        loop {
            yield_now().await;
        }
    });
    yields.detach();
    for _ in 0..3 {
        foreground.step().expect("the loop runs");
    }
    assert_eq!(foreground.tasks().len(), 3);
}

/// A cancel is asked for at any time, and takes effect in the next drive.
pub fn a_cancel_takes_effect_in_the_next_drive<O: StandsStill<Handle: Timer>>(owner: O) {
    let mut foreground = on(owner);
    let polled = foreground.schedule(async |cx| cx.sleep(NEVER).await);
    foreground.step().expect("the loop runs");
    let begun = Moment::default();
    let at_begin = begun.clone();
    let unpolled = foreground.schedule(async move |_cx| at_begin.come());
    drop((polled.cancel(), polled.cancel(), unpolled.cancel()));
    assert_eq!(foreground.tasks().len(), 2, "nobody has driven the loop");
    foreground.step().expect("the loop runs");
    settle(|| foreground.tasks().is_empty());
    for task in [polled, unpolled] {
        assert!(matches!(task.task_ref().outcome(), Some(Outcome::Cancelled)));
    }
    assert!(!begun.has_come(), "cancelled before its first poll it never runs");
}

/// The end of a foreground is the stop of a lifespan: its tasks hear of it, and end by themselves.
pub fn a_stop_is_that_of_a_lifespan<O: StandsStill<Handle: Timer>>(owner: O) {
    let mut foreground = on(owner);
    let (task, said_bye) = (Moment::default(), Moment::default());
    let (begun, at_end) = (task.clone(), said_bye.clone());
    let polite = foreground.task("polite").spawn(async move |cx| {
        begun.come();
        cx.shutdown().wait().await;
        at_end.come();
    });
    foreground.run_until(task.wait()).expect("the loop runs");
    let report = foreground.stop();
    assert!(report.is_clean(), "{report}");
    assert!(said_bye.has_come());
    let outcome = &report.task("polite").expect("it lived").outcome;
    assert!(matches!(outcome, Some(Outcome::Completed)), "{report}");
    drop(polite);
}

/// Without a stop its tasks are dropped, and nothing is waited for.
pub fn dropping_it_drops_its_tasks<O: StandsStill<Handle: Timer>>(owner: O) {
    let mut foreground = on(owner);
    let (polled, unpolled) = (Moment::default(), Moment::default());
    let held = polled.on_drop();
    foreground
        .schedule(async move |cx| {
            cx.sleep(NEVER).await;
            drop(held);
        })
        .detach();
    foreground.step().expect("the loop runs");
    let held = unpolled.on_drop();
    foreground.schedule(async move |_cx| drop(held)).detach();
    drop(foreground);
    polled.wait_blocking();
    unpolled.wait_blocking();
}

/// Inside a running loop there is nothing to drive, and that is said.
pub fn inside_a_running_loop_it_refuses<O: StandsStill<Handle: Timer>>(make: impl Fn() -> O) {
    let (mut outer, mut inner) = (on(make()), on(make()));
    let ran = outer.run(async |_cx| {
        assert!(matches!(Foreground::on(make()), Err(RunError::InsideLoop(_))));
        assert!(matches!(inner.step(), Err(RunError::InsideLoop(_))));
        assert!(matches!(inner.run_for(SHORT), Err(RunError::InsideLoop(_))));
        assert!(matches!(inner.run_until(pending::<()>()), Err(RunError::InsideLoop(_))));
        assert_eq!(inner.stop().exit_code(), 3);
    });
    ran.expect("the loop runs");
}

/// While one is driven nobody drives the other, so waiting for a task of that is an error.
pub fn a_task_of_another_one_is_an_error<O: StandsStill<Handle: Timer>>(make: impl Fn() -> O) {
    let (mut here, mut there) = (on(make()), on(make()));
    let mut task = there.schedule(async |_cx| 5);
    let waited = here.run_until(&mut task);
    assert!(matches!(waited, Err(RunError::OtherLoop(_))));
    let waited = there.run_until(task).expect("the loop runs");
    assert_eq!(waited.expect("it completes"), 5);
}
