//! What bareASGI's texts promise of background tasks: rows B-01 and B-09 to B-19 of the promises,
//! each as ours keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use lifespan::{
    Cx, Lifespan, LoopOwner, NotFound, Outcome, Reason, ShutdownEvent, Spawner, TaskError, Timer,
    Waited,
};

use crate::log::Log;

/// Longer than any test may take: a wait that ended, ended for another reason.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

on_every_loop!(
    b01_a_running_task_never_blocks_the_foreground,
    b09_a_one_off_task_that_ends_early_is_no_error,
    b10_long_running_tasks_end_gracefully_without_a_handler_of_their_own,
    b11_a_ticker_ticks_at_once_and_setting_the_event_wakes_it_at_once,
    b11_a_wait_with_a_limit_tells_elapsed_from_set,
    b13_a_spawn_never_polls_inside_the_call,
    b14_a_task_that_awaits_lets_others_run,
    b15_stop_and_wait_is_bounded_though_the_task_never_looks,
    b16_a_task_that_failed_early_breaks_no_shutdown,
    b17_cancel_returns_an_outcome_and_raises_nothing,
    b18_completed_and_cancelled_are_told_apart,
    b19_a_protected_block_is_not_cut_by_a_cancel,
    b19_a_task_that_loses_nothing_may_be_cancelled_on_stop,
);

struct Now(AtomicU32);

fn b01_a_running_task_never_blocks_the_foreground<O: LoopOwner<Handle: Timer>>(owner: O) {
    fn read<L>(spawner: &Spawner<L>) -> u32 {
        spawner.state().get::<Now>().map_or(0, |now| now.0.load(Ordering::SeqCst))
    }
    let report = Lifespan::on(owner)
        .startup("clock", async |cx| drop(cx.state().insert(Now(AtomicU32::new(0)))))
        .task("ticker", async |cx| {
            let now = cx.state().get::<Now>().unwrap();
            while !cx.wait_timeout(Duration::from_millis(1)).await.is_set() {
                now.0.fetch_add(1, Ordering::SeqCst);
            }
        })
        .serve(async |cx| {
            // A request handler on another thread, with nothing but the remote control.
            let spawner = cx.spawner();
            let reader = std::thread::spawn(move || {
                let first = read(&spawner);
                while read(&spawner) < first + 2 {
                    std::thread::yield_now();
                }
            });
            while !reader.is_finished() {
                cx.sleep(Duration::from_millis(1)).await;
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b09_a_one_off_task_that_ends_early_is_no_error(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .task("one-off", async |_cx| 42)
        .task("long", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            while cx.tasks().contains("one-off") {
                cx.sleep(Duration::from_millis(1)).await;
            }
            assert!(cx.tasks().contains("long"));
        })
        .run();
    assert!(report.is_clean(), "{report}");
    for path in ["one-off", "long"] {
        assert!(matches!(report.task(path).unwrap().outcome, Some(Outcome::Completed)));
    }
}

fn b10_long_running_tasks_end_gracefully_without_a_handler_of_their_own(
    owner: impl LoopOwner<Handle: Timer>,
) {
    let log = Log::default();
    let (in_task, in_component) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("feed", async move |cx| {
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                in_component.add("the task of feed has ended");
            })
            .detach();
        })
        .shutdown("feed", {
            let log = log.clone();
            async move |cx| {
                assert!(cx.tasks().is_empty());
                log.add("then its handler runs");
            }
        })
        .task("ticker", async move |cx| {
            cx.shutdown().wait().await;
            in_task.add("the ticker has ended");
        })
        .serve(async |cx| cx.sleep(Duration::from_millis(1)).await)
        .run();
    assert!(report.is_clean(), "{report}");
    let expected = ["the ticker has ended", "the task of feed has ended", "then its handler runs"];
    assert_eq!(log, expected.as_slice());
}

fn b11_a_ticker_ticks_at_once_and_setting_the_event_wakes_it_at_once(
    owner: impl LoopOwner<Handle: Timer>,
) {
    let ticks = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ticks);
    let report = Lifespan::on(owner)
        .task("ticker", async move |cx| {
            loop {
                count.fetch_add(1, Ordering::SeqCst);
                if cx.wait_timeout(NEVER).await.is_set() {
                    return;
                }
            }
        })
        .serve({
            let ticks = Arc::clone(&ticks);
            async move |cx| {
                while ticks.load(Ordering::SeqCst) == 0 {
                    cx.sleep(Duration::from_millis(1)).await;
                }
            }
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(ticks.load(Ordering::SeqCst), 1);
}

fn b11_a_wait_with_a_limit_tells_elapsed_from_set(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let elapsed = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&elapsed);
            let task = cx.spawn(async move |cx| {
                assert_eq!(cx.wait_timeout(Duration::ZERO).await, Waited::Elapsed);
                assert_eq!(cx.wait_timeout(Duration::from_millis(1)).await, Waited::Elapsed);
                seen.store(true, Ordering::SeqCst);
                assert_eq!(cx.wait_timeout(Duration::MAX).await, Waited::Set);
                assert_eq!(cx.wait_timeout(Duration::ZERO).await, Waited::Set);
            });
            while !elapsed.load(Ordering::SeqCst) {
                cx.sleep(Duration::from_millis(1)).await;
            }
            task.stop();
            task.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b13_a_spawn_never_polls_inside_the_call(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let spawning = std::thread::current().id();
            let inside = Arc::new(AtomicBool::new(true));
            let seen = Arc::clone(&inside);
            let task = cx.spawn(async move |_cx| {
                // On the spawning thread, the call must have returned before the first poll.
                std::thread::current().id() == spawning && seen.load(Ordering::SeqCst)
            });
            inside.store(false, Ordering::SeqCst);
            assert!(!task.await.unwrap());
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b14_a_task_that_awaits_lets_others_run(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let turn = Arc::new(AtomicU32::new(0));
            let player = |parity: u32| {
                let turn = Arc::clone(&turn);
                cx.spawn(async move |_cx| {
                    for round in 0..50 {
                        while turn.load(Ordering::SeqCst) != 2 * round + parity {
                            futures_lite::future::yield_now().await;
                        }
                        turn.fetch_add(1, Ordering::SeqCst);
                    }
                })
            };
            let (ping, pong) = (player(0), player(1));
            ping.await.unwrap();
            pong.await.unwrap();
            assert_eq!(turn.load(Ordering::SeqCst), 100);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b15_stop_and_wait_is_bounded_though_the_task_never_looks(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let after = log.clone();
    let report = Lifespan::on(owner)
        .startup("stubborn", async |cx| {
            let body = async |_cx: Cx<'_, _>| std::future::pending::<()>().await;
            cx.task("deaf").spawn(body).unwrap().detach();
        })
        .shutdown("stubborn", async move |_cx| after.add("its handler runs all the same"))
        .grace(Duration::from_millis(20))
        .serve(async |_cx| {})
        .run();
    assert_eq!(log, ["its handler runs all the same"].as_slice());
    let task = report.task("stubborn/deaf").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Cancelled)));
    assert!(task.overran && task.age >= Duration::from_millis(20));
    assert_eq!((report.exit_code(), report.stragglers.len()), (6, 0));
}

fn b16_a_task_that_failed_early_breaks_no_shutdown(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let (a, b) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .shutdown("a", async move |_cx| a.add("a"))
        .shutdown("b", async move |_cx| b.add("b"))
        .task("early", async |_cx| Err::<(), _>("no luck"))
        .serve(async |cx| {
            while cx.tasks().contains("early") {
                cx.sleep(Duration::from_millis(1)).await;
            }
        })
        .run();
    assert_eq!(log, ["b", "a"].as_slice());
    let failures = report.tasks.iter().filter(|task| {
        task.outcome.as_ref().is_some_and(|outcome| outcome.to_string() == "failed: no luck")
    });
    assert_eq!((failures.count(), report.exit_code()), (1, 4));
}

fn b17_cancel_returns_an_outcome_and_raises_nothing(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let dropped = Arc::new(AtomicBool::new(false));
            let guard = SetOnDrop(Arc::clone(&dropped));
            let ticker = cx.task("ticker").spawn(async move |_cx| {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            let outcome = cx.tasks().cancel("ticker").await.unwrap();
            assert!(matches!(outcome, Outcome::Cancelled));
            assert!(dropped.load(Ordering::SeqCst), "it resolves when the future has been dropped");
            assert!(matches!(ticker.unwrap().await, Err(TaskError::Cancelled)));
            let gone: NotFound = cx.tasks().cancel("ticker").await.unwrap_err();
            assert_eq!(gone.name().as_str(), "ticker");
            // A task that had failed: its error is told, not raised.
            let failed = cx.spawn(async |_cx| Err::<(), _>("its own error"));
            let outcome = failed.task_ref().finished().await;
            assert_eq!(outcome.to_string(), "failed: its own error");
            assert_eq!(failed.cancel().await.to_string(), "failed: its own error");
            assert!(failed.await.is_err());
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn b18_completed_and_cancelled_are_told_apart(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let gentle = cx.spawn(async |cx| cx.shutdown().wait().await);
            gentle.stop();
            assert!(matches!(gentle.task_ref().finished().await, Outcome::Completed));
            let cut = cx.spawn(async |cx| cx.shutdown().wait().await);
            assert!(matches!(cut.cancel().await, Outcome::Cancelled));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b19_a_protected_block_is_not_cut_by_a_cancel(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let in_task = log.clone();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let (begun, release) = (ShutdownEvent::new(), ShutdownEvent::new());
            let (seen, released) = (begun.drop_guard(), release.clone());
            let writer = cx.spawn(async move |cx| {
                cx.protect(async {
                    drop(seen);
                    released.wait().await;
                    in_task.add("written");
                })
                .await;
                in_task.add("never: the cancel takes effect where the block ends");
            });
            begun.wait().await;
            let cancelled = writer.cancel();
            release.trigger().set("the cancel was asked for").unwrap();
            assert!(matches!(cancelled.await, Outcome::Cancelled));
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["written"].as_slice());
}

fn b19_a_task_that_loses_nothing_may_be_cancelled_on_stop(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("clock", async |cx| {
            let ticker = async |cx: Cx<'_, _>| loop {
                cx.sleep(Duration::from_millis(1)).await;
            };
            cx.task("ticker").cancel_on_stop().spawn(ticker).map(drop)
        })
        .grace(NEVER)
        .deadline(NEVER)
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::ServeEnded);
    let ticker = report.task("clock/ticker").unwrap();
    assert!(matches!(ticker.outcome, Some(Outcome::Cancelled)) && !ticker.overran);
}
