//! What Sanic does with events, and with what goes wrong in tasks: rows S-20 to S-24, S-34 and S-35
//! of the promises, each as ours keeps it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::yield_now;
use lifespan::{
    Cx, Lifespan, LoopOwner, Observer, Outcome, RecvError, Report, TaskRef, Timer, WaitError,
};

/// Longer than any test may take: a wait that ended, ended for another reason.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A budget that is meant to run out.
const SHORT: Duration = Duration::from_millis(10);

on_every_loop!(
    s20_a_wait_gives_what_was_dispatched_or_says_that_its_time_is_over,
    s20_a_name_that_nobody_dispatches_is_no_error,
    s21_nothing_is_lost_between_two_waits,
    s21_who_is_too_slow_is_told_what_was_dropped,
    s22_all_who_wait_get_the_same_value,
    s22_a_waiter_that_gives_up_leaves_nothing,
    s23_two_dispatches_at_once_are_no_error,
    s23_a_dispatch_may_meet_a_waiter_that_is_just_cancelled,
    s24_a_listener_that_fails_skips_nobody_and_is_reported_once,
    s34_a_failure_is_reported_once_and_others_go_on,
    s34_a_failure_of_a_task_that_was_added_before_the_run_is_reported_once,
    s35_a_body_that_is_added_twice_runs_twice,
);

/// Runs the body as the foreground, and has what it asserts count.
#[track_caller]
fn inside<O, F>(owner: O, body: F)
where
    O: LoopOwner<Handle: Timer>,
    F: for<'t> AsyncFnOnce(Cx<'t, O::Handle>) + 'static,
{
    let report = Lifespan::on(owner).serve(body).run();
    assert!(report.is_clean(), "{report}");
}

async fn until_subscribed<L: Timer>(cx: &Cx<'_, L>, name: &str, count: usize) {
    while cx.events().subscribers(name) < count {
        yield_now().await;
    }
}

fn s20_a_wait_gives_what_was_dispatched_or_says_that_its_time_is_over<
    O: LoopOwner<Handle: Timer>,
>(
    owner: O,
) {
    inside(owner, async |cx| {
        let waits = cx.events().wait::<u32>("foo.bar.baz", NEVER);
        assert_eq!(cx.events().dispatch("foo.bar.baz", 7_u32), Ok(1));
        assert_eq!(*waits.await.unwrap(), 7);
        let waited = cx.events().wait::<u32>("foo.bar.baz", SHORT).await;
        assert!(matches!(waited, Err(WaitError::Elapsed(_))), "{waited:?}");
    });
}

fn s20_a_name_that_nobody_dispatches_is_no_error<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let waits = cx.spawn(async |cx| *cx.events().wait::<u32>("new", NEVER).await.unwrap());
        until_subscribed(&cx, "new", 1).await;
        // Not of this type: the mistake is told to who makes it.
        let wrong = cx.events().dispatch("new", "a text").unwrap_err();
        assert_eq!((wrong.expected(), wrong.given()), ("u32", "&str"));
        cx.events().dispatch("new", 7_u32).unwrap();
        assert_eq!(waits.await.unwrap(), 7);
    });
}

fn s21_nothing_is_lost_between_two_waits<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut numbers = cx.events().subscribe::<u32>("n").unwrap();
        let dispatching = cx.spawn(async |cx| {
            for number in 0..10_u32 {
                cx.events().dispatch("n", number).unwrap();
                cx.sleep(Duration::from_millis(1)).await;
            }
        });
        for number in 0..10 {
            assert_eq!(*numbers.recv().await.unwrap(), number);
            cx.sleep(Duration::from_millis(3)).await; // it works between two waits
        }
        dispatching.await.unwrap();
    });
}

fn s21_who_is_too_slow_is_told_what_was_dropped<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut numbers = cx.events().subscribe_bounded::<u32>("n", 2).unwrap();
        for number in 0..10_u32 {
            cx.events().dispatch("n", number).unwrap();
        }
        assert_eq!(numbers.recv().await, Err(RecvError::Lagged(8)));
        assert_eq!((*numbers.recv().await.unwrap(), *numbers.recv().await.unwrap()), (8, 9));
    });
}

fn s22_all_who_wait_get_the_same_value<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let waiters = [(); 3].map(|()| {
            cx.spawn(async |cx| cx.events().wait::<Mutex<u32>>("n", NEVER).await.unwrap())
        });
        until_subscribed(&cx, "n", 3).await;
        cx.events().dispatch("n", Mutex::new(7_u32)).unwrap();
        let mut values = Vec::new();
        for waiter in waiters {
            values.push(waiter.await.unwrap());
        }
        *values[0].lock().unwrap() += 1;
        assert!(values.iter().all(|value| *value.lock().unwrap() == 8));
    });
}

fn s22_a_waiter_that_gives_up_leaves_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        assert!(cx.events().wait::<u32>("n", SHORT).await.is_err());
        assert!(cx.timeout(SHORT, cx.events().wait::<u32>("n", NEVER)).await.is_err());
        let cancelled = cx.spawn(async |cx| drop(cx.events().wait::<u32>("n", NEVER).await));
        until_subscribed(&cx, "n", 1).await;
        cancelled.cancel().await;
        assert_eq!(cx.events().subscribers("n"), 0);
        assert_eq!(cx.events().dispatch("n", 7_u32), Ok(0));
    });
}

fn s23_two_dispatches_at_once_are_no_error<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let waits = cx.spawn(async |cx| *cx.events().wait::<u32>("n", NEVER).await.unwrap());
        until_subscribed(&cx, "n", 1).await;
        assert_eq!(cx.events().dispatch("n", 1_u32), Ok(1));
        assert!(cx.events().dispatch("n", 2_u32).is_ok());
        assert_eq!(waits.await.unwrap(), 1);
    });
}

fn s23_a_dispatch_may_meet_a_waiter_that_is_just_cancelled<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..50 {
            let waits = cx.spawn(async |cx| cx.events().wait::<u32>("n", NEVER).await.is_ok());
            until_subscribed(&cx, "n", 1).await;
            let gone = waits.cancel();
            assert!(cx.events().dispatch("n", 1_u32).is_ok());
            gone.await;
        }
        assert_eq!(cx.events().subscribers("n"), 0);
    });
}

/// Counts the failures that nobody awaits.
#[derive(Clone, Default)]
struct Reported(Arc<Mutex<Vec<String>>>);

impl Observer for Reported {
    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        self.0.lock().unwrap().push(format!("{} {outcome}", task.path()));
    }
}

impl Reported {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn unheard(report: &Report) -> usize {
    report.tasks.iter().filter(|task| task.unheard).count()
}

fn s24_a_listener_that_fails_skips_nobody_and_is_reported_once<O: LoopOwner<Handle: Timer>>(
    owner: O,
) {
    let (reported, heard) = (Reported::default(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&heard);
    let report = Lifespan::on(owner)
        .observer(reported.clone())
        .serve(async move |cx| {
            for id in 0..3 {
                let (mut signals, counted) =
                    (cx.events().subscribe::<()>("signal").unwrap(), Arc::clone(&counted));
                let handler = cx.task(format_args!("handler-{id}")).spawn(async move |_cx| {
                    signals.recv().await.map_err(|error| error.to_string())?;
                    counted.fetch_add(1, Ordering::SeqCst);
                    if id == 0 { Err(String::from("a handler that raises")) } else { Ok(()) }
                });
                handler.unwrap().detach();
            }
            assert_eq!(cx.events().dispatch("signal", ()), Ok(3));
            while !cx.tasks().is_empty() {
                yield_now().await;
            }
        })
        .run();
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    assert_eq!(reported.lines(), ["handler-0 failed: a handler that raises"]);
    assert_eq!(unheard(&report), 1, "{report}");
}

fn s34_a_failure_is_reported_once_and_others_go_on<O: LoopOwner<Handle: Timer>>(owner: O) {
    let reported = Reported::default();
    let at_once = reported.clone();
    let report = Lifespan::on(owner)
        .observer(reported.clone())
        .task("other", async |cx: Cx<'_, O::Handle>| cx.shutdown().wait().await)
        .serve(async move |cx| {
            let bad = cx.task("bad").spawn(async |_cx| Err::<(), _>("no such table")).unwrap();
            let ended = bad.task_ref().clone();
            bad.detach();
            ended.finished().await;
            while at_once.lines().is_empty() {
                yield_now().await; // another thread may be telling it
            }
            assert_eq!(at_once.lines(), ["bad failed: no such table"], "when it happens");
            assert!(cx.tasks().contains("other") && !cx.tasks().contains("bad"));
        })
        .run();
    assert_eq!(reported.lines().len(), 1);
    assert_eq!(unheard(&report), 1, "{report}");
    assert_eq!(report.exit_code(), 4, "a failed task");
}

fn s34_a_failure_of_a_task_that_was_added_before_the_run_is_reported_once<
    O: LoopOwner<Handle: Timer>,
>(
    owner: O,
) {
    let reported = Reported::default();
    let report = Lifespan::on(owner)
        .observer(reported.clone())
        .task("added before", async |_cx: Cx<'_, O::Handle>| Err::<(), _>("once"))
        .until_idle()
        .run();
    assert_eq!(reported.lines(), ["added before failed: once"]);
    assert_eq!(unheard(&report), 1, "{report}");
}

fn s35_a_body_that_is_added_twice_runs_twice<O: LoopOwner<Handle: Timer>>(owner: O) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let body = async move |_cx: Cx<'_, O::Handle>| {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let lifespan = Lifespan::on(owner).task("one", body.clone()).task("two", body.clone());
    let report = lifespan.spawn(body.clone()).spawn(body).until_idle().run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(runs.load(Ordering::SeqCst), 4, "twice with a name, and twice without");
}
