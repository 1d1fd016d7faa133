//! Services in virtual time: when they are ready, and who waits for that.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifespan_core::{
    Cx, Lifespan, OnEnd, Outcome, Reason, Report, StartError, Strategy, TaskState, Tasks,
};
use lifespan_sim::{Sim, SimLoop};

use crate::log::Log;
use crate::services::{SECOND, clock, plain};

#[test]
fn what_comes_after_waits_until_a_service_is_ready() {
    let (log, clock) = (Log::default(), clock());
    let (opens, web, front) = (log.clone(), log.clone(), log.clone());
    let (c1, c2, c3) = (clock.clone(), clock.clone(), clock);
    let report = Lifespan::on(SimLoop::new(0))
        .component("db", |it| {
            it.startup(async |_cx| ()).service_with(
                "pool",
                |it| it.must_be_ready().on_failure(plain()),
                async move |cx: Cx<'_, Sim>| {
                    opens.add(format!("{} pool", c1(&cx)));
                    cx.sleep(SECOND).await;
                    // It fails before it is ready, and is waited for all the same.
                    if cx.this_task().unwrap().attempts() == 1 {
                        return Err("refused");
                    }
                    cx.ready();
                    cx.shutdown().wait().await;
                    Ok(())
                },
            )
        })
        .component("web", |it| it.startup(async move |cx| web.add(format!("{} web", c2(&cx)))))
        .service_with(
            "late",
            |it| it.must_be_ready(),
            async |cx| {
                cx.sleep(SECOND * 2).await;
                cx.ready();
                cx.shutdown().wait().await;
            },
        )
        .serve(async move |cx| front.add(format!("{} front", c3(&cx))))
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), ["0 pool", "2 pool", "3 web", "5 front"]);
    assert_eq!(report.phases.starting, SECOND * 5);
    assert_eq!(report.component("db").unwrap().start_took, SECOND * 3);
}

#[test]
fn a_service_that_is_never_ready_passes_the_start_budget_and_is_named() {
    let log = Log::default();
    let (web, down) = (log.clone(), log.clone());
    let report = Lifespan::on(SimLoop::new(0))
        .component("db", |it| {
            it.startup(async |cx| cx.sleep(SECOND * 2).await)
                .shutdown(async move |_cx| down.add("db is closed"))
                .service_with(
                    "pool",
                    |it| it.must_be_ready(),
                    async |cx| {
                        cx.shutdown().wait().await;
                    },
                )
                .start_timeout(SECOND * 5)
        })
        .component("web", |it| it.startup(async move |_cx| web.add("never")))
        .run();
    let error = report.start_error.as_ref().unwrap();
    assert!(matches!(error, StartError::NotReady { .. }) && error.to_string().contains("db/pool"));
    assert_eq!((report.exit_code(), report.phases.starting), (3, SECOND * 5), "{report}");
    assert_eq!(log.take(), ["db is closed"], "what had been opened is closed");
}

#[test]
fn a_service_that_ends_before_it_is_ready_fails_the_start_at_once() {
    let report = Lifespan::on(SimLoop::new(0))
        .concurrent_start()
        .component("db", |it| {
            let describe =
                |it: lifespan_core::Service| it.must_be_ready().on_failure(OnEnd::Ignore);
            it.service_with("pool", describe, async |cx| {
                cx.sleep(SECOND).await;
                Err::<(), _>("refused")
            })
        })
        .component("other", |it| it.startup(async |_cx| pending::<()>().await))
        .run();
    let error = report.start_error.as_ref().unwrap().to_string();
    assert!(error.contains("db/pool") && error.contains("refused"), "{error}");
    assert_eq!(report.phases.starting, SECOND, "{report}");
}

#[test]
fn a_stop_ends_the_wait_for_who_is_not_ready() {
    let report = Lifespan::on(SimLoop::new(0))
        .service_with(
            "late",
            |it| it.must_be_ready(),
            async |cx| {
                cx.sleep(SECOND).await;
                cx.trigger().set(Reason::Requested).unwrap();
                cx.shutdown().wait().await;
            },
        )
        .serve(async |_cx| unreachable!("it was not ready"))
        .run();
    assert!(report.is_clean() && report.phases.starting == SECOND, "{report}");
}

#[test]
fn anyone_may_wait_until_a_task_is_ready() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let task = cx.task("cache").spawn(async |cx| {
                cx.sleep(SECOND).await;
                cx.ready();
                cx.sleep(SECOND).await;
            });
            let task = task.unwrap();
            let began = cx.now();
            let waits = [(); 3].map(|()| task.task_ref().ready());
            for wait in waits {
                wait.await.unwrap();
            }
            assert_eq!(cx.now() - began, SECOND);
            task.task_ref().finished().await;
            task.task_ref().ready().await.expect("it was ready before it ended");
            let never = cx.task("never").spawn(async |_cx| Err::<(), _>("no")).unwrap();
            let error = never.task_ref().ready().await.unwrap_err();
            assert_eq!(error.to_string(), "task never ended before it was ready: failed: no");
            never.await.unwrap_err();
            cx.ready(); // of no task: nothing
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn who_begins_again_is_not_ready_before_it_says_so_again() {
    let count = Arc::new(AtomicU32::new(0));
    let report = Lifespan::on(SimLoop::new(0))
        .service_with(
            "feed",
            |it| it.on_failure(plain()),
            async move |cx: Cx<'_, Sim>| {
                let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
                cx.sleep(SECOND * 3).await;
                cx.ready();
                cx.sleep(SECOND).await;
                if is_first {
                    return Err("again");
                }
                cx.shutdown().wait().await;
                Ok(())
            },
        )
        .serve(async |cx| {
            let (feed, began) = (cx.tasks().get("feed").unwrap(), cx.now());
            feed.ready().await.unwrap();
            assert_eq!(cx.now() - began, SECOND * 3);
            cx.sleep(SECOND * 3).await; // it has failed, and begun again
            feed.ready().await.unwrap();
            assert_eq!(cx.now() - began, SECOND * 8);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

/// Ready at once, it fails after a second, once; then it is ready two seconds after it has begun.
async fn fails_once(cx: Cx<'_, Sim>) -> Result<(), &'static str> {
    if cx.this_task().unwrap().attempts() == 1 {
        cx.ready();
        cx.sleep(SECOND).await;
        return Err("once");
    }
    cx.sleep(SECOND * 2).await;
    cx.ready();
    cx.shutdown().wait().await;
    Ok(())
}

#[test]
fn who_waits_to_begin_again_is_not_ready() {
    let policy = plain().backoff(SECOND * 30, SECOND * 30);
    let report = Lifespan::on(SimLoop::new(0))
        .service_with("feed", |it| it.on_failure(policy), fails_once)
        .serve(async |cx| {
            let (feed, began) = (cx.tasks().get("feed").unwrap(), cx.now());
            feed.ready().await.unwrap();
            let asked_before = feed.ready();
            cx.sleep(SECOND * 5).await;
            assert_eq!(feed.state(), TaskState::Restarting);
            let waits = cx.spawn({
                let feed = feed.clone();
                async move |_cx| feed.ready().await.is_ok()
            });
            assert!(cx.timeout(SECOND * 5, feed.ready()).await.is_err(), "it is down");
            // Nobody waits before the first poll, and it is down then.
            asked_before.await.unwrap();
            assert_eq!(cx.now() - began, SECOND * 33);
            assert!(waits.await.unwrap());
            feed.ready().await.unwrap();
            assert_eq!(cx.now() - began, SECOND * 33);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn who_waits_for_its_turn_to_begin_again_is_not_ready() {
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            it.strategy(Strategy::OneForAll)
                .service("calm", async |cx| {
                    cx.ready();
                    cx.shutdown().wait().await;
                })
                .service_with("fails", |it| it.on_failure(plain()), fails_once)
                .startup(async |cx| {
                    let tasks = cx.tasks();
                    cx.state().insert(tasks);
                })
        })
        .serve(async |cx| {
            let began = cx.now();
            let calm = cx.state().get::<Tasks>().unwrap().get("calm").unwrap();
            calm.ready().await.unwrap();
            cx.sleep(SECOND * 3 / 2).await;
            assert_eq!(calm.state(), TaskState::Restarting);
            calm.ready().await.unwrap();
            assert_eq!(cx.now() - began, SECOND * 2, "its second attempt is ready");
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn who_is_stopped_before_it_begins_again_was_not_ready() {
    let policy = plain().backoff(SECOND * 30, SECOND * 30);
    let report = Lifespan::on(SimLoop::new(0))
        .service_with("feed", |it| it.on_failure(policy), fails_once)
        .serve(async |cx| {
            let feed = cx.tasks().get("feed").unwrap();
            feed.ready().await.unwrap();
            cx.sleep(SECOND * 5).await;
            feed.stop();
            let not_ready = feed.ready().await.unwrap_err();
            assert!(matches!(not_ready.outcome(), Outcome::Completed));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

/// Two services that must be ready; the second is, at once, and is down when the first one is.
fn start_with_one_that_falls(budget: Duration) -> Report {
    Lifespan::on(SimLoop::new(0))
        .component("db", |it| {
            it.start_timeout(budget)
                .service_with(
                    "slow",
                    |it| it.must_be_ready(),
                    async |cx| {
                        cx.sleep(SECOND * 5).await;
                        cx.ready();
                        cx.shutdown().wait().await;
                    },
                )
                .service_with(
                    "falls",
                    |it| it.must_be_ready().on_failure(plain().backoff(SECOND * 6, SECOND * 6)),
                    fails_once,
                )
        })
        .serve(async |_cx| ())
        .run()
}

#[test]
fn the_start_waits_for_one_that_was_ready_and_is_down_when_it_is_looked_at() {
    let report = start_with_one_that_falls(SECOND * 20);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.phases.starting, SECOND * 9, "begun again at 7, ready 2 later");
    let report = start_with_one_that_falls(SECOND * 8);
    let error = report.start_error.as_ref().unwrap();
    assert!(matches!(error, StartError::NotReady { .. }) && error.to_string().contains("db/falls"));
    assert_eq!((report.exit_code(), report.phases.starting), (3, SECOND * 8), "{report}");
}
