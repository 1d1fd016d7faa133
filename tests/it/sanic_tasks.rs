//! What Sanic's guide promises of background tasks: rows S-01 to S-04 and S-14 to S-17, each as ours
//! keeps it. S-05 to S-09 are in `workers.rs`, S-10 to S-13 in `sanic_names.rs`; S-18 only says since when.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::yield_now;
use lifespan::{
    Cx, Lifespan, LoopOwner, NotFound, Outcome, ShutdownEvent, ShutdownTrigger, Task, TaskError,
    Timer,
};

use crate::log::Log;

/// Longer than any test may take: a wait that ended, ended for another reason.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A budget that is meant to run out.
const SHORT: Duration = Duration::from_millis(10);

on_every_loop!(
    s01_every_task_is_tracked_named_or_not,
    s01_a_spawn_never_polls_inside_the_call,
    s01_nobody_need_hold_a_handle,
    s02_a_task_is_added_before_the_run_or_in_a_handler_or_in_a_task,
    s03_the_body_gets_its_context,
    s03_a_body_that_fails_runs_once_and_keeps_its_error,
    s04_a_body_owns_what_it_captures,
    s14_cancel_gives_the_outcome_and_raises_nothing,
    s14_cancel_of_an_unknown_or_finished_task_is_told,
    s14_a_canceller_may_bound_its_wait,
    s14_cancelled_before_the_first_poll_the_body_never_runs,
    s14_any_number_may_cancel_at_once,
    s14_a_task_that_cancels_itself_goes_no_further,
    s14_a_canceller_that_is_cancelled_is_cancelled,
    s15_a_list_is_a_snapshot_that_nothing_invalidates,
    s16_what_has_ended_leaves_by_itself,
    s16_a_history_is_bounded_and_on_request,
    s17_a_receiver_that_failed_masks_no_error_when_it_is_cancelled,
    s17_a_thousand_connections_leave_nothing,
);

/// Runs the body as the foreground, and has what it asserts count.
#[track_caller]
pub(super) fn inside<O, F>(owner: O, body: F)
where
    O: LoopOwner<Handle: Timer>,
    F: for<'t> AsyncFnOnce(Cx<'t, O::Handle>) + 'static,
{
    let report = Lifespan::on(owner).serve(body).run();
    assert!(report.is_clean(), "{report}");
}

fn s01_every_task_is_tracked_named_or_not<O: LoopOwner<Handle: Timer>>(owner: O) {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ended);
    inside(owner, async move |cx| {
        for _ in 0..3 {
            let counted = Arc::clone(&counted);
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                yield_now().await; // it cleans up
                counted.fetch_add(1, Ordering::SeqCst);
            })
            .detach();
        }
        cx.task("named").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        assert_eq!(cx.tasks().len(), 4);
        assert_eq!(cx.tasks().iter().filter(|task| task.name().is_none()).count(), 3);
    });
    assert_eq!(ended.load(Ordering::SeqCst), 3, "a stop waits for those without a name, too");
}

fn s01_a_spawn_never_polls_inside_the_call<O: LoopOwner<Handle: Timer>>(owner: O) {
    thread_local! {
        static SPAWNING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    inside(owner, async |cx| {
        SPAWNING.set(true);
        let task = cx.spawn(async |_cx| assert!(!SPAWNING.get()));
        SPAWNING.set(false);
        task.await.unwrap();
    });
}

fn s01_nobody_need_hold_a_handle<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (done, at_end) = begins();
    inside(owner, async move |cx| {
        drop(cx.spawn(async move |_cx| {
            yield_now().await;
            at_end.set("it ran to its end").unwrap();
        }));
        done.wait().await;
    });
}

fn s02_a_task_is_added_before_the_run_or_in_a_handler_or_in_a_task<O: LoopOwner<Handle: Timer>>(
    owner: O,
) {
    let ran = Arc::new(AtomicUsize::new(0));
    fn count(ran: &AtomicUsize) {
        ran.fetch_add(1, Ordering::SeqCst);
    }
    let (before, handler) = (Arc::clone(&ran), Arc::clone(&ran));
    let report = Lifespan::on(owner)
        .task("before the run", async move |cx: Cx<'_, O::Handle>| {
            count(&before);
            let inner = Arc::clone(&before);
            cx.spawn(async move |_cx| count(&inner)).await.unwrap();
        })
        .startup("in a handler", async move |cx| {
            cx.spawn(async move |_cx| count(&handler)).detach();
        })
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(ran.load(Ordering::SeqCst), 3);
}

/// By type, when it is compiled; what is no body does not compile: `ui/future_for_body.rs`,
/// `ui/plain_closure.rs`, `ui/startup_without_cx.rs`.
fn s03_the_body_gets_its_context<O: LoopOwner<Handle: Timer>>(owner: O) {
    async fn body<L: Timer>(cx: Cx<'_, L>) -> String {
        cx.this_task().unwrap().path()
    }
    inside(owner, async |cx| {
        assert_eq!(cx.task("a function").spawn(body).unwrap().await.unwrap(), "a function");
        let closure = cx.task("a closure").spawn(async |cx| body(cx).await);
        assert_eq!(closure.unwrap().await.unwrap(), "a closure");
    });
}

fn s03_a_body_that_fails_runs_once_and_keeps_its_error<O: LoopOwner<Handle: Timer>>(owner: O) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    inside(owner, async move |cx| {
        let failed = cx.spawn(async move |_cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            "x".parse::<u8>()
        });
        let Err(TaskError::Failed(failure)) = failed.await else { panic!("it failed") };
        assert!(failure.error().is::<std::num::ParseIntError>());
    });
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

fn s04_a_body_owns_what_it_captures<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let app = Arc::new(Mutex::new(Vec::new()));
        let passed = Arc::clone(&app);
        cx.spawn(async move |_cx| passed.lock().unwrap().push("explicitly")).await.unwrap();
        assert_eq!(*app.lock().unwrap(), ["explicitly"]);
        assert_eq!(Arc::strong_count(&app), 1, "and it is gone with the body");
    });
}

fn s14_cancel_gives_the_outcome_and_raises_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in its clean-up");
        }
    }
    inside(owner, async |cx| {
        let failed = cx.spawn(async |_cx| Err::<(), _>("before"));
        failed.task_ref().finished().await;
        assert!(matches!(failed.cancel().await, Outcome::Failed(_)), "told, not raised");
        assert!(failed.await.is_err());
        let done = cx.spawn(async |_cx| ());
        done.task_ref().finished().await;
        assert!(matches!(done.cancel().await, Outcome::Completed));
        let panicked = cx.spawn(async |_cx| -> () { panic!("before") });
        panicked.task_ref().finished().await;
        assert!(matches!(panicked.cancel().await, Outcome::Panicked(_)));
        assert!(panicked.await.is_err());
        let (begun, at_begin) = begins();
        let bad = cx.task("bad").spawn(async move |_cx| {
            let _bomb = Bomb;
            at_begin.set("there is something to clean up").unwrap();
            pending::<()>().await;
        });
        let bad = bad.unwrap();
        begun.wait().await;
        let outcome = cx.tasks().cancel("bad").await.unwrap();
        assert!(matches!(outcome, Outcome::Panicked(_)), "{outcome}");
        assert!(bad.await.is_err());
    });
}

fn s14_cancel_of_an_unknown_or_finished_task_is_told<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let unknown: NotFound = cx.tasks().cancel("nope").await.unwrap_err();
        assert_eq!(unknown.name().as_str(), "nope");
        let task = cx.task("once").spawn(async |_cx| pending::<()>().await).unwrap();
        assert!(matches!(cx.tasks().cancel("once").await, Ok(Outcome::Cancelled)));
        assert!(cx.tasks().cancel("once").await.is_err(), "its name is free");
        assert!(matches!(task.cancel().await, Outcome::Cancelled), "by its handle, again");
    });
}

/// Something that happens once, for who waits and for who sets it.
pub(super) fn begins() -> (ShutdownEvent, ShutdownTrigger) {
    let event = ShutdownEvent::new();
    (event.clone(), event.trigger())
}

/// A task that a cancel does not cut before the trigger is set; it protects itself already.
async fn stubborn<L: Timer>(cx: &Cx<'_, L>) -> (Task<()>, ShutdownTrigger) {
    let ((begun, at_begin), (may_end, go_on)) = (begins(), begins());
    let task = cx.task("stubborn").spawn(async move |cx| {
        let protected = async move {
            at_begin.set("it protects itself").unwrap();
            may_end.wait().await;
        };
        cx.protect(protected).await;
    });
    begun.wait().await;
    (task.unwrap(), go_on)
}

fn s14_a_canceller_may_bound_its_wait<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (stubborn, go_on) = stubborn(&cx).await;
        let cancel = cx.timeout(SHORT, cx.tasks().cancel("stubborn")).await;
        go_on.set("who waited went on").unwrap();
        assert!(cancel.is_err(), "the bound ends the wait");
        assert!(matches!(stubborn.await, Err(TaskError::Cancelled)), "not the cancel");
    });
}

/// Spawns a task and cancels it at once. Tells whether its body, which awaits nothing, has run; it has
/// gone, and the outcome says the same.
async fn runs_though_cancelled<L: Timer>(cx: &Cx<'_, L>) -> bool {
    let polled = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&polled);
    let task = cx.spawn(async move |_cx| seen.store(true, Ordering::SeqCst));
    let outcome = task.cancel().await;
    assert_eq!(Arc::strong_count(&polled), 1, "told before the body was gone");
    let has_run = polled.load(Ordering::SeqCst);
    assert_eq!(matches!(outcome, Outcome::Cancelled), !has_run, "{outcome}");
    assert_eq!(task.await.is_err(), !has_run);
    has_run
}

fn s14_cancelled_before_the_first_poll_the_body_never_runs<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        // Another thread may be faster than the cancel, but not each time.
        let mut attempts = 0..10_000;
        while runs_though_cancelled(&cx).await {
            attempts.next().unwrap();
        }
        let task = cx.spawn(async move |cx| {
            while runs_though_cancelled(&cx).await {
                attempts.next().unwrap();
            }
        });
        task.await.unwrap();
    });
}

mod one_thread {
    use super::*;

    on_every_loop_of_one_thread!(s14_nothing_runs_between_a_spawn_and_its_cancel);

    fn s14_nothing_runs_between_a_spawn_and_its_cancel<O: LoopOwner<Handle: Timer>>(owner: O) {
        inside(owner, async |cx| {
            assert!(!runs_though_cancelled(&cx).await);
            let in_task = cx.spawn(async |cx| runs_though_cancelled(&cx).await);
            assert!(!in_task.await.unwrap());
        });
    }
}

fn s14_any_number_may_cancel_at_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        let handle = task.task_ref().clone();
        let cancellers = [(); 5].map(|()| {
            let handle = handle.clone();
            cx.spawn(async move |_cx| handle.cancel().await.to_string())
        });
        for canceller in cancellers {
            assert_eq!(canceller.await.unwrap(), "cancelled");
        }
    });
}

fn s14_a_task_that_cancels_itself_goes_no_further<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let went_on = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&went_on);
        let task = cx.spawn(async move |cx| {
            drop(cx.this_task().unwrap().cancel());
            yield_now().await;
            seen.store(true, Ordering::SeqCst);
        });
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(!went_on.load(Ordering::SeqCst));
    });
}

fn s14_a_canceller_that_is_cancelled_is_cancelled<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (stubborn, go_on) = stubborn(&cx).await;
        let (begun, at_begin) = begins();
        let canceller = cx.spawn(async move |cx| {
            let cancel = cx.tasks().cancel("stubborn");
            at_begin.set("the cancel is made").unwrap();
            let _outcome = cancel.await;
            unreachable!("it is cancelled while it waits");
        });
        begun.wait().await;
        assert!(matches!(canceller.cancel().await, Outcome::Cancelled));
        go_on.set("the canceller is gone").unwrap();
        assert!(matches!(stubborn.await, Err(TaskError::Cancelled)));
    });
}

fn s15_a_list_is_a_snapshot_that_nothing_invalidates<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for number in 0..5 {
            let task = cx.task(format_args!("task-{number}"));
            task.spawn(async |_cx| pending::<()>().await).unwrap().detach();
        }
        let mut seen = 0;
        for task in cx.tasks().iter() {
            cx.spawn(async |cx| cx.shutdown().wait().await).detach();
            task.cancel().await;
            seen += 1;
        }
        assert_eq!(seen, 5);
        assert_eq!(cx.tasks().len(), 5, "those that came meanwhile");
    });
}

fn s16_what_has_ended_leaves_by_itself<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for number in 0..1000 {
            let task = cx.task(format_args!("task-{number}"));
            task.spawn(async move |_cx| number).unwrap().await.unwrap();
        }
        assert!(cx.tasks().is_empty());
        assert_eq!(cx.tasks().finished().count(), 0, "and nothing is kept unasked");
    });
}

fn s16_a_history_is_bounded_and_on_request<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.tasks().keep_finished(3);
        for number in 0..10 {
            let task = cx.task(format_args!("task-{number}"));
            task.spawn(async |_cx| ()).unwrap().await.unwrap();
        }
        let names = cx.tasks().finished().map(|task| task.name().unwrap().to_string());
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        assert_eq!(names, ["task-7", "task-8", "task-9"]);
        assert!(cx.tasks().get("task-9").is_none(), "its name is free all the same");
        assert!(cx.tasks().cancel("task-9").await.is_err(), "and there is nothing to cancel");
        assert_eq!(cx.tasks().purge(), 3);
        assert_eq!(cx.tasks().finished().count(), 0);
    });
}

fn s17_a_receiver_that_failed_masks_no_error_when_it_is_cancelled<O: LoopOwner<Handle: Timer>>(
    owner: O,
) {
    async fn feed<L: Timer>(cx: Cx<'_, L>) -> Result<(), &'static str> {
        let receiver = cx.task("receiver:7").spawn(async |_cx| Err::<(), _>("the socket broke"));
        let receiver = receiver.map_err(|_| "the name is taken")?;
        receiver.task_ref().finished().await;
        let result = Err("the feed broke");
        // What the guide has in `finally`.
        let outcome = receiver.cancel().await;
        assert!(matches!(outcome, Outcome::Failed(_)));
        assert!(receiver.await.is_err());
        result
    }
    inside(owner, async |cx| {
        let error = cx.spawn(feed).await.unwrap_err();
        assert!(error.to_string().ends_with("the feed broke"), "{error}");
    });
}

fn s17_a_thousand_connections_leave_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    /// A connection: what comes in is counted by a task of its own, what goes out are the events.
    async fn connection<L: Timer>(cx: Cx<'_, L>, id: usize) -> usize {
        let mut prices = cx.events().subscribe::<usize>("my.custom.event").unwrap();
        let receiver = cx.task(format_args!("receiver:{id}"));
        let receiver = receiver.spawn(async |cx| cx.sleep(NEVER).await).unwrap();
        let sent = *prices.recv().await.unwrap();
        receiver.cancel().await;
        sent
    }
    let log = Log::default();
    let seen = log.clone();
    inside(owner, async move |cx| {
        for round in 0..10 {
            let connections: Vec<_> = (0..100)
                .map(|number| {
                    let id = round * 100 + number;
                    cx.spawn(async move |cx| connection(cx, id).await)
                })
                .collect();
            while cx.events().subscribers("my.custom.event") < 100 {
                yield_now().await;
            }
            assert_eq!(cx.events().dispatch("my.custom.event", round), Ok(100));
            for connection in connections {
                assert_eq!(connection.await.unwrap(), round);
            }
        }
        assert!(cx.tasks().is_empty());
        assert_eq!(cx.events().subscribers("my.custom.event"), 0);
        seen.add("all have come and gone");
    });
    assert_eq!(log.lines(), ["all have come and gone"]);
}
