//! Scopes in which the first failure stops all, and what becomes of failures.

use std::future::pending;
use std::time::Duration;

use lifespan_core::{Cx, Outcome, Reason};

use crate::by_hand::{Hand, next_round, serve};
use crate::woken::{panicking, register};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_first_failure_stops_the_others_and_all_are_collected() {
    let report = serve(async |cx| {
        let scope = cx.scope("group").fail_fast().grace(SECOND).open().unwrap();
        scope.task("worker").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        let fails_too = async |cx: Cx<'_, Hand>| {
            cx.shutdown().wait().await;
            Err::<(), _>("the second")
        };
        scope.task("second").spawn(fails_too).unwrap().detach();
        scope.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        scope.task("first").spawn(async |_cx| Err::<(), _>("the first")).unwrap().detach();
        let event = scope.shutdown().clone();
        let began = cx.now();
        let report = scope.finish(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 1, "the grace of who is stubborn");
        assert_eq!(event.reason(), Some(Reason::TaskFailed("group/first".into())));
        assert_eq!(report.completed, 1, "{report}");
        let failed = report.failures.iter().map(|task| task.path.as_str()).collect::<Vec<_>>();
        assert_eq!(failed, ["group/first", "group/second"]);
        assert_eq!(report.cancelled[0].path, "group/stubborn");
        assert!(matches!(report.first_failure().unwrap().outcome, Some(Outcome::Failed(_))));
    });
    assert!(report.is_clean(), "who asked has heard: {report}");
}

#[test]
fn a_failure_stops_nobody_where_all_are_independent() {
    let report = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        scope.task("fails").spawn(async |_cx| Err::<(), _>("no luck")).unwrap().detach();
        let other = scope.spawn(async |cx| {
            cx.sleep(SECOND).await;
            assert!(!cx.shutdown().is_set());
        });
        let report = scope.finish(&cx).await;
        assert_eq!((report.completed, report.failures.len()), (1, 1));
        other.unwrap().await.unwrap();
    });
    assert_eq!(report.exit_code(), 4, "nobody awaited it: {report}");
    assert!(report.task("scope/fails").unwrap().unheard);
}

#[test]
fn failures_of_a_fail_fast_scope_are_reported_once_if_nobody_asks_it() {
    for is_detached in [false, true] {
        let report = serve(async move |cx| {
            let scope = cx.scope("group").fail_fast().open().unwrap();
            scope.task("fails").spawn(async |_cx| Err::<(), _>("no luck")).unwrap().detach();
            let awaited = scope.task("heard").spawn(async |_cx| Err::<(), _>("heard")).unwrap();
            let late = scope.task("late").spawn(async |_cx| Err::<(), _>("late")).unwrap();
            next_round().await;
            assert!(awaited.await.is_err());
            if is_detached {
                scope.detach();
            }
            drop(late);
        });
        let unheard = report.tasks.iter().filter(|task| task.unheard);
        let mut unheard = unheard.map(|task| task.path.as_str()).collect::<Vec<_>>();
        unheard.sort_unstable();
        assert_eq!(unheard, ["group/fails", "group/late"], "{report}");
    }
}

#[test]
fn a_failure_stays_in_its_scope() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").fail_fast().open().unwrap();
        let inner = outer.scope("inner").fail_fast().open().unwrap();
        inner.spawn(async |_cx| panic!("inside")).unwrap().detach();
        next_round().await;
        assert!(inner.shutdown().is_set() && !outer.shutdown().is_set());
        drop(inner);
        assert!(!outer.shutdown().is_set());
        let report = outer.close(&cx).await;
        assert_eq!(report.failures.len(), 1, "what its holder did not ask for is counted here");
    });
}

#[test]
fn who_comes_after_the_failure_is_born_stopped() {
    let _ = serve(async |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        let lives = scope.spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.spawn(async |cx| assert!(cx.shutdown().is_set())).await.unwrap();
        });
        scope.spawn(async |_cx| panic!("first")).unwrap().detach();
        let report = scope.finish(&cx).await;
        assert_eq!((report.completed, report.failures.len()), (2, 1), "{report}");
        lives.unwrap().await.unwrap();
    });
}

#[test]
fn a_failure_after_the_report_was_asked_for_is_reported_by_the_lifespan() {
    let report = serve(async |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        let spawner = scope.spawner().clone();
        let closer = spawner.task("closer").spawn(async move |cx| {
            let early = cx.task("early").spawn(async |_cx| Err::<(), _>("early")).unwrap();
            early.task_ref().finished().await;
            let report = scope.close(&cx).await;
            assert_eq!(report.failures.len(), 1, "{report}");
            drop(early);
            Err::<(), _>("late")
        });
        let ended = closer.unwrap().task_ref().clone();
        ended.finished().await;
    });
    let unheard = report.tasks.iter().filter(|task| task.unheard);
    let unheard = unheard.map(|task| task.path.as_str()).collect::<Vec<_>>();
    assert_eq!(unheard, ["group/closer"], "{report}");
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn failures_that_are_too_many_to_be_listed_are_counted() {
    let report = serve(async |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        for _ in 0..150 {
            scope.spawn(async |_cx| Err::<(), _>("no luck")).unwrap().detach();
        }
        scope.detach();
        next_round().await;
    });
    let listed = report.tasks.iter().filter(|task| task.unheard).count() as u64;
    assert_eq!(listed + report.more_failures, 150, "{report}");
}

#[test]
fn a_waker_that_panics_stops_neither_the_end_of_who_failed_nor_that_of_the_scope() {
    let report = serve(async |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        let _wait = register(scope.shutdown(), &panicking());
        scope.task("waits").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        scope.task("fails").spawn(async |_cx| Err::<(), _>("no luck")).unwrap().detach();
        let began = cx.now();
        let report = scope.finish(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 0, "no deadline was waited for");
        assert_eq!((report.completed, report.failures.len()), (1, 1), "{report}");
        assert!(report.stragglers.is_empty() && cx.tasks().is_empty());
    });
    assert!(report.is_clean(), "{report}");
}
